"""One explanation on a page: title, picture or chart, what was done to the numbers, colour bar, warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nbexplain.core.explanation import Explanation
from nbexplain.figures import draw
from nbexplain.figures.colours import Scale, scale_of
from nbexplain.figures.content import Content, Picture, content_of, picture_of
from nbexplain.figures.text import AMBER, GREY, LINE_HEIGHT, wrap, write
from nbexplain.figures.words import subtitle_of, title_of

SPACE, BAR = 5.0, 36.0  # points
_TITLE, _SUBTITLE = 10.5, 8.0
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

    def __init__(self, explanation: Explanation, picture: Any, look: Look) -> None:
        self.explanation, self.look = explanation, look
        self.content: Content = content_of(explanation)
        self.picture: Picture | None = picture_of(picture, self.content)
        clip = look.clip or (_AUTOMATIC_CLIP if self.content.per_pixel else 100.0)
        self.scale: Scale = scale_of(self.content.values, signed=explanation.signed, clip=clip, colormap=look.colormap)
        self.remark = f"clipped at p{clip:g}" if clip < 100 and self.content.kind in ("map", "table") else ""
        self.title = title_of(explanation, look.classes)
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
        said = (*self.explanation.warnings, *(self.picture.notes if self.picture else ()))
        self.warning_lines = [line for text in dict.fromkeys(said) for line in wrap(f"⚠ {text}", width, draw.SMALL)]
        self.head = LINE_HEIGHT * (_TITLE * len(self.title_lines) + _SUBTITLE * len(self.subtitle_lines)) + SPACE
        self.body = draw.body_height(self.content, self.picture, width)
        self.notes = draw.SMALL * LINE_HEIGHT * len(self.note_lines)
        self.foot = SPACE + BAR if self.has_bar and not self.shared else 0.0
        if self.warning_lines:
            self.foot += SPACE + draw.SMALL * LINE_HEIGHT * len(self.warning_lines)

    @property
    def has_bar(self) -> bool:
        return self.content.kind in ("map", "sheet", "table")

    def _note(self, width: float) -> str:
        """How the numbers became the picture: said as it is on screen."""
        hatched = "hatched: no value" if self.has_bar and np.isnan(self.content.values).any() else ""
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
