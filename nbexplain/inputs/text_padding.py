"""Padding that a tokenizer makes by itself, where it brings each text to one length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Read = tuple[np.ndarray, "np.ndarray | None"]  # ids (L,), and the attention mask, where there is one


@dataclass(frozen=True)
class Padded:
    """How a tokenizer fills each text up.

    Attributes
    ----------
    places
        (L,) bool: what of the text is padding.
    id
        The id that stands there.
    side
        `"right"` or `"left"`.
    step
        Of which number the lengths are multiples; the length of this text, where all are as long.
    """

    places: np.ndarray
    id: int
    side: str
    step: int

    def length(self, counts: np.ndarray) -> np.ndarray:
        """(N,) how long texts of so many tokens are."""
        lengths: np.ndarray = np.maximum(-(-counts // self.step), 1) * self.step
        return lengths

    def stripped(self, ids: np.ndarray) -> np.ndarray:
        """Ids (L,) without the padding at their end."""
        count = _run((ids if self.side == "left" else ids[::-1]) == self.id)
        return ids[count:] if self.side == "left" else ids[: len(ids) - count]


def padded(ids: np.ndarray, mask: np.ndarray | None, read: Callable[[str], Read | None], word: str) -> Padded | None:
    """How a tokenizer brings texts to one length, or to multiples of one; None where it does not.

    Parameters
    ----------
    ids, mask
        (L,) of the text. Where the mask is 0 at an end is padding.
    read
        What it makes of another text, None where it makes nothing of it: where the mask says nothing, as many tokens of
        an empty text as of this one are padding, but for those around it.
    word
        A short text, which shows on which side they stand.
    """
    if mask is not None and not mask.all():
        short = read(word)
        return _at_an_end(ids, mask == 0, _step(ids, short))
    found, step, nothing = None, 0, read("")
    framed = nothing is not None and len(nothing[0]) > 0  # else it is seen from two short texts
    for text in ("", word) if framed else (word, f"{word} {word}"):
        short = read(text)
        if short is None or len(short[0]) < 2 or step not in (0, len(short[0])) or len(ids) % len(short[0]):
            return None
        step = len(short[0])
        blank = np.ones(step, dtype=bool) if short[1] is None else short[1] == 0
        found = _at_an_end(short[0], blank, step, least=2)
        if found is None or (framed and not found.places.all()):
            break
    if found is None:
        return None
    inwards = ids if found.side == "left" else ids[::-1]
    own = _run(inwards == found.id) if mask is None else 0
    return Padded(_end(len(ids), own, found.side), found.id, found.side, step)


def _step(ids: np.ndarray, short: Read | None) -> int:
    """Of which number lengths are multiples, by what is made of a short text."""
    step = len(ids) if short is None else len(short[0])
    return step if 0 < step < len(ids) and len(ids) % step == 0 else len(ids)


def _at_an_end(ids: np.ndarray, places: np.ndarray, step: int, least: int = 1) -> Padded | None:
    """The longer run of these places at an end, of one id; None where it is shorter than `least`."""
    right, left = _run((places & (ids == ids[-1]))[::-1]), _run(places & (ids == ids[0]))
    if max(right, left) < least:
        return None
    side = "right" if right >= left else "left"
    return Padded(_end(len(ids), max(right, left), side), int(ids[-1 if side == "right" else 0]), side, step)


def _run(places: np.ndarray) -> int:
    """How many of these places there are at the beginning."""
    return int(np.argmin(np.append(places, False)))


def _end(length: int, count: int, side: str) -> np.ndarray:
    """(length,) bool: so many places at one end."""
    places = np.arange(length)
    return places >= length - count if side == "right" else places < count
