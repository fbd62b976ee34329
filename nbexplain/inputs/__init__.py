"""What an input is: its tensor, how it is shown, its features, how features are masked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbexplain.inputs.array import Array
from nbexplain.inputs.image import Image, is_picture
from nbexplain.inputs.masker import Masker
from nbexplain.inputs.tabular import Tabular
from nbexplain.inputs.text import Text

__all__ = ["Array", "Image", "Masker", "Tabular", "Text", "as_input"]


def as_input(x: Any, preprocess: Callable[[Any], Any] | None = None) -> Array:
    """Wrap what a user hands in: a picture as `Image`, any other tensor (or dict or tuple of tensors) as `Array`."""
    if isinstance(x, Array):
        return x
    return Image(x, preprocess) if is_picture(x) else Array(x)
