"""Padding that a tokenizer makes by itself, where it brings each text to one length."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Read = tuple[np.ndarray, "np.ndarray | None"]  # ids (L,), and the attention mask, where there is one
SIDES = ("right", "left")


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
        count = _fill((ids, None), self.id, self.side)
        return ids[count:] if self.side == "left" else ids[: len(ids) - count]


def padded(
    ids: np.ndarray, mask: np.ndarray | None, read: Callable[[str], Read | None], words: Sequence[str]
) -> Padded | None:
    """How a tokenizer brings texts to one length, or to multiples of one; None where it does not.

    It does if texts of different numbers of tokens are as long, and in all of them, this one too, the run of one id at
    one end fills what is left to the next multiple. Where the mask of this text is 0 at an end is padding in any case.

    Parameters
    ----------
    ids, mask
        (L,) of the text.
    read
        What it makes of another text, None where it makes nothing of it.
    words
        Texts of one to three of the first that has tokens of its own are compared; short ones show most.
    """
    found = None
    for word in words:
        one, two = read(word), read(f"{word} {word}")
        if one is None or two is None or not len(one[0]) or np.array_equal(one[0], two[0]):
            continue
        tried = (_filled((ids, mask), one, two, side, functools.partial(_read_many, read, word)) for side in SIDES)
        found = next((each for each in tried if each is not None), None)
        break
    if found is not None or mask is None or mask.all():
        return found
    counts = {side: _fill((ids, mask), _outermost(ids, side), side) for side in SIDES}
    side = max(SIDES, key=lambda side: counts[side])
    return Padded(_end(len(ids), counts[side], side), _outermost(ids, side), side, len(ids)) if counts[side] else None


def _filled(own: Read, one: Read, two: Read, side: str, read: Callable[[int], Read | None]) -> Padded | None:
    """How texts are filled up on this side, by those of one and two words and, if need be, more of them (`read`)."""
    id_, step, rows = _outermost(one[0], side), len(own[0]), [one, two]
    if len(one[0]) != step:  # so many words that there is no room for another, and one more
        each = len(two[0]) - _fill(two, id_, side) - len(one[0]) + _fill(one, id_, side)
        full = 2 + _fill(two, id_, side) // max(each, 1)
        more = [row for row in (read(full), read(full + 1)) if row is not None] if each > 0 else []
        if len(more) < 2:
            return None
        step, rows = len(more[1][0]) - len(more[0][0]), rows + more
    if step < 2:
        return None
    lengths = np.array([len(ids) for ids, _ in (*rows, own)])
    counts = lengths - [_fill(row, id_, side) for row in (*rows, own)]
    found = Padded(_end(lengths[-1], lengths[-1] - counts[-1], side), id_, side, step)
    as_long = any(len(set(counts[:-1][lengths[:-1] == length])) > 1 for length in lengths)
    return found if counts[0] < counts[1] and as_long and (found.length(counts) == lengths).all() else None


def _read_many(read: Callable[[str], Read | None], word: str, count: int) -> Read | None:
    return read(" ".join([word] * count))


def _outermost(ids: np.ndarray, side: str) -> int:
    return int(ids[-1 if side == "right" else 0])


def _fill(row: Read, id_: int, side: str) -> int:
    """How many places at one end have this id and are not masked in."""
    ids, mask = row
    blank = ids == id_ if mask is None else (ids == id_) & (mask == 0)
    return int(np.argmin(np.append(blank if side == "left" else blank[::-1], False)))


def _end(length: int, count: int, side: str) -> np.ndarray:
    """(length,) bool: so many places at one end."""
    places = np.arange(length)
    return places >= length - count if side == "right" else places < count
