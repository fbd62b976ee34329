"""Words on a figure: names in any script, cut into lines that fit. All lengths are points, 1/72 inch."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import Any

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font

INK, GREY, AMBER = "#1f1f1f", "#5c5c5c", "#8a4700"
LINE_HEIGHT = 1.35

# matplotlib brings the first; the others are taken for letters that it lacks, where the machine has them.
_FAMILIES = (
    "DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans Devanagari",
    "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Thai", "Nirmala UI", "Leelawadee UI", "Microsoft YaHei",
    "Yu Gothic", "Malgun Gothic", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS",
)  # fmt: skip
_NO_GLYPH = "□"


@cache
def _fonts() -> dict[str, str]:
    """Family → file, of those that are installed."""
    found = {}
    for family in _FAMILIES:
        try:
            found[family] = str(fontManager.findfont(FontProperties(family=[family]), fallback_to_default=False))
        except ValueError:  # how matplotlib says that there is none
            continue
    return found


@cache
def _drawable(character: str) -> bool:
    return any(get_font(path).get_char_index(ord(character)) for path in _fonts().values())


def printable(text: str) -> str:
    """The text in one line, with a box for each character that no font can draw: matplotlib would warn of it later."""
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line
    kept = (c for c in line if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return "".join(c if _drawable(c) else _NO_GLYPH for c in kept)


def readable(text: str) -> bool:
    """Whether there is a font for every character."""
    return _NO_GLYPH not in printable(text.replace(_NO_GLYPH, ""))


def to_the_left(text: str) -> bool:
    """Whether some of it is written from right to left."""
    return any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text)


@cache
def advance(character: str) -> float:
    """How far one character moves the pen, in text sizes."""
    return text_width(character, 100) / 100


def style(size: float, colour: str = INK, *, bold: bool = False) -> dict[str, Any]:
    """Keywords for matplotlib's texts: nothing of the user's own settings, and `$` and `\\` are just characters."""
    return {"fontproperties": _font(size, bold), "color": colour, "parse_math": False, "usetex": False}


@cache
def _font(size: float, bold: bool) -> FontProperties:
    """Made once: matplotlib takes as long for it as for writing a word."""
    return FontProperties(family=list(_fonts()), size=size, weight="bold" if bold else "normal", style="normal")


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """How wide one line of text is."""
    width, _, _ = RendererAgg(1, 1, 72).get_text_width_height_descent(text, _font(size, bold), False)
    return float(width)


def wrap(text: str, width: float, size: float, *, bold: bool = False, most: int = 100) -> list[str]:
    """Cut a text into at most so many lines; the last one ends in … if something is left out."""
    lines: list[str] = []
    rest = printable(text)
    while rest:
        count = _fitting(rest, width, size, bold)
        if count < len(rest) and len(lines) == most - 1:
            return [*lines, rest[: _fitting(rest, width - text_width("…", size, bold), size, bold)].rstrip(" ·") + "…"]
        space = rest.rfind(" ", 0, count + 1) if count < len(rest) else -1
        end = space if space > 0 else count
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [line.strip("· ") if len(lines) > 1 else line for line in lines]


def _fitting(text: str, width: float, size: float, bold: bool) -> int:
    """How many characters from the start fit into a line; at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_width(text[:middle], size, bold) <= width else (low, middle - 1)
    return low


def write(figure: Figure, x: float, top: float, lines: list[str], size: float, **look: Any) -> None:
    """Write lines of text; `x` from the left, `top` from the upper edge of the page."""
    width, height = (72 * float(side) for side in figure.get_size_inches())
    align = look.pop("align", "left")
    for number, line in enumerate(lines):
        base = top + size * (LINE_HEIGHT * number + 1.02)
        figure.text(x / width, 1 - base / height, line, ha=align, va="baseline", **style(size, **look))
