"""The tokens, words or sentences of a text, and how they are hidden."""

from __future__ import annotations

import copy
import re
import unicodedata
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.text_codes import REMOVED
from nbexplain.inputs.text_read import is_added
from nbexplain.inputs.token_names import is_space
from nbexplain.inputs.words import SENTENCE, Span, breaker, is_ordinary, is_unspaced, pieces_in, shown, words_in

if TYPE_CHECKING:
    from nbexplain.inputs.text import Text

UNITS = ("token", "word", "sentence")
HIDING = ("remove", "mask token", "neutral embedding")

_MOST_NAMED = 4  # of the pieces that a note names
_NOWHERE = (
    "the tokenizer does not tell where its tokens stand in the text: each is hidden by itself, also those that it adds"
)


class TextMasker:
    """Hides tokens, words or sentences of what is explained of a text; see `Masker`.

    Words are those of the text, whatever its tokens: an emoji is one, punctuation is none. So punctuation and tokens
    that the tokenizer adds are never hidden with words; with tokens, those are that are tokens of their own (for models
    that read strings, what stands between words: “!!!”, “$”); tokens that share a sign are one. A token of spaces alone
    goes with the word that it precedes. Signs other than plain punctuation that no word holds are named in a note. A
    text without a word is hidden by tokens, and so is one of which no token is known to hold a word. Nor is a unit
    hidden of which one token `stays`.

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
        self.key: Hashable = (unit, hide, *stays)
        nowhere = bool((text.spans[:, 0] == text.spans[:, 1]).all())
        if nowhere:  # nobody knows where the tokens stand: each is hidden by itself
            unit, units = "token", np.zeros((len(text.ids), 2), dtype=np.int64)
            owners = np.where(text.explained, np.arange(len(text.ids)), -1)
        else:
            units = _units(text, unit)
            owners = _owners(text, units)
            if not (owners >= 0).any():  # nothing that could be hidden by these
                unit, units = "token", _units(text, "token")
                owners = _owners(text, units)
            if unit == "word":
                _add_spaces(text, owners)
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
        wordy = ~_are_spaces(text)[held]
        at, of = text.spans[held][wordy], features[wordy]
        np.minimum.at(self.spans[:, 0], of, at[:, 0])  # what is hidden is all that its tokens hold
        np.maximum.at(self.spans[:, 1], of, at[:, 1])
        self._part(text.text, unit)
        if nowhere:
            self.names = tuple(text.tokens[place] for place in held[firsts])
        else:
            parts = [text.text[start:end] for start, end in self.spans]
            self.names = tuple(shown(part if unit == "token" else part.strip() or part) for part in parts)
        self.what = unit
        self.varying = np.ones(len(self.names), dtype=bool)
        self.weights = np.ones(1)
        unheld = _unheld(text, self.spans) if unit == "word" else []
        self.notes = (_NOWHERE,) if nowhere else _notes(text, unit, unheld)
        self._signs = np.zeros(len(text.ids), dtype=bool)  # the tokens of plain punctuation
        for start, end in (span for span in unheld if is_ordinary(text.text[slice(*span)])):
            self._signs |= (text.spans[:, 0] < end) & (text.spans[:, 1] > start)
        self._signs &= text.explained & (self.features < 0)
        self._signs[list(stays)] = False

    def of_signs(self) -> TextMasker | None:
        """One that hides, as one feature, the plain punctuation that no word holds, named; None if there is none."""
        if not self._signs.any():
            return None
        new = copy.copy(self)
        new.key, new.features = ("signs", self.key), np.where(self._signs, 0, -1)
        new.names = (_listed(self.signs_unheld),)
        return new

    @property
    def signs_unheld(self) -> tuple[str, ...]:
        """The plain punctuation that no word holds, each sign once."""
        spans = self._text.spans[self._signs].tolist()
        return tuple(dict.fromkeys(self._text.text[start:end] for start, end in spans))

    def _part(self, text: str, unit: str) -> None:
        """Where one reaches into the next, the earlier keeps the text; marks stay with the sign that they follow."""
        starts, ends = self.spans.T
        before = np.maximum.accumulate(np.append(0, ends[:-1]))
        self.spans[:, 0] = np.where(before < ends, np.maximum(starts, before), starts)
        last = np.append(self.spans[1:, 0] if unit == "token" else self.spans[1:, 1] - 1, len(text))
        for place, most in enumerate(last.tolist()):
            start, end = self.spans[place].tolist()
            while start < end < most and unicodedata.category(text[end])[0] == "M":
                end += 1
            self.spans[place, 1] = end
            if unit != "token":
                self.spans[place + 1 : place + 2, 0] = np.maximum(self.spans[place + 1 : place + 2, 0], end)

    def batches(self, keep: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        shown = np.where(self.features < 0, True, np.asarray(keep, dtype=bool)[:, self.features])
        places, count = np.arange(len(self.features)), len(self.features)
        if self._hide != "remove" or self._text.tokenizer is None:
            hidden = {
                "mask token": self._text.codes.mask_token(places),
                "neutral embedding": self._text.codes.neutral_embedding(places),
                "remove": np.full(count, REMOVED),
            }[self._hide]
            yield np.arange(len(keep)), torch.from_numpy(np.where(shown, places, hidden))
            return
        if (fill := self._text.padded) is not None:  # as the tokenizer fills a shorter text up
            shown &= ~fill.places
            order = np.argsort(~shown if fill.side == "right" else shown, axis=1, kind="stable")
            codes = np.where(np.take_along_axis(shown, order, 1), order, self._text.codes.padding(fill.id))
            needed = fill.length(shown.sum(1))
            for length in np.unique(needed).tolist():
                rows = np.flatnonzero(needed == length)
                part = codes[rows, :length] if fill.side == "right" else codes[rows, codes.shape[1] - length :]
                yield rows, torch.from_numpy(part)
            return
        lengths = shown.sum(1)
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            if length == 0:  # a network wants at least one token
                yield rows, -2 - torch.arange(len(self._text.nothing())).expand(len(rows), -1)
            else:
                yield rows, torch.from_numpy(np.nonzero(shown[rows])[1].reshape(len(rows), length))

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
    """Where the parts stand that could be hidden, (parts, 2), within what is explained."""
    if unit == "token":
        spans = text.spans[text.explained & (text.spans[:, 1] > text.spans[:, 0])]
        return np.array(_joined(sorted(spans.tolist())), dtype=np.int64).reshape(-1, 2)
    if unit == "word":
        found = words_in(text.text)
    else:
        found = [match.span() for match in re.finditer(SENTENCE, text.text) if match.group().strip()]
    return np.array(_clipped(found, text.parts_explained), dtype=np.int64).reshape(-1, 2)


def _joined(spans: Sequence[Sequence[int]]) -> list[list[int]]:
    """Spans in order, those that overlap made one: several tokens may make up one sign, or share one."""
    found: list[list[int]] = []
    for start, end in spans:
        if found and start < found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return found


def _clipped(units: Sequence[Span], parts: Sequence[Span]) -> list[Span]:
    """What of units lies in parts, both in order and apart."""
    found, at = [], 0
    for start, end in units:
        while at < len(parts) and parts[at][1] <= start:
            at += 1
        for first, last in parts[at:]:
            if first >= end:
                break
            found.append((max(start, first), min(end, last)))
    return found


def _owners(text: Text, units: np.ndarray) -> np.ndarray:
    """The number of the part that each token belongs to, the first that it overlaps; -1 for none."""
    spans = text.spans
    first = np.searchsorted(units[:, 1], spans[:, 0], side="right")  # they are in order and apart
    begins = np.append(units[:, 0], spans.max() + 1)[first]
    return np.where(text.explained & (begins < spans[:, 1]) & (spans[:, 0] < spans[:, 1]), first, -1)


def _add_spaces(text: Text, owners: np.ndarray) -> None:
    """Give tokens of spaces to the word that follows: a piece of its own is how some tokenizers write its beginning."""
    spaces = _are_spaces(text) & text.explained & (owners < 0)
    for place in np.flatnonzero(spaces)[::-1].tolist():
        if place + 1 < len(owners) and not text.text[text.spans[place, 1] : text.spans[place + 1, 0]].strip():
            owners[place] = owners[place + 1]


def _are_spaces(text: Text) -> np.ndarray:
    """(L,) bool: which tokens hold spaces alone, which some tokenizers place nowhere."""
    tokens = zip(text.spans.tolist(), text.tokens, strict=True)
    return np.array(
        [is_space(name) if end == start else text.text[start:end].isspace() for (start, end), name in tokens]
    )


def _unheld(text: Text, spans: np.ndarray) -> list[Span]:
    """Where the signs of what is explained stand that no word holds."""
    held = np.zeros(len(text.text) + 1, dtype=bool)
    special = text.spans[is_added(text.ids, text.vocabulary)]  # as a mask, which is no sign of the text
    for start, end in [*spans.tolist(), *special.tolist()]:
        held[start:end] = True
    begin, end = text.read[0], min(text.read[1], int(text.spans[:, 1].max()))  # the rest is not read at all
    pieces = [piece for piece in pieces_in(text.text) if piece[0] >= begin and piece[1] <= end]
    parts = _clipped(pieces, text.parts_explained)
    return [(a, b) for a, b in parts if not held[a:b].any() and not words_in(text.text[a:b])]


def never_hidden(signs: Sequence[str]) -> str:
    """That these signs are hidden with no word."""
    return f"{_listed(signs)}: never hidden, as no word holds {them(signs)}"


def them(things: Sequence[object]) -> str:
    """`it`, or `them`."""
    return "it" if len(things) == 1 else "them"


def _listed(named: Sequence[str]) -> str:
    """Some pieces as a note names them."""
    more = f" and {len(named) - _MOST_NAMED:,} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(f"“{piece}”" for piece in named[:_MOST_NAMED]) + more


def _notes(text: Text, unit: str, unheld: Sequence[Span]) -> tuple[str, ...]:
    """Which signs that may mean something are hidden with no word, and what stands for words in some scripts."""
    if unit != "word":
        return ()
    left = dict.fromkeys(text.text[start:end] for start, end in unheld)
    named = [piece for piece in left if not is_ordinary(piece)]
    notes: tuple[str, ...] = ()
    if named:
        notes = (f"{never_hidden(named)}; unit='token' hides each sign",)
    if any(is_unspaced(text.text[start:end]) for start, end in text.parts_explained) and breaker() is None:
        notes += ("the text has no spaces between words: each sign is hidden by itself; pip install icu4py for words",)
    return notes
