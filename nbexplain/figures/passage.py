"""A running text with coloured words. All lengths are points, 1/72 inch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nbexplain.figures.colours import Scale, colour
from nbexplain.figures.content import Content
from nbexplain.figures.draw import Box, place
from nbexplain.figures.spans import Words
from nbexplain.figures.text import INK, advance, printable, style

SIZE = 10.0
_PITCH, _HIGH, _PAD = 1.75 * SIZE, 1.42 * SIZE, 0.9
_MOST_LINES = 24
_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"  # lines break anywhere
_PIECE = re.compile(rf"\n|[^\S\n]+|[{_WIDE}]|[^\s{_WIDE}]+")


@dataclass(frozen=True)
class Run:
    """Part of a line that belongs to one feature, or to none (-1)."""

    line: int
    left: float
    width: float
    text: str
    feature: int


def passage_height(words: Words, width: float) -> float:
    """How high the text is at a width."""
    return _PITCH * (1 + max((run.line for run in runs_of(words, width)), default=0))


def left_out(words: Words, width: float) -> str:
    """What is said of a text that is longer than a figure."""
    count = len(_lines(words, width))
    return f"the first {_MOST_LINES} of {count} lines" if count > _MOST_LINES else ""


def draw_passage(figure: Figure, box: Box, content: Content, scale: Scale) -> None:
    """The text, each feature on a ground of its colour."""
    left, top, width, _ = box
    assert content.words is not None
    page_width, page_height = (72 * float(side) for side in figure.get_size_inches())
    colours = colour(content.values, scale)
    for run in runs_of(content.words, width):
        x, y = left + run.left, top + _PITCH * run.line
        ink = INK
        if run.feature >= 0 and colours[run.feature, 3]:
            ground = colours[run.feature, :3]
            ink = ink_on(ground)
            corner, base, wide, high = place(figure, (x - _PAD, y, run.width + 2 * _PAD, _HIGH))
            face = tuple(ground / 255)
            figure.add_artist(Rectangle((corner, base), wide, high, facecolor=face, edgecolor="none", linewidth=0))
        base = 1 - (y + 1.04 * SIZE) / page_height
        figure.text(x / page_width, base, printable(run.text), va="baseline", **style(SIZE, ink))


def ink_on(ground: np.ndarray) -> str:
    """Black or white, whichever is read better on a colour (as js/src/token_colours.ts)."""
    parts = ground.astype(float) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return "#000000" if (linear @ (0.2126, 0.7152, 0.0722) + 0.05) ** 2 >= 1.05 * 0.05 else "#ffffff"


@lru_cache(maxsize=16)
def runs_of(words: Words, width: float) -> tuple[Run, ...]:
    """The text in lines, and these in parts; blank ones are left out."""
    return tuple(
        run
        for number, (start, end) in enumerate(_lines(words, width)[:_MOST_LINES])
        for run in _runs(words, number, start, end)
    )


def _runs(words: Words, number: int, start: int, end: int) -> Iterator[Run]:
    at, begin = 0.0, start
    for stop in range(start + 1, end + 1):
        if stop < end and words.owners[stop] == words.owners[begin]:
            continue
        text, feature = words.text[begin:stop], int(words.owners[begin])
        blank = len(text) - len(text.lstrip())
        wide = _length(text)
        if text.strip():
            before = _length(text[:blank])
            yield Run(number, at + before, _length(text.strip()), text.strip(), feature)
        at, begin = at + wide, stop


def _lines(words: Words, width: float) -> list[tuple[int, int]]:
    """Where each line begins and ends in the text."""
    lines: list[tuple[int, int]] = []
    start = end = 0  # of the line so far, without blanks at its end
    at = 0.0  # how far the pen has come
    for found in _PIECE.finditer(words.text):
        piece, (first, last) = found.group(), found.span()
        if piece == "\n":
            lines.append((start, max(start, end)))
            start, end, at = last, last, 0.0
        elif piece.isspace():
            if end > start:
                at += _length(piece)
            else:
                start = end = last  # no line begins with blanks
        else:
            wide = _length(piece)
            if at + wide > width and end > start:
                lines.append((start, end))
                start, at = first, 0.0
            while wide > width:  # longer than a line: it is cut
                cut = _fitting(words.text[first:last], width)
                lines.append((first, first + cut))
                start = first = first + cut
                wide = _length(words.text[first:last])
            at, end = at + wide, last
    return [*lines, (start, end)] if end > start else lines


def _fitting(text: str, width: float) -> int:
    """How many characters fit, at least one."""
    ends = np.cumsum([SIZE * advance(character) for character in text])
    return max(1, int(np.searchsorted(ends, width)))


def _length(text: str) -> float:
    """How long a piece of a line is; letters that move together (kerning) may make it a little shorter."""
    return SIZE * sum(advance(printable(character) or " ") for character in text)
