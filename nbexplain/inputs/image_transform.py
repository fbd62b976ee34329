"""The user's transform from an image to a tensor: how it is called, and what is taken of what it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from nbexplain.inputs.array import _one
from nbexplain.inputs.image_values import flat_like, in_eight_bits
from nbexplain.inputs.tensors import as_tensor, plain

_PIXELS = "pixel_values"  # what Hugging Face's processors call the image
_PROCESSORS = ("ImageProcessingMixin", "BaseImageProcessor", "FeatureExtractionMixin", "ProcessorMixin")


class NoImage(ValueError):
    """What a transform made of an array is no image: it was a signal, or a row."""

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(f"preprocess: expected a tensor (C, H, W) from it, got shape {tuple(tensor.shape)}")
        self.tensor = tensor


@dataclass(frozen=True, eq=False)
class Transformed:
    """What a transform made of an image.

    Attributes
    ----------
    tensor
        (1, C, H, W) in most cases; whoever wants an image looks.
    name, others
        What a mapping calls it, and the other tensors of that mapping.
    """

    tensor: Tensor
    name: str = ""
    others: dict[str, Any] = field(default_factory=dict)


def transformed(source: Any, preprocess: Callable[[Any], Any], called: str = "x") -> Transformed:
    """Put an image through a transform.

    Parameters
    ----------
    source
        The image as the transform wants it; it is handed over as it is.
    preprocess
        A callable that returns a tensor or array (C, H, W) or (1, C, H, W), a list of one, or a mapping with one; or
        an image processor of Hugging Face, which is called as `processor(images=…, return_tensors="pt")`.
    called
        What the image is called in the user's code, for messages.

    Raises
    ------
    TypeError, ValueError
        If the transform raises, naming what it was given and the call that would work, if there is one; or if what it
        returns is none of these.
    """
    try:
        returned = call(source, preprocess)
    except Exception as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(_refusal(source, preprocess, error, called)) from error
    if isinstance(returned, Mapping):
        return _of_mapping(returned)
    tensor = _tensor(returned)
    if tensor is None:
        count = f" of {len(returned)}" if isinstance(returned, (list, tuple)) else ""
        raise TypeError(f"preprocess: expected a tensor from it, got {type(returned).__name__}{count}")
    return Transformed(batched(tensor))


def put_through(
    opened: Any, preprocess: Callable[[Any], Any], is_file: bool
) -> tuple[Any, tuple[str, ...], Transformed]:
    """The image that a transform was given, what that took, and what it made of it.

    A file that it refuses in its own depth or in grey is tried as RGB of eight bits.
    """
    try:
        return opened, (), transformed(opened, preprocess, "PIL.Image.open(x)" if is_file else "x")
    except (TypeError, ValueError) as error:
        if not is_file or opened.mode == "RGB":
            raise
        refused = error
    try:
        colours, notes = in_eight_bits(opened)
        return colours, notes or ("grey values are repeated for three colours",), transformed(colours, preprocess)
    except (TypeError, ValueError):
        raise refused from refused.__cause__


def black_and_white(like: Any, preprocess: Callable[[Any], Any], tensor: Tensor) -> tuple[Tensor, Tensor] | None:
    """What a transform makes of an all-black and an all-white image like one; None where that tells nothing."""
    try:
        black, white = (transformed(flat_like(like, shade), preprocess).tensor.to(tensor) for shade in (0, 1))
    except Exception:  # a transform for other images than these: black and white stay unknown, and it is said
        return None
    same = black.shape == white.shape == tensor.shape and bool((black != white).all())
    return (_small(black), _small(white)) if same else None


def call(source: Any, preprocess: Callable[[Any], Any]) -> Any:
    """Call a transform as its signature wants it."""
    if any(base.__name__ in _PROCESSORS for base in type(preprocess).__mro__):
        return preprocess(images=source, return_tensors="pt")  # type: ignore[call-arg]
    try:
        parameters = inspect.signature(preprocess).parameters
    except (TypeError, ValueError):  # some callables have none
        return preprocess(source)
    free = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    if "images" in parameters and ("return_tensors" in parameters or free):
        return preprocess(images=source, return_tensors="pt")  # type: ignore[call-arg]
    return preprocess(source)


def batched(x: Tensor) -> Tensor:
    """(1, C, H, W) of a tensor (C, H, W) too."""
    if x.ndim < 3:
        raise NoImage(x)
    return _one(x[None] if x.ndim == 3 else x)


def _of_mapping(returned: Mapping[Any, Any]) -> Transformed:
    tensors = {str(name): found for name, value in returned.items() if (found := _tensor(value)) is not None}
    images = [name for name, x in tensors.items() if x.is_floating_point() and x.ndim in (3, 4)]
    if _PIXELS in tensors:
        images = [_PIXELS]
    if len(images) != 1:
        got = ", ".join(f"{name!r} {tuple(x.shape)}" for name, x in tensors.items()) or "no tensor"
        raise ValueError(
            f"preprocess: expected a mapping with one floating-point tensor (C, H, W), got {got}; let it return that "
            "tensor, or call it pixel_values"
        )
    image = tensors.pop(images[0])
    alone = image.ndim == 3  # then the others have no batch axis either
    others: dict[str, Any] = {name: x[None] if alone else x for name, x in tensors.items()}
    return Transformed(batched(image), images[0], others)


def _tensor(value: Any) -> Tensor | None:
    """A tensor, also of an array or a list of one; None where it is something else."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return _tensor(value[0])
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return as_tensor(value)
    return plain(value) if isinstance(value, Tensor) else None


def _refusal(source: Any, preprocess: Callable[[Any], Any], error: Exception, called: str) -> str:
    """What the transform was given, what it raised, and what it takes instead, which is tried."""
    said = str(error).strip().split("\n")[0]
    text = f"preprocess: it raised {type(error).__name__} ({said}) when given {_described(source)}"
    way = next((way for way, make in _OTHERS if _is_taken(source, make, preprocess)), None)
    return f"{text}; it takes Image({way.format(x=called)}, preprocess)" if way else text


def _is_taken(source: Any, make: Callable[[Any], Any], preprocess: Callable[[Any], Any]) -> bool:
    try:
        call(make(source), preprocess)
    except Exception:  # this is no way out either
        return False
    return True


def _described(source: Any) -> str:
    if isinstance(source, (np.ndarray, Tensor)):
        kind = "an array" if isinstance(source, np.ndarray) else "a tensor"
        return f"{kind} {str(source.dtype).removeprefix('torch.')} {tuple(source.shape)}"
    return f"a PIL image of mode {source.mode}, {source.width}×{source.height}"


def _array_from(picture: Any) -> np.ndarray:
    if isinstance(picture, (np.ndarray, Tensor)):
        raise TypeError("it is no PIL image")
    return np.array(picture)


def _pil_from(array: Any) -> Any:
    import PIL.Image

    return PIL.Image.fromarray(array)


_OTHERS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("PIL.Image.fromarray({x})", _pil_from),
    ("{x}.convert('RGB')", lambda source: source.convert("RGB")),
    ("np.asarray({x})", _array_from),
    ("np.asarray({x}.convert('RGB'))", lambda source: _array_from(source.convert("RGB"))),
    ("{x}.permute(1, 2, 0).numpy()", lambda source: source.permute(1, 2, 0).numpy()),
)


def _small(tensor: Tensor) -> Tensor:
    """The same tensor, but with one number in memory for a channel that is all of one value."""
    corner = tensor[..., :1, :1]
    return corner.clone().expand_as(tensor) if bool((tensor == corner).all()) else tensor
