"""Bars with names: the features with the largest |value|, and the others together. All lengths are points."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.transforms import Affine2D

from nbexplain.figures.content import Content
from nbexplain.figures.draw import LINE, NEGATIVE, PLAIN, POSITIVE, SMALL, Box, round_ticks
from nbexplain.figures.text import GREY, INK, LINE_HEIGHT, readable, text_width, wrap, write
from nbexplain.figures.words import rounded

ERROR = 1.96  # standard errors on each side: 95 % of a normal distribution
TOP = 15
_PITCH, _THICK, _CAP = 14.0, 8.5, 2.2
_NAME, _GRID = 8.0, "#e4e4e4"
_MOST_NAME = 0.5  # of the width
_MOST_DECIMALS = 5
_ROUNDING = 1e-9  # of the largest value: a standard error below is none


@dataclass(frozen=True)
class Bar:
    """A feature, or several together (`number` is None)."""

    name: str
    held: str  # what the row holds: " = 17.99", or nothing
    value: float
    error: float
    number: int | None


def bars_of(content: Content) -> list[Bar]:
    """The features with the largest |value|, at most `TOP`, and the sum of the others."""
    values = content.values.astype(np.float64)
    errors = np.full(len(values), np.nan) if content.errors is None else content.errors.astype(np.float64)
    order = np.argsort(-np.where(np.isfinite(values), np.abs(values), -1.0), kind="stable").tolist()
    if len(order) == TOP + 1:  # its name says more than "1 other"
        own, others = order, []
    else:
        own, others = order[:TOP], order[TOP:]
    held = [f" = {said}" for said in content.held] or [""] * len(values)
    bars = [Bar(_name(content, n), held[n], float(values[n]), float(errors[n]), n) for n in own]
    if others:
        bars.append(Bar(f"{len(others):,} others, summed", "", float(np.nansum(values[others])), np.nan, None))
    return bars


def _name(content: Content, number: int) -> str:
    """A name in one line; of one that no font can write its number."""
    name = " ".join(content.names[number].split())
    return name if name and readable(name) else f"no. {number + 1}"


def bars_note(content: Content) -> str:
    """What must be said of the bars."""
    unreadable = sum(not readable(name) for name in content.names)
    remarks = [content.note]
    largest = np.abs(content.values[np.isfinite(content.values)]).max(initial=0.0)
    if content.errors is not None and (np.nan_to_num(content.errors) > _ROUNDING * largest).any():
        remarks.append(f"whiskers: ±{ERROR} standard errors")
    if unreadable:
        remarks.append(f"no. …: {unreadable} names in letters that no font here has, in their order")
    return ", ".join(remark for remark in remarks if remark)


def bars_height(content: Content) -> float:
    """How high the chart is."""
    return (SMALL * LINE_HEIGHT + 4) + _PITCH * len(bars_of(content)) + (SMALL * LINE_HEIGHT + 6)


def draw_bars(figure: Figure, box: Box, content: Content) -> None:
    """Horizontal bars with names to the left and numbers to the right; whiskers are `ERROR` standard errors."""
    left, top, width, _ = box
    bars = bars_of(content)
    values = np.array([bar.value for bar in bars])
    reach = np.nan_to_num(ERROR * np.array([bar.error for bar in bars]))
    own = np.isfinite(values) & [bar.number is not None for bar in bars]
    known = np.concatenate([values - reach, values + reach])[np.tile(own, 2)]
    low, high = min(0.0, float(known.min(initial=0))), max(0.0, float(known.max(initial=0)))
    if low == high:
        high = 1.0
    room = min(_MOST_NAME * width, max(text_width(bar.name + bar.held, _NAME) for bar in bars) + 2)
    names = ["".join(wrap(b.name, room - text_width(b.held, _NAME), _NAME, most=1)) + b.held for b in bars]
    texts = _said(values, float(np.abs(values[own]).max(initial=0)), content.signed)
    beside = max(text_width(text, SMALL) for text in texts) + 5
    start, wide = left + room + 6, width - room - 6 - beside
    write(figure, left, top, wrap(content.quantity, width, SMALL, most=1), SMALL)
    top += SMALL * LINE_HEIGHT + 4
    high_ = _PITCH * len(bars)
    middles = top + _PITCH * (np.arange(len(bars)) + 0.5)
    marks = round_ticks(low, high, 3 if wide < 150 else 5)
    page_width, page_height = (72 * float(side) for side in figure.get_size_inches())
    scale = wide / (high - low)
    to_points = Affine2D().scale(scale, -1).translate(start - low * scale, page_height)
    transform = to_points.scale(1 / page_width, 1 / page_height) + figure.transFigure

    def draw(x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray, thick: float, colours: Any) -> None:
        segments = np.stack([np.stack([x0, y0], 1), np.stack([x1, y1], 1)], axis=1)
        how: dict[str, Any] = {"linewidths": thick, "colors": colours, "linestyles": "solid", "capstyle": "butt"}
        figure.add_artist(LineCollection(list(segments), transform=transform, **how))  # axes would take far longer

    grid = np.array(marks)
    draw(grid, 0 * grid + top, grid, 0 * grid + top + high_, 0.6, _GRID)
    # the sum of the others has no bar: it may be so long that nothing is seen of the largest
    colours = [_colour(value, content.signed) for value in values[own]]
    draw(0 * values[own], middles[own], values[own], middles[own], _THICK, colours)
    zero = np.zeros(1)
    draw(zero, zero + top, zero, zero + top + high_, 0.8, LINE)
    some = own & (reach > 0)
    y, least, most = middles[some], (values - reach)[some], (values + reach)[some]
    draw(least, y, most, y, 0.8, INK)
    for end in (least, most):
        draw(end, y - _CAP, end, y + _CAP, 0.8, INK)
    for name, text, middle, bar in zip(names, texts, middles, bars, strict=True):
        ink = INK if bar.number is not None else GREY
        write(figure, start - 6, middle - 0.68 * _NAME, [name], _NAME, colour=ink, align="right")
        write(figure, left + width, middle - 0.68 * SMALL, [text], SMALL, colour=ink, align="right")
    for mark in marks:
        x_mark = start + wide * (mark - low) / (high - low)
        write(figure, x_mark, top + high_ + 3, [rounded(mark)], SMALL, colour=GREY, align="center")


def _colour(value: float, signed: bool) -> str:
    return (POSITIVE if value > 0 else NEGATIVE) if signed else PLAIN


def _said(values: np.ndarray, largest: float, signed: bool) -> list[str]:
    """Numbers with equally many decimals, as exact as three digits of the largest are."""
    decimals = 2 - floor(log10(largest)) if largest else 0
    said = []
    for value in values.tolist():
        plain = 0 <= decimals <= _MOST_DECIMALS and isfinite(value)
        text = f"{value:.{decimals}f}".replace("-", "−") if plain and value else rounded(value)
        said.append("no value" if not isfinite(value) else f"+{text}" if signed and value > 0 else text)
    return said
