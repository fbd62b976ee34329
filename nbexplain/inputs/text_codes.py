"""What stands at each place of a changed text, as one whole number: see `Text.tensor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    tokens = list(enumerate(spans.tolist()))
    inside = [[(n, a, b) for n, (a, b) in tokens if start <= a < b <= end] for start, end in segments]
    rows = []
    for codes in batch.tolist():
        seen = {code for code in codes if code >= 0}
        replaced = {-2 - code for code in codes if code < REMOVED}
        row = []
        for (first, last), held in zip(segments, inside):
            pieces, end = [], first
            for place, start, stop in held:
                pieces.append(text[end:start])
                if stop <= end:  # several tokens may make up one sign
                    continue
                if place in seen:
                    pieces.append(text[max(start, end) : stop])
                elif place in replaced:
                    pieces.append(MASK_WORD)
                end = stop
            pieces.append(text[end:last])
            row.append(_spaced(pieces) if replaced else "".join(pieces))
        rows.append(tuple(row))
    return rows
