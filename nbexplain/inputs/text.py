"""A text: its tokens, and what a model gets of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs import segments
from nbexplain.inputs.array import Array, as_it_is
from nbexplain.inputs.text_codes import REMOVED, Codes, strings
from nbexplain.inputs.text_entries import Rule, notes_of
from nbexplain.inputs.text_masker import TextMasker
from nbexplain.inputs.text_read import check_id, cut_note, in_doubt, is_added, read_by, words_cut
from nbexplain.inputs.tokens import partly_read, stand_in, tokens_of, unread, vocabulary_of, within
from nbexplain.inputs.words import words_in

_MOST_NAMED = 4  # tokens in an error
_NO_LIMIT = 100_000  # Hugging Face's tokenizers name an enormous length where they know none


class Text(Array):
    """A text, or a pair of texts, and the tokens that the network reads.

    Where padding changes a model's scores, which is tried, texts of each length run by themselves: about 1.4 to 1.9
    times the time of padded ones; a model that takes one text at a time costs more, and says so.

    Parameters
    ----------
    text
        A string; or a pair (a, b) of them that go in together, such as premise and hypothesis, or question and context.
        The tokenizer is called with both; a model that reads strings gets a list of such pairs.
    tokenizer
        Hugging Face's, one of the library `tokenizers`, or any callable string → ids (of a pair two strings → the ids
        of both), or → mapping with `input_ids` and, if it has them, `attention_mask`, `offset_mapping` ((start, end) of
        each token in the text) and more entries with one number a token, or one for each two of them. Without one,
        tokens are words and what stands between them, for models that read strings.
    explain
        What is explained; all else stays as it is. None: all of it. Of a pair, 0 or 1: one of the texts. A part of the
        text, which must be in it once; or its (start, end) in `text`. Or a list of these. So of a prompt
        `f"Is this review positive? {review}"` the words of the review are hidden with `explain=review`.
    max_length
        How many tokens the model takes; by default the tokenizer's `model_max_length`. What is longer is cut, and said.
    mask_token_id
        What stands for a hidden token; by default the tokenizer's mask, unknown or padding token. It is also what
        is left where all tokens are removed; without one, that is what the tokenizer makes of an empty text.

    Attributes
    ----------
    text
        The string; of a pair both, below each other.
    texts
        The one or two strings, as they were given.
    tokenizer, made_with
        As they were given; `made_with` holds `explain`, `max_length` and `mask_token_id`.
    vocabulary
        The tokenizer, also where one of its methods was given, or a partial call: it names special tokens.
    parts_explained
        (start, end) in `text` of each part that is explained.
    ids
        The token ids, after any cut.
    read
        (start, end) in `text` of what is left of it.
    tokens, spans
        Of each token, without spaces around it: how it reads, and (start, end) in the text; (0, 0) for one that is
        nowhere in it.
    explained
        (L,) bool: which tokens are of a part that is explained; all, where the tokenizer does not tell where they are.
    padded
        How the tokenizer brings each text to one length: a shortened one is filled up likewise. None where it does not.
    tensor
        (1, L) codes of what stands at each place: p ≥ 0 is token p, -1 nothing, -2 − p the mask token in its place
        (or, without one, token p of an empty text), -2 − L − p a neutral embedding in its place, -2 − 2L − i padding
        with id i. `arguments` makes ids of them.

    Raises
    ------
    TypeError, ValueError
        If there is no word in a text that the model reads, there is no such part, `max_length` is no whole number from
        1 on or `mask_token_id` no id, or the tokenizer returns no ids, or does not tell where the part stands.
    """

    kind = "text"
    fills = ()

    def __init__(
        self,
        text: str | tuple[str, str],
        tokenizer: Callable[..., Any] | None = None,
        *,
        explain: Any = None,
        max_length: int | None = None,
        mask_token_id: int | None = None,
    ) -> None:
        self.texts = segments.checked(text)
        if max_length is not None and (isinstance(max_length, bool) or not isinstance(max_length, Integral)):
            raise TypeError(f"max_length: expected a whole number of tokens, got {max_length!r}")
        if max_length is not None and max_length < 1:
            raise ValueError(f"max_length: expected 1 token or more, got {max_length}")
        check_id(mask_token_id, vocabulary_of(tokenizer))
        self.text, self._begins = segments.joined(self.texts)
        self.tokenizer, self.vocabulary = tokenizer, vocabulary_of(tokenizer)
        self.parts_explained = segments.explained(explain, self.texts)
        self.made_with = {"explain": segments.plain(explain), "max_length": max_length, "mask_token_id": mask_token_id}
        read = tokens_of(self.texts, tokenizer)
        self.ids, self.tokens, self.spans, extras = read.ids, read.names, read.spans, read.extras
        self.padded = read.padded
        self.read = (0, len(self.text))
        if max_length is None:
            named = getattr(self.vocabulary, "model_max_length", None)
            max_length = named if isinstance(named, int) and named < _NO_LIMIT else None
        self.notes: tuple[str, ...] = ()
        if read.left_out:
            said = ", ".join(map(repr, read.left_out))
            self.notes += (f"the tokenizer's {said}: no numbers of each token, so the model does not get them",)
        self.notes += partly_read(read.lost, self.spans) + notes_of(read.rules)
        self._rules = dict(read.rules)  # of entries that change with a shorter text
        if max_length is not None and len(self.ids) > max_length:
            extras = self._cut(max_length, extras)
        else:
            if not self._placed and is_added(self.ids, self.vocabulary).all():
                made = ", ".join(f"“{token}”" for token in self.tokens[:_MOST_NAMED])
                raise ValueError(f"text: there is no word in {self.text[:40]!r} that the model reads, only {made}")
            doubt = in_doubt(self.ids, self.spans, self.vocabulary)
            left = list(read.read) or read_by(self.texts, self.spans, None if doubt else tokenizer)
            self.notes += cut_note(self.texts, left) + unread(self.text, self.spans, left)
            self.read = left[0] if len(left) == 1 else self.read
        self.explained = self._explained(explain is not None)
        self._masked_by = extras.pop("attention_mask", None)
        self._extras = extras
        self._mask_id = stand_in(self.vocabulary) if mask_token_id is None else int(mask_token_id)
        self._nothing: np.ndarray | None = None  # what the tokenizer makes of an empty text, once it was asked
        self.codes = Codes(len(self.ids))
        self.tensor = torch.arange(len(self.ids))[None]

    def _cut(self, length: int, extras: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Cut what the model cannot take, and say so; what is left of what else the tokenizer says."""
        side = "left" if getattr(self.vocabulary, "truncation_side", None) == "left" else "right"
        keep = within(length, self.spans, self._begins, side)
        took, seen = len(self.ids), self._placed
        self.padded = None
        self.tokens = tuple(self.tokens[place] for place in keep)
        self.ids, self.spans = self.ids[keep], self.spans[keep]
        if seen and not self._placed and not in_doubt(self.ids, self.spans, self.vocabulary):
            raise ValueError(
                f"max_length: no word is left among the {length:,} of {took:,} tokens that the model takes, but "
                f"{', '.join(f'“{token}”' for token in self.tokens)}"
            )
        edges = [self._edge(first, last, side) for first, last in zip(self._begins, self._ends)]
        shown = [self.text[at:last][:20] for at, last in zip(edges, self._ends)]
        if side == "right":
            shown = [self.text[first:at][-20:] for first, at in zip(self._begins, edges)]
        what = "the text has" if len(self.texts) == 1 else "the two texts have"
        where = "at its beginning" if side == "left" else "at its end"  # for all that is known
        if all(shown):
            where = f"{'before' if side == 'left' else 'after'} {' and '.join(f'“{part}”' for part in shown)}"
        ends = zip(self._begins, edges, self._ends)
        left = [(at, last) if side == "left" else (first, at) for first, at, last in ends]
        lost = words_cut(self.text, left) if all(shown) else ""
        self.notes += (f"{what} {took:,} tokens and the model takes {length:,}: it is cut {where}{lost}",)
        if len(self.texts) == 1:
            (self.read,) = left
            self.notes += unread(self.text, self.spans, [self.read])
        cut = {name: rule.of(extras[name], keep) for name, rule in self._rules.items()}
        self._rules = {name: rule.cut(keep) for name, rule in self._rules.items()}
        return {name: values[keep] for name, values in extras.items() if name not in cut} | cut

    def _edge(self, first: int, last: int, side: str) -> int:
        """To where a text between these places is read, or from where, if its left side is cut."""
        spans = self.spans[(self.spans[:, 0] >= first) & (self.spans[:, 1] <= last)]
        spans = spans[spans[:, 1] > spans[:, 0]]
        return int(spans[:, 0].min(initial=last) if side == "left" else spans[:, 1].max(initial=first))

    @property
    def _ends(self) -> list[int]:
        """Where each text ends in the joined ones."""
        return [begin + len(text) for begin, text in zip(self._begins, self.texts)]

    @property
    def _placed(self) -> bool:
        """Whether it is known of any token where it stands in the text."""
        return bool((self.spans[:, 1] > self.spans[:, 0]).any())

    def _explained(self, told: bool) -> np.ndarray:
        """(L,) bool: the tokens of the parts that are explained."""
        starts, ends = self.spans.T
        if not told or (starts == ends).all():
            if told:
                raise ValueError("explain: the tokenizer does not tell where its tokens stand in the text")
            return np.ones(len(self.ids), dtype=bool) if self.padded is None else ~self.padded.places
        found = np.zeros(len(self.ids), dtype=bool)
        for start, end in self.parts_explained:
            found |= (starts < end) & (ends > start) & (ends > starts)
        if not found.any():
            start, end = self.parts_explained[0]
            raise ValueError(f"explain: no token of {self.text[start:end][:40]!r} is among those that the model reads")
        return found

    def another(self, text: str | tuple[str, str]) -> Text:
        """Another text, read in the same way; what stays must stand around it as it stood.

        Raises
        ------
        ValueError
            If it does not, or nothing is left of what is explained.
        """
        given: Any = segments.apart(text, self.texts) if isinstance(text, str) else text
        explain = segments.moved(given, self.texts, self.made_with["explain"], self.parts_explained)
        return Text(given, self.tokenizer, **self.made_with | {"explain": explain})

    # What a model gets

    @property
    def family(self) -> Hashable:
        """A text stands alone: its codes are places in itself."""
        return id(self)

    def arguments(self, batch: Tensor, dtype: torch.dtype | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Ids (N, L) for codes (N, L); as keywords with the attention mask, where the tokenizer makes one.

        Without a tokenizer the texts themselves.
        """
        if self.tokenizer is None:
            return (self.outside(batch),), {}
        place = self.codes.places(batch)
        ids = torch.from_numpy(self.ids).to(batch.device)[place]
        if (hidden := self.codes.is_masked(batch)).any():
            nothing = self.nothing().to(batch.device)
            ids = torch.where(hidden, nothing[place.clamp(max=len(nothing) - 1)], ids)
        padding = self.codes.is_padding(batch)
        ids = torch.where(padding, self.codes.padded_with(batch), ids)
        extras = ({} if self._masked_by is None else {"attention_mask": self._masked_by}) | self._extras
        if not extras:
            return (ids,), {}
        said = {name: self._along(name, torch.from_numpy(row), place, padding) for name, row in extras.items()}
        return (), {
            "input_ids": ids,
            **{name: row.to(dtype or torch.float32) if row.is_floating_point() else row for name, row in said.items()},
        }

    def _along(self, name: str, values: Tensor, place: Tensor, padding: Tensor) -> Tensor:
        """What else the tokenizer says of each token (L, …), for the tokens at these places and padding, (N, L, …)."""
        values = values.to(place.device)
        rule = self._rules.get(name)
        if rule is not None and not rule.square:
            return self._counted(rule, values, place, padding)
        if rule is not None:
            told = np.flatnonzero(rule.parts < 0)  # what is said of the tokenizer's own padding
            found = rule.taken(values, place.masked_fill(padding, int(told[0]) if len(told) else 0), ~padding)
            hidden = (padding[:, :, None] | padding[:, None, :]) & (len(told) == 0)
            return found.masked_fill(hidden.reshape(len(place), *[1] * (values.ndim - 2), *hidden.shape[1:]), 0)
        type_id = getattr(self.vocabulary, "pad_token_type_id", None) if name == "token_type_ids" else None
        hidden = padding.reshape(*padding.shape, *[1] * (values.ndim - 1))
        return values[place].masked_fill(hidden, type_id if isinstance(type_id, int) else 0)

    def _counted(self, rule: Rule, values: Tensor, place: Tensor, padding: Tensor) -> Tensor:
        """Numbers of places (N, L), and those of padding."""
        if self.padded is not None and bool((values.diff() == 1).all()):  # padding has its numbers too
            return (values[0] + torch.arange(padding.shape[1]).to(values)).expand(padding.shape)
        fill = values[0] if self.padded is None else values[int(np.argmax(self.padded.places))]
        return torch.where(padding, fill, rule.taken(values, place, ~padding))

    def neutral(self, batch: Tensor) -> Tensor | None:
        """(N, L) bool: where a neutral embedding stands in; None where it does nowhere."""
        hidden = self.codes.is_neutral(batch)
        return hidden if bool(hidden.any()) else None

    def outside(self, batch: Tensor) -> list[Any]:
        """The texts, for models that read strings, or pairs of them; what is hidden is cut out or replaced."""
        found = strings(self.text, list(zip(self._begins, self._ends)), self.spans, batch)
        return found if len(self.texts) > 1 else [row[0] for row in found]

    def nothing_left(self, batch: Tensor) -> Tensor:
        """(N,) bool: of which texts no word that is explained is left, nor anything in the place of one."""
        held = self.explained & (self.spans[:, 1] > self.spans[:, 0])
        wordy = np.array([own and bool(words_in(token)) for own, token in zip(held, self.tokens)])
        words = torch.from_numpy(wordy if wordy.any() else self.explained).to(batch.device)
        shown = (words[self.codes.places(batch)] & (batch >= 0)).any(1)
        replaced = (self.codes.is_masked(batch) | self.codes.is_neutral(batch)).any(1)
        return ~shown & (~replaced | (batch.shape[1] < len(self.ids)))

    def one_less(self) -> Tensor | None:
        """Codes of the text without one of its tokens; None where it has no other."""
        inside = np.flatnonzero(self.explained & (self.spans[:, 1] > self.spans[:, 0]))
        if len(inside) < 2:
            return None
        place = int(inside[len(inside) // 2])
        if self.tokenizer is None:
            return self.tensor.masked_fill(torch.arange(len(self.ids)) == place, REMOVED)
        return torch.cat([self.tensor[:, :place], self.tensor[:, place + 1 :]], 1)

    def stand_in(self) -> Tensor:
        """The id of what is put in the place of a hidden token.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.tokenizer is None:
            return torch.tensor(0)
        if self._mask_id is None:
            raise ValueError(
                "hide: the tokenizer has no mask, unknown or padding token; give Text(…, mask_token_id=…), or 'remove'"
            )
        return torch.tensor(self._mask_id)

    def nothing(self) -> Tensor:
        """The ids (k,) of a text of which nothing is left, as a network wants at least one: what stands for a hidden
        token, or what the tokenizer makes of an empty text.

        Raises
        ------
        ValueError
            If there is neither.
        """
        if self.tokenizer is None or self.has_mask:
            return self.stand_in()[None]
        if self._nothing is None:
            try:
                self._nothing = tokens_of([""] * len(self.texts), self.tokenizer).ids
            except Exception:  # whatever a tokenizer does that was not made for this
                self._nothing = self.ids[:0]
        if not 0 < len(self._nothing) <= len(self.ids):
            raise ValueError(
                "hide: where all is removed the model would get no token at all; the tokenizer has no mask, unknown or "
                "padding token, and makes nothing of an empty text that could stand there: give the id to put there as "
                "Text(…, mask_token_id=…)"
            )
        return torch.from_numpy(self._nothing)

    # What can be hidden

    def masker(
        self,
        unit: str = "word",
        hide: str = "remove",
        *,
        stays: Sequence[int] = (),
        ready: Callable[[Tensor], Tensor] = as_it_is,
    ) -> TextMasker:
        """Tokens, words or sentences to hide, but for those that hold a token that stays."""
        return TextMasker(self, unit, hide, stays)

    def put_back(self, scores: Tensor, batch: Tensor) -> Tensor:
        """Scores (N, L, …) of the tokens of codes (N, L), each at the place that it has in the text; NaN if removed."""
        full = scores.new_full((len(scores), len(self.ids), *scores.shape[2:]), torch.nan)
        row, column = ((batch != REMOVED) & ~self.codes.is_padding(batch)).nonzero(as_tuple=True)
        full[row, self.codes.places(batch)[row, column]] = scores[row, column]
        return full

    @property
    def takes_mask(self) -> bool:
        """Whether the model is told which places hold nothing."""
        return self._masked_by is not None

    @property
    def has_mask(self) -> bool:
        """Whether there is a token that stands for a hidden one."""
        return self.tokenizer is not None and self._mask_id is not None
