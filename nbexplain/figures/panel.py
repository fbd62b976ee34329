"""One explanation on a page: title, picture or chart, what was done to the numbers, colour bar, warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nbexplain.core.explanation import Explanation
from nbexplain.figures import draw
from nbexplain.figures.bars import bars_height, bars_note, draw_bars
from nbexplain.figures.changes import changes_height, draw_changes
from nbexplain.figures.colours import Scale, scale_of
from nbexplain.figures.content import Content, Picture, content_of, picture_of
from nbexplain.figures.curves import curves_note, draw_curves
from nbexplain.figures.outcomes import KINDS, draw_outcomes
from nbexplain.figures.passage import draw_passage, left_out, passage_height
from nbexplain.figures.plane import draw_plane, plane_note, scale_of_plane
from nbexplain.figures.text import AMBER, GREY, LINE_HEIGHT, wrap, write
from nbexplain.figures.words import subtitle_of, title_of
from nbexplain.inputs import Array, Image, Text, Volume

SPACE, BAR = 5.0, 36.0  # points
_TITLE, _SUBTITLE = 10.5, 8.0
_COLOURED = ("map", "table", "words", "plane")  # and so need a colour bar
_AUTOMATIC_CLIP = 99.0  # percentile, for maps with a value per pixel


@dataclass(frozen=True)
class Look:
    """How all panels of a page are drawn; the arguments of `figure`."""

    classes: Sequence[str] | None
    opacity: float
    colormap: str | None
    clip: float | None


class Panel:
    """One explanation, measured for a width in points."""

    def __init__(self, explanation: Explanation, x: Any, picture: Any, look: Look) -> None:
        if x is not None and not isinstance(x, Array):
            raise TypeError(
                f"x: expected nbexplain.Image, Volume, Text or Tabular, as explained, got {type(x).__name__}"
            )
        self.explanation, self.x, self.look = explanation, x, look
        self.content: Content = content_of(explanation, x)
        shown = x if picture is None and isinstance(x, (Image, Volume)) else picture
        self.picture: Picture | None = picture_of(shown, self.content)
        clip = look.clip or (_AUTOMATIC_CLIP if self.content.per_pixel else 100.0)
        colormap = look.colormap
        if self.content.kind == "words" and not explanation.signed and colormap in (None, "auto"):
            colormap = "PuOr"  # as on screen: the colour of 0 is that of the page
        seen = self.content.values if self.content.limits is None else self.content.limits
        if self.content.kind == "changes":  # no colours, and perhaps no values
            seen = np.zeros(1)
        self.scale: Scale = scale_of(seen, signed=explanation.signed, clip=clip, colormap=colormap)
        if self.content.kind == "plane":
            self.scale = scale_of_plane(explanation, colormap)
        self.remark = f"clipped at p{clip:g}" if clip < 100 and self.content.kind in _COLOURED else ""
        self.title = title_of(explanation, look.classes, x.tokens if isinstance(x, Text) else ())
        self.subtitle = subtitle_of(explanation)
        self.shared = False  # whether one colour bar stands below all panels

    def measure(self, width: float) -> None:
        """Cut the texts into lines and find the heights: of head, body, notes and foot."""
        self.title_lines = wrap(self.title, width, _TITLE, bold=True, most=2)
        self.subtitle_lines = wrap(self.subtitle, width, _SUBTITLE, most=8)
        self.bar_remark = self.scale.empty or self.remark if self.has_bar else ""
        note = self._note(width)
        if draw.text_width(f"{self.explanation.quantity}   {self.bar_remark}", draw.SMALL) > width:
            note, self.bar_remark = f"{note}, {self.bar_remark}", ""
        self.note_lines = wrap(note, width, draw.SMALL)
        of_input = self.x.notes if self.x is not None and self.picture is None else ()
        said = (*self.explanation.warnings, *(self.picture.notes if self.picture else of_input))
        self.warning_lines = [line for text in dict.fromkeys(said) for line in wrap(f"⚠ {text}", width, draw.SMALL)]
        self.head = LINE_HEIGHT * (_TITLE * len(self.title_lines) + _SUBTITLE * len(self.subtitle_lines)) + SPACE
        self.body = self._height(width)
        self.notes = draw.SMALL * LINE_HEIGHT * len(self.note_lines)
        self.foot = SPACE + BAR if self.has_bar and not self.shared else 0.0
        if self.warning_lines:
            self.foot += SPACE + draw.SMALL * LINE_HEIGHT * len(self.warning_lines)

    @property
    def has_bar(self) -> bool:
        return self.content.kind in (*_COLOURED, "sheet")

    def _height(self, width: float) -> float:
        """Of the picture or chart."""
        if self.content.kind == "features":
            return bars_height(self.content)
        if self.content.kind == "changes":
            return changes_height(self.content.names, width)
        if self.content.words is not None:
            return passage_height(self.content.words, width)
        return draw.body_height(self.content, self.picture, width)

    def _note(self, width: float) -> str:
        """How the numbers became the picture: said as it is on screen."""
        hatched = "hatched: no value" if self.has_bar and np.isnan(self.content.values).any() else ""
        if self.content.kind == "features":
            return bars_note(self.content)
        if self.content.kind == "curves":
            return curves_note(self.explanation, self.x)
        if self.content.kind == "plane":
            return ", ".join(part for part in (plane_note(self.explanation, self.x, self.scale), hatched) if part)
        if self.content.words is not None:
            hatched = left_out(self.content.words, width)
        if self.content.kind != "map":
            return ", ".join(part for part in (self.content.note, hatched) if part)
        rows, columns = self.content.values.shape
        coarse = self.picture is None or columns < self.picture.pixels.shape[1]
        across, _ = draw.map_size(self.content, self.picture, width)
        between = coarse and not draw.in_squares(self.content, across)
        parts = [f"{columns} × {rows} cells{', interpolated' if between else ''}", self.content.note, hatched]
        return ", ".join(part for part in parts if part)

    def draw(self, page: Figure, left: float, top: float, width: float, head: float, notes: float) -> None:
        """`head` and `notes` are heights that the panels of a row have in common."""
        explanation, content = self.explanation, self.content
        write(page, left, top, self.title_lines, _TITLE, bold=True)
        under = top + LINE_HEIGHT * _TITLE * len(self.title_lines)
        write(page, left, under, self.subtitle_lines, _SUBTITLE, colour=GREY)
        box = (left, top + head, width, self.body)
        if content.kind == "map":
            draw.draw_map(page, box, content, self.scale, self.picture, self.look.opacity)
        elif content.kind == "sheet":
            draw.draw_sheet(page, box, content, explanation.signed, self.look.colormap)
        elif content.kind == "features":
            draw_bars(page, box, content)
        elif content.kind == "words":
            draw_passage(page, box, content, self.scale)
        elif content.kind == "changes":
            draw_changes(page, left, top + head, width, content.names)
        elif content.kind == "plane":
            draw_plane(page, box, content, self.scale, explanation, self.x)
        elif content.kind in KINDS:
            draw_outcomes(page, box, content)
        elif content.kind == "curves":
            draw_curves(page, box, content, explanation, self.x)
        elif content.kind == "table":
            draw.draw_table(page, box, content, self.scale)
        else:
            draw.draw_chart(page, box, content, explanation)
        y = top + head + self.body + SPACE
        write(page, left, y, self.note_lines, draw.SMALL, colour=GREY)
        y += notes
        if self.has_bar and not self.shared:
            bar = (left, y + SPACE, width, BAR)
            numbers = content.kind != "sheet"
            draw.draw_bar(page, bar, self.scale, explanation.quantity, self.bar_remark, numbers)
            y += SPACE + BAR
        write(page, left, y + SPACE, self.warning_lines, draw.SMALL, colour=AMBER)
