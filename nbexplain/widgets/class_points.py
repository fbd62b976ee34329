"""Points of a data set by class: no two of up to 25 classes have the same shape in the same colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.widgets.chart_style import number
from nbexplain.widgets.feature_words import isolated
from nbexplain.widgets.heat_picture import DIVERGING
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.text_width import fitted

# Blue and red as the sides of the surface; each of the shapes differs from the others without its colour too.
_SHAPES = (("circle", "●"), ("square", "■"), ("triangle-up", "▲"), ("diamond", "◆"), ("cross", "✚"))
_COLOURS = ("#0b4f8a", "#9c1127", "#8a6d00", "#006b50", "#8b3a78")
MOST_APART = len(_SHAPES) * len(_COLOURS)  # classes, of which no two look alike
_SIZE = 34
_LONGEST = 28


class ClassPoints:
    """A mark for each class; a click on a point tells its number.

    Attributes
    ----------
    marks
        What belongs on the figure.
    keys
        For a caption: which shape is which class.
    """

    def __init__(self, x: bqplot.Scale, y: bqplot.Scale, on_choose: Callable[[int], None] | None) -> None:
        self._scales = {"x": x, "y": y}
        self._on_choose = on_choose
        self._numbers: list[np.ndarray] = []  # of the points in each mark
        self._dropped: list[ipywidgets.Widget] = []
        self._ramp: ipywidgets.Widget | None = None
        self.marks: list[bqplot.Scatter] = []
        self.keys: list[ipywidgets.Widget] = []

    def draw(
        self, points: np.ndarray, classes: np.ndarray, class_names: Sequence[str], said: Sequence[str] | None = None
    ) -> bool:
        """Show other points; says whether there are other marks now.

        Parameters
        ----------
        points
            (M, 2); those that are not finite are left out.
        classes
            The class of each, (M,) int.
        class_names
            One for each class.
        said
            Where each lies, in words to the pointer, where x and y are no plain numbers.

        Raises
        ------
        ValueError
            If shapes do not fit, or a class has no name.
        """
        places = np.asarray(points, float).reshape(-1, 2) if np.size(points) == 0 else np.asarray(points, float)
        of = np.asarray(classes, int).reshape(-1)
        if places.ndim != 2 or places.shape[1] != 2:
            raise ValueError(f"points: expected (points, 2), got shape {places.shape}")
        if len(of) != len(places):
            raise ValueError(f"classes: expected one for each of {len(places)} points, got {len(of)}")
        if of.size and not 0 <= of.min() <= of.max() < len(class_names):
            raise ValueError(
                f"classes: expected numbers from 0 to {len(class_names) - 1}, got {of.min()} to {of.max()}"
            )
        fresh = len(self.marks) != len(class_names) or self._ramp is None
        if fresh:
            self._dropped += [*self.marks, *self.keys]
            self.marks = [self._mark(number) for number in range(len(class_names))]
            self.keys = [_key(number) for number in range(len(class_names))]
        seen = np.isfinite(places).all(1)
        self._numbers = [np.flatnonzero(seen & (of == number)) for number in range(len(class_names))]
        for mark, numbers, words, name in zip(self.marks, self._numbers, self.keys, class_names):
            words.children[1].value = isolated(fitted(name, _LONGEST))
            with mark.hold_sync():
                told = [name] if said is None else [f"{name}: {said[number]}" for number in numbers] or [name]
                mark.names = np.array(told * (len(numbers) if said is None and len(numbers) else 1), "U")
                mark.tooltip.fields = ["name", "x", "y"] if said is None else ["name"]
                mark.x, mark.y = places[numbers, 0], places[numbers, 1]
        return fresh

    def drop(self) -> None:
        """Close what was there before, when it is on the figure no more."""
        for widget in self._dropped:
            close_tree(widget, set(self._scales.values()))
        self._dropped = []

    def surface_key(self, quantity: str, low: float, high: float) -> ipywidgets.Widget:
        """What the colours of the surface mean."""
        if self._ramp is None:
            stops = ", ".join(f"#{colour}" for colour in DIVERGING.split())
            square = ipywidgets.Label(
                "",
                style={"background": f"linear-gradient(90deg, {stops})"},
                layout=ipywidgets.Layout(width="64px", flex="none"),
            )
            square.add_class("nbx-key")
            below = ipywidgets.Label("", layout=ipywidgets.Layout(margin="0 5px 0 0"))
            self._ramp = _beside(below, square, ipywidgets.Label(""))
        self._ramp.children[0].value = f"{quantity} {number(low)}"
        self._ramp.children[2].value = number(high)
        return self._ramp

    def _mark(self, of: int) -> bqplot.Scatter:
        mark = bqplot.Scatter(
            x=[],
            y=[],
            scales=self._scales,
            marker=_SHAPES[of % len(_SHAPES)][0],
            colors=[_colour(of)],
            stroke="#ffffff",
            stroke_width=1,
            default_size=_SIZE,
            names_unique=False,
            display_names=False,
            tooltip=bqplot.Tooltip(fields=["name", "x", "y"], formats=["", ".4~g", ".4~g"], show_labels=False),
        )
        mark.on_element_click(lambda _mark, event: self._clicked(of, event))
        return mark

    def _clicked(self, of: int, event: dict[str, Any]) -> None:
        place, numbers = (event.get("data") or {}).get("index"), self._numbers
        if self._on_choose is None or not isinstance(place, int) or of >= len(numbers):
            return
        if 0 <= place < len(numbers[of]):
            self._on_choose(int(numbers[of][place]))


def _colour(of: int) -> str:
    """That of a class: one further each time that the shapes begin anew."""
    return _COLOURS[(of + of // len(_SHAPES)) % len(_COLOURS)]


def _key(of: int) -> ipywidgets.Widget:
    """The shape of a class, white on its colour, and a place for its name."""
    shape = ipywidgets.Label(
        _SHAPES[of % len(_SHAPES)][1],
        style={"background": _colour(of), "text_color": "#ffffff"},
        layout=ipywidgets.Layout(width="16px", flex="none", margin="0 5px 0 0", justify_content="center"),
    )
    return _beside(shape, ipywidgets.Label(""))


def _beside(*words: ipywidgets.Widget) -> ipywidgets.Widget:
    return ipywidgets.HBox(list(words), layout=ipywidgets.Layout(align_items="center", margin="0"))
