"""The tokens, words or sentences of a text, and how they are hidden."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.tokens import SENTENCE, WORD

if TYPE_CHECKING:
    from nbexplain.inputs.text import Text

UNITS = ("token", "word", "sentence")
HIDING = ("remove", "mask token", "neutral embedding")

_MOST_PADDING = 0.25  # of a row of tokens, for the sake of fewer passes


class TextMasker:
    """Hides tokens, words or sentences of a text; see `Masker`.

    Punctuation outside words, and tokens that the tokenizer adds, are never hidden (except, for tokens, punctuation
    that is a token of its own).

    Attributes
    ----------
    spans
        (features, 2): where each feature stands in the text.
    """

    def __init__(self, text: Text, unit: str, hide: str) -> None:
        if unit not in UNITS:
            raise ValueError(f"unit: expected one of {', '.join(map(repr, UNITS))}, got {unit!r}")
        if hide not in HIDING:
            raise ValueError(f"hide: expected one of {', '.join(map(repr, HIDING))}, got {hide!r}")
        if hide == "mask token":
            text.stand_in()  # raises where there is none
        if hide == "neutral embedding" and text.tokenizer is None:
            raise ValueError("hide: a model that reads strings has no embedding to replace; remove words instead")
        self._text, self._hide = text, hide
        if (
            text.spans[:, 0] == text.spans[:, 1]
        ).all():  # nobody knows where the tokens stand: each is hidden by itself
            unit, found = "token", [(0, 0)] * len(text.ids)
            belongs = [np.array([place]) for place in range(len(text.ids))]
        else:
            found = _units(text, unit)
            belongs = [_covered(text.spans, span) for span in found]
        kept = [number for number, places in enumerate(belongs) if len(places)]
        ends = [max([found[number][1], *text.spans[belongs[number], 1]]) for number in kept]  # a token may reach beyond
        starts = [found[number][0] for number in kept]
        self.spans = np.array([starts, ends], dtype=np.int64).T.reshape(-1, 2)
        self.features = np.full(len(text.ids), -1)
        for feature, number in enumerate(kept):
            self.features[belongs[number]] = feature
        if unit == "token":
            self.names = tuple(text.tokens[places[0]] for places in (belongs[n] for n in kept))
        else:
            self.names = tuple(text.text[start:end].strip() for start, end in self.spans)
        if not kept:
            raise ValueError(f"text: there is no {unit} in {text.text[:40]!r} that the model reads")
        self.key: Hashable = (unit, hide)
        self.what = unit
        self.varying = np.ones(len(kept), dtype=bool)
        self.weights = np.ones(1)

    def batches(self, keep: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        shown = np.where(self.features < 0, True, np.asarray(keep, dtype=bool)[:, self.features])
        places, count = np.arange(len(self.features)), len(self.features)
        if self._hide != "remove" or self._text.tokenizer is None:
            stand_in = {
                "mask token": -2 - places,
                "neutral embedding": -2 - count - places,
                "remove": np.full(count, -1),
            }[self._hide]
            yield np.arange(len(keep)), torch.from_numpy(np.where(shown, places, stand_in))
            return
        lengths = shown.sum(1)
        for low, high in self._together(lengths):
            rows = np.flatnonzero((lengths >= low) & (lengths <= high))
            if high == 0:  # a network wants at least one token
                self._text.stand_in()
                yield rows, torch.full((len(rows), 1), -2)
                continue
            first = np.argsort(~shown[rows], axis=1, kind="stable")[:, :high]  # what is shown, then what is not
            yield rows, torch.from_numpy(np.where(np.arange(high) < lengths[rows, None], first, -1))

    def _together(self, lengths: np.ndarray) -> list[tuple[int, int]]:
        """Which lengths go through the model together: equal ones, or, where it is told what is padding, near ones."""
        found: list[tuple[int, int]] = []
        for length in np.unique(lengths)[::-1].tolist():
            longest = found[-1][1] if found else 0
            if found and self._text.takes_mask and length >= longest * (1 - _MOST_PADDING):
                found[-1] = length, longest
            else:
                found.append((length, length))
        return found[::-1]

    def tree(self) -> np.ndarray:
        """Neighbours first: halves of the text, halves of these, down to single features."""
        return halves(len(self.names))


def halves(count: int) -> np.ndarray:
    """A linkage matrix (count − 1, 4) that halves a row of features again and again."""
    rows: list[list[float]] = []

    def node(start: int, end: int) -> int:
        if end - start == 1:
            return start
        middle = (start + end + 1) // 2
        left, right = node(start, middle), node(middle, end)
        rows.append([left, right, end - start, end - start])
        return count + len(rows) - 1

    node(0, count)
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _units(text: Text, unit: str) -> list[tuple[int, int]]:
    if unit == "token":
        spans = [(start, end) for start, end in text.spans.tolist() if end > start]
        return list(dict.fromkeys(spans))  # several tokens may make up one sign
    pattern = WORD if unit == "word" else SENTENCE
    return [match.span() for match in pattern.finditer(text.text) if match.group().strip()]


def _covered(spans: np.ndarray, span: tuple[int, int]) -> np.ndarray:
    """The tokens that begin inside a part of the text."""
    inside = (spans[:, 0] >= span[0]) & (spans[:, 0] < span[1]) & (spans[:, 1] > spans[:, 0])
    return np.flatnonzero(inside)
