"""How much room words take where bqplot draws them, which has no way to measure them before its margins are set.

Guessed for the widest of the common fonts: DejaVu Sans, which is all that a bare Debian has, and as wide as Verdana.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from itertools import accumulate, takewhile

_SIZE = 12  # pixels, of all words on charts
LETTER = 6.4  # pixels: the unit of what is said in letters
_BOLD = 1.15  # of the width in regular weight
NARROWEST = 300  # pixels: a chart of two beside each other on a page of 800
# Parts of the font's size, rounded up; where Arial is wider than DejaVu Sans, its own.
_ASCII_AND_SIGNS = {
    0.3: "'ijlI",
    0.34: " ,./:;\\|·",
    0.37: "-f",
    0.42: "!()[]rt",
    0.53: '"*`Jsz▸',
    0.57: "?_c",
    0.62: "ekvxyFL",
    0.64: "$0123456789{}abdghnopquT",
    0.7: "ABEKPSVXYZ",
    0.79: "&CDGHNOQRU",
    0.84: "#+<=>^~w−±×",
    0.88: "M",
    1.02: "%@Wm…→",
}
_KNOWN = {letter: part for part, letters in _ASCII_AND_SIGNS.items() for letter in letters}
_LEAST = 40  # pixels that names and numbers leave to the bars between them
_WIDE, _PICTURE, _CAPITAL, _OTHER = 1.0, 1.3, 0.82, 0.72  # ideographs, emoji, and letters of other scripts


def width(text: str) -> float:
    """How many average Latin letters take as much room: an ideograph counts for nearly two, an accent for none."""
    return sum(map(_em, text)) * _SIZE / LETTER


def pixels(texts: Sequence[str], bold: bool = False) -> int:
    """As much room as the longest of them takes in a wide font."""
    return math.ceil(max(map(width, texts), default=0.0) * LETTER * (_BOLD if bold else 1.0))


def room(labels: Sequence[str]) -> int:
    """The pixels of a left margin that the names at an axis need."""
    return 16 + pixels(labels)


def letters_beside(ends: Sequence[str]) -> float:
    """How many average letters the names beside bars may have, so that the numbers at their ends fit as well."""
    return (NARROWEST - _LEAST - room([]) - ending(ends)) / LETTER


def ending(ends: Sequence[str]) -> int:
    """The pixels of a right margin that the numbers at the ends of bars need."""
    return 14 + pixels(ends)


def free(words: Sequence[tuple[float, int]], low: float, high: float, other: int) -> int:
    """The pixels of a right margin into which words reach, on a chart as narrow as they come.

    Parameters
    ----------
    words
        Where on the axis each of them starts, and how many pixels it takes.
    low, high
        The ends of the axis.
    other
        The pixels of the left margin.
    """
    needed = [12.0]
    for place, wide in words:
        before = (place - low) / (high - low)
        if before > 0:  # else what the margin takes would be lost to the word as well
            needed.append((10 + wide - (1 - before) * (NARROWEST - other)) / before)
    return math.ceil(min(max(needed), 10 + max((wide for _, wide in words), default=2)))


def fitted(text: str, most: float) -> str:
    """A text in one line that takes no more room than so many average letters, with an ellipsis where it was cut.

    It is cut in the middle: names of one table often begin alike.
    """
    line = " ".join(text.split())
    if width(line) <= most:
        return line
    free = most - width("…")
    start = _as_much(line, free / 2).rstrip()
    end = _as_much(line[::-1], free - width(start))[::-1]
    while end and not _em(end[0]):  # an accent whose letter is cut away
        end = end[1:]
    return f"{start}…{end.lstrip()}"


def fitted_apart(texts: Sequence[str], most: Sequence[float]) -> list[str]:
    """Each text as `fitted` cuts it to its own `most`; where cuts of different texts coincide, what differs stays."""
    lines = [" ".join(text.split()) for text in texts]
    result = [fitted(line, each) for line, each in zip(lines, most, strict=True)]
    least = min(most, default=0.0)  # by which all are judged: a cut that is a letter longer tells nobody what it is of
    alike: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        alike.setdefault(fitted(line, least), []).append(place)
    for places in alike.values():
        group = [lines[place] for place in places]
        if len(set(group)) < 2:
            continue
        for start, end in _ends_in_common(group):
            cores = [line[start : len(line) - end] for line in group]
            if max(map(width, cores)) <= least - 2 * width("…"):
                break
        else:
            cores = fitted_apart(cores, [most[place] - 2 * width("…") for place in places]) if start + end else cores
        for place, line, core in zip(places, group, cores):
            result[place] = _around(line[:start], core, line[len(line) - end :], most[place])
    return result


def _ends_in_common(lines: Sequence[str]) -> list[tuple[int, int]]:
    """How many letters from the start and from the end all have in common: to the ends of words, and as many as are."""
    start = _shared(lines)
    while start and any(start < len(line) and not _em(line[start]) for line in lines):
        start -= 1  # an accent stays with its letter
    end = _shared([line[start:][::-1] for line in lines])
    while end and not _em(lines[0][-end]):
        end -= 1
    head, tail = lines[0][:start], lines[0][len(lines[0]) - end :]
    return [(head.rfind(" ") + 1, len(tail) - tail.find(" ") if " " in tail else 0), (start, end)]


def _shared(lines: Sequence[str]) -> int:
    """How many letters all start with."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*lines)))


def _around(start: str, core: str, end: str, most: float) -> str:
    """The core, and as much as fits of the outer ends of what stands before and after it."""
    free = most - width(core) - 2 * width("…")
    tail = _as_much(end[::-1], free - min(width(start), free / 2))[::-1]
    while tail and not _em(tail[0]):
        tail = tail[1:]
    head = _as_much(start, free - width(tail))
    before = start if head == start else f"{head.rstrip()}…"
    return f"{before}{core}{end if tail == end else f'…{tail.lstrip()}'}"


def _as_much(text: str, most: float) -> str:
    """As many letters from the start as fit."""
    return text[: sum(reach <= most for reach in accumulate(map(width, text)))]


def _em(letter: str) -> float:
    """The width of a letter, in parts of the font's size."""
    known = _KNOWN.get(letter)
    if known is not None:
        return known
    category = unicodedata.category(letter)
    if category in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return _PICTURE if category == "So" else _WIDE
    base = unicodedata.normalize("NFD", letter)[0]  # é is as wide as e
    return _KNOWN.get(base, _CAPITAL if category == "Lu" else _OTHER)
