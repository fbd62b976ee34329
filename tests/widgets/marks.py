"""What stands on a chart whose `figure` is a bqplot figure with words below it."""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.widgets.boxes import Boxes
from tests.widgets.comm import command


def plot(chart: Any) -> bqplot.Figure:
    return next(child for child in chart.figure.children if isinstance(child, bqplot.Figure))


def marks(chart: Any, kind: type) -> list[Any]:
    return [mark for mark in plot(chart).marks if type(mark) is kind]


def boxes(chart: Any) -> Boxes:
    return marks(chart, Boxes)[0]


def spans(chart: Any) -> np.ndarray:
    """Where each bar begins and ends: (bars, 2)."""
    x = np.atleast_2d(boxes(chart).x)
    return np.stack([x[:, 0], x[:, 1]], 1) if x.size else np.zeros((0, 2))


def texts(chart: Any) -> list[str]:
    """All that is written on the figure."""
    return [str(each) for mark in marks(chart, bqplot.Label) for each in np.atleast_1d(mark.text)]


def names(chart: Any) -> list[str]:
    """What stands beside the rows, from the top."""
    axis = next(axis for axis in plot(chart).axes if axis.orientation == "vertical")
    return [plain(each) for each in axis.tick_labels.values()]


def plain(text: str) -> str:
    """Without the marks that keep scripts apart."""
    return text.replace("\u2068", "").replace("\u2069", "")


def words(widget: ipywidgets.Widget) -> str:
    """All labels below a widget that are not hidden, one after the other."""
    if widget.layout.display == "none":
        return ""
    if isinstance(widget, ipywidgets.Label):
        return plain(widget.value)
    return " ".join(filter(None, (words(child) for child in getattr(widget, "children", ()))))


def click(mark: Any, index: Any) -> None:
    """What bqplot sends when one part of a mark is clicked."""
    command(mark, {"event": "element_click", "data": {"index": index}})
