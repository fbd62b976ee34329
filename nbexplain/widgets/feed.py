"""The way of an answer to the browser: coarse at once, exact when the hand rests, one frame in flight."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.memory import options
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets.wire import MAX_BYTES, Array, quantise, shrink

SMALL = 64 * 1024  # bytes below which there is nothing to gain from a coarse frame
_REST = 0.15  # seconds without a newer frame after which full precision follows
_LIGHT = 16 * 1024  # bytes below which a frame is not reported: the report itself would slow down the next frame
_LOST = 1.0  # seconds after which a frame that was not drawn (its page is gone) no longer holds up the next ...
_SLOWEST = 50_000  # ... and one more for as many bytes: a slow line still carries them


class Feed:
    """Sends the newest array and drops what the browser could not have drawn in time.

    `show` is called in the worker only, or before the first display.

    Parameters
    ----------
    array
        Where the frames go.
    session
        Whose chores they are.
    limit
        Bytes that a grid of all channels may have; it stays quantised, its cells averaged until it fits.
    """

    def __init__(self, array: Array, session: Session, *, limit: int | None = None) -> None:
        self.array = array
        self._session = session
        self._limit = limit
        self._newest: tuple[np.ndarray, dict[str, Any]] | None = None
        self._exact: tuple[np.ndarray, dict[str, Any]] | None = None  # what follows the coarse frame that was sent last
        self._sent_at = 0.0
        self._awaited = 0  # the frame that the browser was asked to report, 0 for none
        array.on_drawn = self._drawn

    def show(self, values: np.ndarray, meta: dict[str, Any]) -> None:
        """Send ([channel,] [z,] y, x) values with what they mean, or keep them until the last frame is drawn."""
        self._newest = (values, meta)
        if patience := self._patience():
            runner.later((self, "flush"), patience, self._flush, owner=self._session)
        else:
            self._flush()

    def _patience(self) -> float:
        """Seconds for which the last frame may still be on its way to the browser; 0 if it is drawn, or lost.

        Where nothing is done later (`options.run == "sync"`) there is nothing to wait for either.
        """
        shown = self.array.drawn > 0  # a page that never reported has not been displayed
        if options.run == "sync" or not shown or self.array.drawn >= self._awaited:
            return 0
        longest = _LOST + len(self.array.buffer) / _SLOWEST
        return max(self._sent_at + longest - time.monotonic(), 0)

    def _drawn(self, _frame: int) -> None:
        if self._newest is not None:
            runner.later((self, "flush"), 0, self._flush, owner=self._session)
        elif self._exact is not None:
            runner.later((self, "exact"), _REST, self._sharpen, owner=self._session)

    def _flush(self) -> None:
        if self._newest is None:
            return
        (values, meta), self._newest, self._exact = self._newest, None, None
        self._sent_at = time.monotonic()
        if self._limit is not None:
            levels, low, high = quantise(shrink(values, self._limit), per_channel=True)
            self._send(levels, low=low, high=high, **meta)
            return
        if _is_volume(meta) and values.size > MAX_BYTES // 4:  # its slices as sharp as one message can hold them
            levels, low, high = quantise(shrink(values, MAX_BYTES), per_channel=False)
            self._send(levels, low=low, high=high, coarse=True, **meta)
            return
        exact = shrink(values, MAX_BYTES // 4).astype(np.float32)
        if exact.nbytes <= SMALL:
            self._send(exact, **meta)
            return
        levels, low, high = quantise(exact, per_channel=False)
        self._send(levels, low=low, high=high, coarse=True, **meta)
        self._exact = (exact, meta)
        runner.later((self, "exact"), _REST, self._sharpen, owner=self._session)

    def _sharpen(self) -> None:
        """Send what the coarse frame stands for, once that one is drawn: on a slow line it would jam the next ones."""
        if self._exact is None or self._newest is not None:
            return
        if patience := self._patience():
            runner.later((self, "exact"), patience, self._sharpen, owner=self._session)
            return
        (exact, meta), self._exact = self._exact, None
        self._sent_at = time.monotonic()
        self._send(exact, **meta)

    def _send(self, values: np.ndarray, **about: Any) -> None:
        heavy = values.nbytes >= _LIGHT
        self.array.send(values, report=heavy, **about)
        self._awaited = self.array.frame if heavy else 0


def as_picture(explanation: Explanation) -> np.ndarray:
    """The values of an explanation as ([channel,] [z,] y, x), to be drawn; float32."""
    values, axes = explanation.values, explanation.axes
    if "channel" in axes and explanation.on != "features":
        values = np.moveaxis(values, axes.index("channel"), 0)  # a video may have its frames first
    if explanation.on == "features":
        assert explanation.features is not None
        values = values[explanation.features]
    elif values.ndim == 0:  # one channel of a vector
        values = values.reshape(1, 1)
    elif "channel" in axes and values.ndim < 3:
        # vectors and signals of all channels: one row per channel
        values = values.reshape(len(values), 1, -1)
    elif values.ndim == 1 or (values.ndim == 2 and explanation.axes == ("place",)):
        values = values[None]
    return values.astype(np.float32, copy=False)


def _is_volume(meta: dict[str, Any]) -> bool:
    return "z" in meta.get("axes", ())


def weights_and_errors(explanation: Explanation) -> np.ndarray:
    """(2, n): what each feature weighs, and its standard error, NaN where it is not known."""
    errors = explanation.standard_error
    unknown = np.full_like(explanation.values, np.nan)
    return np.stack([explanation.values, unknown if errors is None else errors]).astype(np.float32)


def is_cut(explanation: Explanation) -> bool:
    """Whether its values belong to the superpixels of a picture."""
    return explanation.on == "features" and explanation.features is not None and explanation.features.ndim == 2


def about(explanation: Explanation, key: str, title: str) -> dict[str, Any]:
    """What a pane must know of an explanation that it draws."""
    drawn = as_picture(explanation)
    of_volume = "z" in explanation.axes
    return {
        "key": key,
        "title": title,
        "axes": [*["channel"] * (drawn.ndim - 2 - of_volume), *["z"] * of_volume, "y", "x"],
        "size": list(drawn.shape[-2:]),
        "signed": explanation.signed,
        "quantity": explanation.quantity,
        "on": "grid" if explanation.on == "layer" else "pixels",
        "progress": explanation.progress,
        "channel": explanation.channel,
    }
