"""figure() and board(): explanations laid out on a page, with what a reader must know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from math import ceil
from typing import Any

from matplotlib.figure import Figure

from nbexplain.core.explanation import Explanation
from nbexplain.figures.colours import COLORMAPS
from nbexplain.figures.content import number
from nbexplain.figures.draw import draw_bar
from nbexplain.figures.panel import BAR, SPACE, Look, Panel

_MARGIN, _GUTTER, _WIDEST_BAR = 10.0, 16.0, 330.0  # points


class Page(Figure):
    """A figure that a notebook shows without pyplot.

    Attributes
    ----------
    colormaps
        Of its colour bars.
    """

    colormaps: tuple[str, ...] = ()

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.savefig(file, format="png", dpi=self.dpi)
        return file.getvalue()


def figure(
    explanation: Explanation,
    *,
    x: Any = None,
    picture: Any = None,
    classes: Sequence[str] | None = None,
    opacity: float = 0.75,
    colormap: str | None = None,
    clip: float | None = None,
    width: float = 4.8,
    dpi: float | None = None,
) -> Page:
    """Draw an explanation as a matplotlib figure, in the colours and limits of the panes on screen.

    Maps are enlarged with bilinear interpolation (those of a picture with few pixels in squares, like the picture);
    NaN is hatched. Of an attribution with a value per colour channel the sum over the channels is drawn; of a volume
    the slice in the middle, in the limits of all slices. The channels of a layer become a sheet of at most 64 small
    maps, each in limits of its own. Words are coloured in their running text, columns are bars with their names (the 15
    largest, and the sum of the others), values of many rows the mean size of each column. Whiskers of named bars are
    1.96 standard errors. What was done is written under the picture, and so are the warnings. pyplot is not used.

    Parameters
    ----------
    explanation
        What `explain` returned.
    x
        What was explained, as `nbexplain.Image`, `Volume`, `Text` or `Tabular`: the picture or the slice under a map,
        the running text whose words are coloured, the row whose values stand beside the columns and whose place is
        marked on a plane. Without it words are bars with their names, and columns have names alone. A text of which no
        font has the letters, or that runs from right to left, stays bars.
    picture
        What lies under a map: an `nbexplain.Image` (the picture as the network saw it), a PIL picture or a
        uint8 array (H, W, 3) with the extent of the network's input. Without one the map stands alone. Sheets and
        charts leave it out.
    classes
        Names of the classes, in the order of the scores.
    opacity
        Of the map over the picture, 0 … 1.
    colormap
        "viridis", "magma", "cividis", "gray", "RdBu", "PuOr" or "berlin"; without one, RdBu for signed values and
        viridis otherwise.
    clip
        Percentile of |value| from which on colours no longer change; without one, 99 for maps with a value per pixel
        and 100 otherwise.
    width
        Of the figure, in inches; its height follows.
    dpi
        Pixels per inch, of the maps and of saved files; without it, so many that the figure is 800 pixels wide, but
        at least 100 and at most 200.

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit, naming the argument, what came and what was expected.
    """
    look = _checked(classes, opacity, colormap, clip)
    return _page([Panel(_explanation("explanation", explanation), x, picture, look)], 1, _inches(width, 1), dpi)


def board(
    explanations: Sequence[Explanation],
    *,
    x: Any = None,
    picture: Any = None,
    classes: Sequence[str] | None = None,
    shared: bool = False,
    columns: int | None = None,
    opacity: float = 0.75,
    colormap: str | None = None,
    clip: float | None = None,
    width: float | None = None,
    dpi: float | None = None,
) -> Page:
    """Draw several explanations side by side, such as several methods or several classes.

    Parameters
    ----------
    explanations
        What `explain` returned, each time.
    x, picture
        One for all of them, or a list with one for each; see `figure`.
    shared
        Give all maps the limits of the largest one, and one colour bar. They must be of the same quantity.
    columns
        How many lie side by side; without it, at most four.
    width
        Of the whole figure, in inches; without it, 2.6 for each column, but at most 8 in all.
    classes, opacity, colormap, clip, dpi
        As for `figure`.

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit, naming the argument, what came and what was expected.
    """
    if isinstance(explanations, (Explanation, str)) or not isinstance(explanations, Sequence):
        raise TypeError(f"explanations: expected a list of explanations, got {type(explanations).__name__}")
    if not explanations:
        raise ValueError("explanations: the list is empty")
    found = [_explanation(f"explanations[{i}]", each) for i, each in enumerate(explanations)]
    pictures, inputs = _for_each("picture", picture, len(found)), _for_each("x", x, len(found))
    if columns is None:
        columns = ceil(len(found) / ceil(len(found) / 4))
    columns = min(int(number("columns", columns, 1, 20)), len(found))
    look = _checked(classes, opacity, colormap, clip)
    panels = [Panel(*each, look) for each in zip(found, inputs, pictures, strict=True)]
    if shared:
        _share(panels)
    return _page(panels, columns, min(8.0, 2.6 * columns) if width is None else _inches(width, columns), dpi)


def _share(panels: Sequence[Panel]) -> None:
    """Give panels with maps the limits of the largest, and one colour bar."""
    drawn = [panel for panel in panels if panel.content.kind in ("map", "table")]
    kinds = sorted({(panel.explanation.quantity, panel.scale.signed) for panel in drawn})
    if len(kinds) > 1:
        names = ", ".join(f"{quantity!r} ({'signed' if signed else 'not signed'})" for quantity, signed in kinds)
        raise ValueError(f"shared: one colour bar needs one quantity, got {names}")
    scales = [panel.scale for panel in drawn if not panel.scale.empty]
    for panel in drawn:
        panel.shared = True
        if scales:
            low, high = min(scale.low for scale in scales), max(scale.high for scale in scales)
            panel.scale = replace(panel.scale, low=low, high=high)


def _page(panels: Sequence[Panel], columns: int, inches: float, dpi: Any) -> Page:
    width = 72 * inches
    each = (width - 2 * _MARGIN - _GUTTER * (columns - 1)) / columns
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    for panel in panels:
        panel.measure(each)
    heads = [max(panel.head for panel in row) for row in rows]
    notes = [max(panel.notes for panel in row) for row in rows]
    heights = [
        head + SPACE + note + max(panel.body + panel.foot for panel in row)
        for row, head, note in zip(rows, heads, notes, strict=True)
    ]
    shared = next((panel for panel in panels if panel.shared), None)
    height = 2 * _MARGIN + sum(heights) + _GUTTER * (len(rows) - 1) + (SPACE + BAR if shared else 0)
    dpi = min(200.0, max(100.0, 800 / inches)) if dpi is None else number("dpi", dpi, 20, 1200)
    height = ceil(height * dpi / 72) * 72 / dpi  # whole pixels
    page = Page(figsize=(inches, height / 72), dpi=dpi, facecolor="white", edgecolor="none")
    page.colormaps = tuple(sorted({panel.scale.colormap for panel in panels if panel.has_bar}))
    page.set_layout_engine("none")  # whatever the user's settings say: all is in its place
    top = _MARGIN
    for row, head, note, high in zip(rows, heads, notes, heights, strict=True):
        for column, panel in enumerate(row):
            panel.draw(page, _MARGIN + column * (each + _GUTTER), top, each, head, note)
        top += high + _GUTTER
    if shared:
        bar = (_MARGIN, top - _GUTTER + SPACE, min(width - 2 * _MARGIN, _WIDEST_BAR), BAR)
        draw_bar(page, bar, shared.scale, shared.explanation.quantity, shared.remark)
    return page


def _explanation(name: str, value: Any) -> Explanation:
    if not isinstance(value, Explanation):
        raise TypeError(f"{name}: expected an Explanation, as `explain` returns it, got {type(value).__name__}")
    return value


def _for_each(name: str, given: Any, count: int) -> list[Any]:
    """One for each explanation."""
    each = list(given) if isinstance(given, (list, tuple)) else [given] * count
    if len(each) != count:
        raise ValueError(f"{name}: {len(each)} {name}s for {count} explanations")
    return each


def _checked(classes: Any, opacity: Any, colormap: Any, clip: Any) -> Look:
    if classes is not None and (isinstance(classes, str) or not isinstance(classes, Sequence)):
        raise TypeError(f"classes: expected a list of names, got {classes!r}")
    if colormap is not None and colormap not in ("auto", *COLORMAPS):
        raise ValueError(f"colormap: expected one of {', '.join(map(repr, COLORMAPS))} or 'auto', got {colormap!r}")
    clip = None if clip is None else number("clip", clip, 1, 100)
    return Look(classes, number("opacity", opacity, 0, 1), colormap, clip)


def _inches(width: Any, columns: int) -> float:
    return number("width", width, 1.5 * columns, 60)
