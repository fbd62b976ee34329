"""What an input is: its tensor, how it is shown, its features, how features are masked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbexplain.inputs.array import Array
from nbexplain.inputs.image import Image
from nbexplain.inputs.image_shapes import is_picture, refuse_unclear
from nbexplain.inputs.masker import Masker
from nbexplain.inputs.tabular import Tabular
from nbexplain.inputs.text import Text

__all__ = ["Array", "Image", "Masker", "Tabular", "Text", "as_input"]


def as_input(
    x: Any,
    preprocess: Callable[[Any], Any] | None = None,
    display: int | tuple[int, int, int] | None = None,
) -> Array:
    """Wrap what a user hands in: an image as `Image`, any other tensor (or dict or tuple of tensors) as `Array`."""
    told = preprocess is not None or display is not None
    if display is not None and (isinstance(x, Array) or not is_picture(x, told=told)):
        raise ValueError(f"display: it is for images as they come, got {type(x).__name__}; try Image(…, display=…)")
    if isinstance(x, Array):
        return x
    if is_picture(x, told=told):
        return Image(x, preprocess, display=display)
    if preprocess is None:
        refuse_unclear(x)
    return Array(x)
