"""What an input is: its tensor, how it is shown, its features, how features are masked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbexplain.inputs.array import Array
from nbexplain.inputs.image import Image, is_picture
from nbexplain.inputs.masker import Masker
from nbexplain.inputs.tabular import Tabular
from nbexplain.inputs.text import Text
from nbexplain.inputs.volume import Volume

__all__ = ["Array", "Image", "Masker", "Tabular", "Text", "Volume", "as_input"]


def as_input(x: Any, preprocess: Callable[[Any], Any] | None = None) -> Array:
    """Wrap what a user hands in: an image as `Image`, a tensor (1, C, D, H, W) as `Volume`, any other as `Array`.

    So too a dict or a tuple of tensors, by the one that is explained.
    """
    if isinstance(x, Array):
        return x
    if is_picture(x):
        return Image(x, preprocess)
    taken = Array(x)
    return Volume(x) if taken.tensor.ndim == 5 else taken
