"""Filled shapes anywhere on a bqplot figure, each with words that are read when the pointer rests on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import bqplot
import numpy as np

OUTLINE = "var(--nbx-text, #808080)"


class Boxes(bqplot.Lines):
    """Closed outlines, filled; `on_choose(number of the shape)` is called on the thread that delivers messages.

    bqplot's own bars all start at one value, cut a long name nowhere, and say only that short name to the pointer.
    """

    def __init__(
        self, x: bqplot.Scale, y: bqplot.Scale, on_choose: Callable[[int], None] | None = None, **style: Any
    ) -> None:
        given = {
            "close_path": True,
            "fill": "inside",
            "stroke_width": 1,
            "colors": ["var(--nbx-ground, transparent)"],
            **style,
        }
        self._outline: str = given["colors"][0]
        words = bqplot.Tooltip(fields=["name"], show_labels=False)
        super().__init__(x=[], y=[], scales={"x": x, "y": y}, fill_colors=[], tooltip=words, **given)
        if on_choose is not None:
            self.on_element_click(lambda _mark, event: _clicked(self, event, on_choose))

    def draw(self, x: np.ndarray, y: np.ndarray, colours: Sequence[str], words: Sequence[str]) -> None:
        """Show other shapes: the places of their corners, (shapes, corners) each, with a colour and words for each."""
        with self.hold_sync():
            self.labels, self.fill_colors = list(words), list(colours)
            self.x, self.y = x, y

    def outline(self, chosen: Collection[int]) -> None:
        """Draw an outline around these shapes alone."""
        self.colors = [OUTLINE if shape in chosen else self._outline for shape in range(max(1, len(self.labels)))]


def bars(start: np.ndarray, end: np.ndarray, row: np.ndarray, half: float) -> tuple[np.ndarray, np.ndarray]:
    """The corners of horizontal bars around the middle of their rows: x and y, (bars, 4) each."""
    low, high = row - half, row + half
    return np.stack([start, end, end, start], 1), np.stack([low, low, high, high], 1)


def _clicked(mark: Boxes, event: dict[str, Any], on_choose: Callable[[int], None]) -> None:
    number = (event.get("data") or {}).get("index")
    if isinstance(number, int) and 0 <= number < len(mark.labels):
        on_choose(number)
