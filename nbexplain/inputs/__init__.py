"""What an input is: its tensor, how it is shown, its features, how features are masked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from nbexplain.inputs.array import Array
from nbexplain.inputs.image import Image
from nbexplain.inputs.image_display import Display
from nbexplain.inputs.image_shapes import is_picture, refuse_unclear
from nbexplain.inputs.image_transform import NoImage
from nbexplain.inputs.masker import Masker
from nbexplain.inputs.parts import Key, Parts, is_several
from nbexplain.inputs.raw import refuse_raw
from nbexplain.inputs.tabular import Tabular
from nbexplain.inputs.tensors import as_tensor
from nbexplain.inputs.text import Text
from nbexplain.inputs.volume import Volume

__all__ = ["Array", "Display", "Image", "Key", "Masker", "Tabular", "Text", "Volume", "as_input"]


def as_input(
    x: Any,
    preprocess: Callable[[Any], Any] | None = None,
    part: Key | None = None,
    display: Display | None = None,
) -> Array:
    """Wrap what a user hands in: an image as `Image`, a tensor (1, C, D, H, W) as `Volume`, any other as `Array`.

    Parameters
    ----------
    x
        An image (PIL, path, array), a tensor or array (1, …); or a dict, tuple or dataclass with several inputs of the
        model, of which the explained one is an `Image` where it looks like one.
    preprocess
        The user's transform. It is asked with `x`, whatever that is: an image, an array or tensor of another kind (a
        signal), or the whole dict or tuple. Of an image it returns a tensor (C, H, W); of anything else what the model
        takes: a tensor or array, to which a batch axis is added where the first is longer than 1, or a dict or tuple.
        Only a tensor (1, C, H, W) or (3, H, W) of floats is what the network takes already: there the transform is
        asked where black and white lie. A tensor of any other shape is a raw value, as an array is.
    part
        Which of several inputs is explained: key, index or field; see `Parts`.
    display
        Which channels of an image are drawn; see `Image`.

    Raises
    ------
    TypeError, ValueError
        If it cannot be taken, or if it is wrapped already and `preprocess` is not what it was made with.
    """
    if isinstance(x, Array):
        made_by = x.transform or (x._preprocess if isinstance(x, Image) else None)
        for name, value, own in (
            ("preprocess", preprocess, made_by),
            ("display", display, getattr(x, "display", None)),
        ):
            if value is not None and value != own:
                kind = type(x).__name__
                way = f"give it to {kind}(…)" if isinstance(x, Image) else "leave it out"
                if isinstance(x, Tabular):
                    way += ", or, for a torch module, Tabular(row, background=table, encode=…)"
                raise TypeError(f"{name}: x is {kind}(…) already, to which it cannot be applied; {way}")
        return x if part in (None, x.part) else _explaining(x, part)
    if preprocess is None or isinstance(x, str):
        refuse_raw(x)
    if isinstance(x, np.ndarray) and x.ndim == 4:
        x = as_tensor(x)
    told = preprocess is not None or display is not None
    is_image = is_picture(x, told=told)
    made = _put_through(x, preprocess) if preprocess is not None and not is_image else x
    if is_several(made):
        taken = _among(Parts(made, part), display)
    elif (is_image or is_picture(made)) and part is None:
        taken = _as_image(made, preprocess if made is x else None, display)
    else:
        if preprocess is None:
            refuse_unclear(made)
        taken = _as_array(made, part)
    if display is not None and not isinstance(taken, Image):
        raise ValueError(f"display: it is for images, got {type(x).__name__}; try Image(…, display=…)")
    taken.transform = preprocess
    return taken


def _as_image(x: Any, preprocess: Callable[[Any], Any] | None, display: Display | None) -> Array:
    """An image; or an array, if it was the transform alone that might have taken it for one."""
    try:
        return Image(x, preprocess, display=display)
    except NoImage as error:
        if is_picture(x):
            raise
        made = error.tensor
        return _as_array(made if made.ndim > 1 and made.shape[0] == 1 else made[None])


def _as_array(x: Any, part: Key | None = None) -> Array:
    """A tensor, or the explained one of several; a volume, if it is one."""
    taken = Array(x, part=part)
    return Volume(x, part=part) if taken.tensor.ndim == 5 else taken


def _among(parts: Parts, display: Display | None = None) -> Array:
    """The explained one of several: an `Image`, if it is one."""
    x = parts.tensor
    if not (is_picture(x) and x.ndim == (4 if parts.batched else 3) and (x.shape[0] == 1 or not parts.batched)):
        return _as_array(parts)
    taken = Image(x, display=display)
    taken.stands_among(parts)
    return taken


def _explaining(x: Array, part: Key | None) -> Array:
    """The same inputs, with another one explained."""
    if x.parts is None:
        raise ValueError(f"part: x is one {type(x).__name__}, of which there are no parts to choose from, got {part!r}")
    taken = _among(Parts(x.parts.given, part, x.batched))
    taken.transform = x.transform
    return taken


def _put_through(x: Any, preprocess: Callable[[Any], Any]) -> Any:
    """What the transform makes of something that is no image; a tensor of it has a batch axis."""
    try:
        made = preprocess(_copy(x))
    except Exception as error:
        raise RuntimeError(f"preprocess: it raised {type(error).__name__} on x, {_described(x)}: {error}") from error
    if isinstance(made, np.ndarray):
        made = as_tensor(made)
    if isinstance(made, Tensor):
        return made[None] if made.ndim < 2 or made.shape[0] != 1 else made
    if not is_several(made):
        raise TypeError(f"preprocess: expected a tensor, a dict or a tuple from it, got {type(made).__name__}")
    return made


def _copy(x: Any) -> Any:
    """For a transform that may write into it."""
    if isinstance(x, Tensor):
        return x.detach().clone()
    if isinstance(x, np.ndarray):
        return x.copy()
    if type(x) in (list, tuple):
        return type(x)(_copy(item) for item in x)
    return {key: _copy(item) for key, item in x.items()} if type(x) is dict else x


def _described(x: Any) -> str:
    kind = "" if isinstance(x, Mapping) else f" {tuple(x.shape)}" if isinstance(x, (Tensor, np.ndarray)) else ""
    return f"{type(x).__name__}{kind}"
