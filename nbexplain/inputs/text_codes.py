"""What stands at each place of a changed text, as one whole number: see `Text.tensor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

MASK_WORD = "UNKWORDZ"  # lime's own, for models that read strings
REMOVED = -1


def _spaced(pieces: Sequence[str]) -> str:
    """Pieces in a row; what stands for a hidden one runs into no word beside it."""
    found, last = [], ""
    for piece in filter(None, pieces):
        if MASK_WORD in (piece, last) and last[-1:].isalnum() and piece[0].isalnum():
            found.append(" ")
        found.append(piece)
        last = piece
    return "".join(found)


@dataclass(frozen=True)
class Codes:
    """Codes of a text of `count` tokens: how they are made, and what they mean in a batch (N, L)."""

    count: int

    def mask_token(self, places: np.ndarray) -> np.ndarray:
        """A mask token in the place of each of these."""
        return -2 - places

    def neutral_embedding(self, places: np.ndarray) -> np.ndarray:
        """A neutral embedding in the place of each of these."""
        return -2 - self.count - places

    def padding(self, id_: int) -> int:
        """Padding with this id."""
        return -2 - 2 * self.count - id_

    def is_masked(self, batch: Tensor) -> Tensor:
        return (batch <= -2) & (batch > -2 - self.count)

    def is_neutral(self, batch: Tensor) -> Tensor:
        return (batch <= -2 - self.count) & (batch > -2 - 2 * self.count)

    def is_padding(self, batch: Tensor) -> Tensor:
        return batch <= -2 - 2 * self.count

    def padded_with(self, batch: Tensor) -> Tensor:
        """The ids of what is padding; of the rest, nothing that means anything."""
        return -2 - 2 * self.count - batch

    def places(self, batch: Tensor) -> Tensor:
        """Which token of the text each stands for; 0 where none."""
        place = torch.where(batch < 0, -2 - batch, batch)
        place = torch.where(place >= self.count, place - self.count, place)
        return place.masked_fill(self.is_padding(batch) | (batch == REMOVED), 0)


def strings(text: str, segments: Sequence[tuple[int, int]], spans: np.ndarray, batch: Tensor) -> list[tuple[str, ...]]:
    """The texts of codes (N, L), each in its segments: what is removed is cut out, or replaced by a word of no meaning.

    Parameters
    ----------
    segments
        (start, end) in `text` of each.
    spans
        (L, 2) of the tokens.
    """
    held = [_held(segment, spans) for segment in segments]
    parts = [np.frombuffer(text[start:end].encode("utf-32-le"), dtype=np.uint32) for start, end in segments]
    count, codes = len(spans), batch.cpu().numpy()
    found = []
    for row in codes:  # in numpy all along, as there may be thousands of long texts
        gone = np.ones(count + 1, dtype=bool)
        gone[-1] = False  # what no token holds
        gone[row[row >= 0]] = False
        replaced = np.zeros(count + 1, dtype=bool)
        replaced[-2 - row[(row < REMOVED) & (row > -2 - count)]] = True
        replaced &= gone
        found.append(tuple(_left(signs, of, gone, replaced) for signs, of in zip(parts, held)))
    return found


def _held(segment: tuple[int, int], spans: np.ndarray) -> np.ndarray:
    """(signs,) the token that each sign of a segment is of, the first, as several may make up one; -1 for none."""
    first, last = segment
    of, reached = np.full(last - first, -1), first
    for place, (start, stop) in enumerate(spans.tolist()):
        if first <= start < stop <= last and stop > reached:
            of[max(start, reached) - first : stop - first] = place
            reached = stop
    return of


def _left(signs: np.ndarray, of: np.ndarray, gone: np.ndarray, replaced: np.ndarray) -> str:
    """What is left of signs (n,): none of tokens (tokens + 1,) that are gone or replaced."""
    kept = ~gone[of]
    if not replaced.any():
        return _read(signs[kept])
    begins = np.flatnonzero(replaced[of] & (np.diff(of, prepend=-2) != 0))
    edges = [0, *begins.tolist(), len(signs)]
    pieces = [_read(signs[a:b][kept[a:b]]) for a, b in pairwise(edges)]
    return _spaced([each for piece in pieces for each in (MASK_WORD, piece)][1:])  # one between two pieces


def _read(signs: np.ndarray) -> str:
    return signs.tobytes().decode("utf-32-le")
