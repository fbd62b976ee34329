"""Arrays on their way to the browser: bytes with dtype, shape and what they mean (twin of ``js/src/wire.ts``)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import ipywidgets
import numpy as np
import torch
import traitlets
from torch.nn.functional import avg_pool2d

STATIC = Path(__file__).parent / "static"
MAX_BYTES = 4 * 1024**2  # some hosts drop messages over 5 MB without a word
NAN_LEVEL = 255
TOP_LEVEL = 254


@functools.cache
def built(name: str) -> str:
    """Return a built browser file of this package.

    Raises
    ------
    FileNotFoundError
        If the browser files have not been built, naming the command that does.
    """
    path = STATIC / name
    if not path.is_file():
        raise FileNotFoundError(
            f"The browser part of nbexplain is not built: {path} is missing. "
            "In a source checkout run `npm ci && npm run build` in the folder js/; an installed package should hold it."
        )
    return path.read_text(encoding="utf-8")


def reference(kind: type[Any]) -> traitlets.Instance[Any]:
    """Return a trait that points at another widget, which the browser resolves to that widget's model."""
    trait = traitlets.Instance(kind, allow_none=True)
    return trait.tag(sync=True, **ipywidgets.widget_serialization)


class Bundled(anywidget.AnyWidget):
    """A widget whose browser module was built from ``js/src`` under the name of its Python file.

    The files are read when the first widget is made, so that the package can be imported without them.
    """

    _bundle: ClassVar[str]
    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    @traitlets.default("_esm")
    def _read_module(self) -> str:
        return built(f"{self._bundle}.js")

    @traitlets.default("_css")
    def _read_style(self) -> str:
        return built(f"{self._bundle}.css")


class Array(Bundled):
    """One array in the browser, which any number of panes may show. It has no view of its own.

    Only one kernel thread may write it. ``drawn`` is the last frame that the browser has drawn; ``on_drawn`` is called
    with that number, on the thread that delivers widget messages, and must not raise.
    """

    _bundle = "wire"
    _css = ""
    _view_name = traitlets.Unicode(None, allow_none=True).tag(sync=True)  # type: ignore[assignment]

    frame = traitlets.Int(0).tag(sync=True)
    buffer = traitlets.Bytes(b"").tag(sync=True)
    dtype = traitlets.Enum(["uint8", "float32"], default_value="float32").tag(sync=True)
    shape = traitlets.List(traitlets.Int()).tag(sync=True)
    low = traitlets.List(traitlets.Float()).tag(sync=True)
    high = traitlets.List(traitlets.Float()).tag(sync=True)
    meta = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.drawn = 0
        self.on_drawn: Callable[[int], None] | None = None
        self.on_msg(self._hear)

    def _hear(self, _widget: object, content: Any, _buffers: object) -> None:
        frame = content.get("drawn") if isinstance(content, dict) else None
        if isinstance(frame, int):
            self.drawn = frame
            if self.on_drawn is not None:
                self.on_drawn(frame)

    def send(self, values: np.ndarray, *, low: Sequence[float] = (), high: Sequence[float] = (), **meta: Any) -> None:
        """Show another array, in one message.

        Parameters
        ----------
        values
            A uint8 array (a picture, or quantised values with ``low`` and ``high``); anything else is sent as float32.
        low, high
            The values of the levels 0 and 254: none, one, or one per leading channel (see `quantise`).
        **meta
            What the numbers are: ``axes``, ``signed``, ``quantity``, ``key`` and so on.

        Raises
        ------
        ValueError
            If the bytes exceed `MAX_BYTES`, or ``low`` and ``high`` do not fit the array.
        """
        array = np.ascontiguousarray(values, dtype="u1" if np.asarray(values).dtype == np.uint8 else "<f4")
        if array.nbytes > MAX_BYTES:
            raise ValueError(
                f"values: {array.nbytes:,} bytes of shape {array.shape} exceed the {MAX_BYTES:,} of a frame; "
                "quantise() or shrink() them first."
            )
        if len(low) != len(high) or len(low) not in {0, 1, *array.shape[:1]}:
            raise ValueError(
                f"low, high: expected none, one or {array.shape[0] if array.ndim else 0} numbers each, "
                f"got {len(low)} and {len(high)}."
            )
        with self.hold_sync():
            self.buffer = array.tobytes()
            self.dtype = array.dtype.name
            self.shape = list(array.shape)
            self.low = [float(v) for v in low]
            self.high = [float(v) for v in high]
            self.meta = meta
            self.frame += 1


def quantise(values: np.ndarray, per_channel: bool) -> tuple[np.ndarray, list[float], list[float]]:
    """Round values to 255 levels between their smallest and largest; NaN becomes level 255.

    Infinite values take the outermost level. A part without a finite value gets the limits 0 and 0.

    Parameters
    ----------
    values
        Any shape; ``(channel, y, x)`` if ``per_channel``.
    per_channel
        One pair of limits for each leading channel instead of one for all.

    Returns
    -------
    levels, low, high
        The uint8 array, and the values of its levels 0 and 254.
    """
    array = np.asarray(values)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32)
    parts = array.reshape(len(array) if per_channel else 1, -1)
    finite = np.isfinite(parts)
    low = np.min(parts, axis=1, where=finite, initial=np.inf, keepdims=True)
    high = np.max(parts, axis=1, where=finite, initial=-np.inf, keepdims=True)
    empty = ~finite.any(axis=1, keepdims=True)
    low, high = np.where(empty, 0, low), np.where(empty, 0, high)
    span = np.where(high > low, high - low, 1)
    with np.errstate(invalid="ignore"):  # inf - inf of an infinite input; it is clipped or NaN below
        level = np.clip((parts - low) / span, 0, 1) * TOP_LEVEL
    levels = np.where(np.isnan(parts), NAN_LEVEL, np.rint(np.nan_to_num(level))).astype(np.uint8)
    return levels.reshape(array.shape), low.ravel().tolist(), high.ravel().tolist()


def shrink(values: np.ndarray, limit_bytes: int) -> np.ndarray:
    """Average neighbouring cells, by the smallest whole factor for which one byte per value fits.

    NaN cells are left out of the averages; a block that holds nothing else stays NaN. At the far edges a block may hold
    fewer cells. The smallest result has one cell per channel, whether it fits or not.

    Parameters
    ----------
    values
        ``(…, y, x)``, of which the last two axes are made smaller; returned unchanged if it fits.
    limit_bytes
        How many values may remain.
    """
    height, width = values.shape[-2:]
    channels = values.size // max(height * width, 1)
    factor = 1
    while channels * -(-height // factor) * -(-width // factor) > limit_bytes and factor < max(height, width):
        factor += 1
    if factor == 1:
        return values
    known = ~np.isnan(values)
    if known.all():
        return _averaged(values, factor)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of a block without values
        return _averaged(np.where(known, values, 0), factor) / _averaged(known.astype(values.dtype), factor)


def _averaged(values: np.ndarray, factor: int) -> np.ndarray:
    # an answer cannot be written to, which torch warns of: it may write
    planes = torch.from_numpy(np.require(values, requirements=["C", "W"])).reshape(1, -1, *values.shape[-2:])
    smaller: np.ndarray = avg_pool2d(planes, factor, ceil_mode=True, count_include_pad=False).numpy()
    return smaller.reshape(*values.shape[:-2], *smaller.shape[-2:])
