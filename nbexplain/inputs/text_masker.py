"""The tokens, words or sentences of a text, and how they are hidden."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.tokens import SENTENCE, words_in

if TYPE_CHECKING:
    from nbexplain.inputs.text import Text

UNITS = ("token", "word", "sentence")
HIDING = ("remove", "mask token", "neutral embedding")

_MOST_PADDING = 0.25  # of a row of tokens, for the sake of fewer passes


class TextMasker:
    """Hides tokens, words or sentences of a text; see `Masker`.

    Spaces and punctuation outside words, and tokens that the tokenizer adds, are never hidden (except, for tokens,
    those that are tokens of their own). Nor is a unit of which one token `stays`.

    Attributes
    ----------
    spans
        (features, 2): where each feature stands in the text.
    """

    def __init__(self, text: Text, unit: str, hide: str, stays: Sequence[int] = ()) -> None:
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
            unit, units, owners = "token", np.zeros((len(text.ids), 2), dtype=np.int64), np.arange(len(text.ids))
        else:
            units = _units(text, unit)
            owners = _owners(text.spans, units, unit)
        staying = owners[list(stays)]
        owners[np.isin(owners, staying[staying >= 0])] = -1
        held = np.flatnonzero(owners >= 0)
        if not len(held) and len(staying):
            raise ValueError(
                f"hide: each {unit} holds a token whose score is explained, so none can be removed; 'mask token' and "
                "'neutral embedding' leave each in its place"
            )
        if not len(held):
            raise ValueError(f"text: there is no {unit} in {text.text[:40]!r} that the model reads")
        kept, firsts, features = np.unique(owners[held], return_index=True, return_inverse=True)
        self.features = np.full(len(text.ids), -1)
        self.features[held] = features
        self.spans = units[kept]
        np.minimum.at(self.spans[:, 0], features, text.spans[held, 0])  # what is hidden is all that its tokens hold
        np.maximum.at(self.spans[:, 1], features, text.spans[held, 1])
        if unit == "token":
            self.names = tuple(text.tokens[place] for place in held[firsts])
        else:
            self._part()
            self.names = tuple(text.text[start:end].strip() for start, end in self.spans)
        self.key: Hashable = (unit, hide, *stays)
        self.what = unit
        self.varying = np.ones(len(self.names), dtype=bool)
        self.weights = np.ones(1)

    def _part(self) -> None:
        """Where one reaches into the next, the earlier keeps the text."""
        starts, ends = self.spans.T
        before = np.maximum.accumulate(np.append(0, ends[:-1]))
        self.spans[:, 0] = np.where(before < ends, np.maximum(starts, before), starts)

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
                yield rows, -2 - torch.arange(len(self._text.nothing())).expand(len(rows), -1)
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


def _units(text: Text, unit: str) -> np.ndarray:
    """Where the parts stand that could be hidden, (parts, 2)."""
    if unit == "token":
        spans = [(start, end) for start, end in text.spans.tolist() if end > start]
        found = list(dict.fromkeys(spans))  # several tokens may make up one sign
    elif unit == "word":
        found = words_in(text.text)
    else:
        found = [match.span() for match in re.finditer(SENTENCE, text.text) if match.group().strip()]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _owners(spans: np.ndarray, units: np.ndarray, unit: str) -> np.ndarray:
    """The number of the part that each token belongs to, the first that it overlaps; -1 for none."""
    if unit == "token":
        numbers = {(start, end): number for number, (start, end) in enumerate(units.tolist())}
        return np.array([numbers.get((start, end), -1) for start, end in spans.tolist()])
    first = np.searchsorted(units[:, 1], spans[:, 0], side="right")  # words and sentences are in order and apart
    begins = np.append(units[:, 0], spans.max() + 1)[first]
    return np.where((begins < spans[:, 1]) & (spans[:, 0] < spans[:, 1]), first, -1)
