"""A text: its tokens, and what a model gets of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.array import Array, as_it_is
from nbexplain.inputs.text_masker import TextMasker
from nbexplain.inputs.tokens import stand_in, tokens_of, unread, within

_MASK_WORD = "UNKWORDZ"  # lime's own, for models that read strings
_NO_LIMIT = 100_000  # Hugging Face's tokenizers name an enormous length where they know none
_MOST_NAMED = 4  # of the words that a note names


class Text(Array):
    """A text and the tokens that the network reads.

    Parameters
    ----------
    text
        A string.
    tokenizer
        Hugging Face's, or any callable string → ids, or → mapping with `input_ids` and, if it has them,
        `attention_mask`, `offset_mapping` ((start, end) of each token in the text) and further entries with one number
        a token. Without one, tokens are the words, for models that read strings.
    max_length
        How many tokens the model takes; by default the tokenizer's `model_max_length`. What is longer is cut, and said.
    mask_token_id
        What stands for a hidden token; by default the tokenizer's mask, unknown or padding token. It is also what
        is left where all tokens are removed; without one, that is what the tokenizer makes of an empty text.

    Attributes
    ----------
    text
        The string.
    tokenizer, made_with
        As they were given; `made_with` holds `max_length` and `mask_token_id`.
    ids
        The token ids, after any cut.
    tokens, spans
        Of each token, without spaces around it: how it reads, and (start, end) in the text; (0, 0) for one that is
        nowhere in it.
    tensor
        (1, L) codes of what stands at each place: p ≥ 0 is token p, -1 nothing, -2 − p the mask token in its place
        (or, without one, token p of an empty text), -2 − L − p a neutral embedding in its place.
        `arguments` makes ids of them.

    Raises
    ------
    TypeError, ValueError
        If the text is empty, `max_length` is no whole number from 1 on, or the tokenizer returns no ids.
    """

    kind = "text"
    fills = ()

    def __init__(
        self,
        text: str,
        tokenizer: Callable[[str], Any] | None = None,
        *,
        max_length: int | None = None,
        mask_token_id: int | None = None,
    ) -> None:
        if not isinstance(text, str):
            raise TypeError(f"text: expected a string, got {type(text).__name__}")
        if not text.strip():
            raise ValueError(f"text: expected some words, got {text!r}")
        if max_length is not None and (isinstance(max_length, bool) or not isinstance(max_length, Integral)):
            raise TypeError(f"max_length: expected a whole number of tokens, got {max_length!r}")
        if max_length is not None and max_length < 1:
            raise ValueError(f"max_length: expected 1 token or more, got {max_length}")
        self.text, self.tokenizer = text, tokenizer
        self.made_with = {"max_length": max_length, "mask_token_id": mask_token_id}
        self.ids, self.tokens, self.spans, extras = tokens_of(text, tokenizer)
        if max_length is None:
            named = getattr(tokenizer, "model_max_length", None)
            max_length = named if isinstance(named, int) and named < _NO_LIMIT else None
        self.notes: tuple[str, ...] = ()
        reached = len(text)
        if max_length is not None and len(self.ids) > max_length:
            keep = within(max_length, self.spans)
            reached = int(self.spans[keep, 1].max())
            self.notes = (
                f"the text has {len(self.ids):,} tokens and the model takes {max_length:,}: it is cut after "
                f"“{text[:reached][-20:]}”",
            )
            extras = {name: values[keep] for name, values in extras.items()}
            self.tokens = tuple(self.tokens[place] for place in keep)
            self.ids, self.spans = self.ids[keep], self.spans[keep]
        if lost := unread(text[:reached], self.spans):
            named = ", ".join(f"“{word}”" for word in lost[:_MOST_NAMED])
            more = f" and {len(lost) - _MOST_NAMED:,} more" if len(lost) > _MOST_NAMED else ""
            self.notes += (f"the tokenizer shows no token for {named}{more}: what it makes of that is never hidden",)
        self._masked_by = extras.pop("attention_mask", None)
        self._extras = extras
        self._mask_id = mask_token_id if mask_token_id is not None else stand_in(tokenizer)
        self._nothing: np.ndarray | None = None  # what the tokenizer makes of an empty text, once it was asked
        self.tensor = torch.arange(len(self.ids))[None]

    def another(self, text: str) -> Text:
        """Another text, read in the same way."""
        return Text(text, self.tokenizer, **self.made_with)

    # What a model gets

    @property
    def family(self) -> Hashable:
        """A text stands alone: its codes are places in itself."""
        return id(self)

    def arguments(self, batch: Tensor, dtype: torch.dtype | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Ids (N, L) for codes (N, L); as keywords with the attention mask, where the tokenizer makes one."""
        place = self._places(batch)
        ids = torch.from_numpy(self.ids).to(batch.device)[place]
        if (hidden := (batch <= -2) & (batch > -2 - len(self.ids))).any():
            nothing = self.nothing().to(batch.device)
            ids = torch.where(hidden, nothing[place.clamp(max=len(nothing) - 1)], ids)
        empty = batch == -1
        if self._masked_by is None:
            return (ids,), {}
        extras = {
            name: torch.from_numpy(values).to(batch.device)[place].masked_fill(empty, 0)
            for name, values in {"attention_mask": self._masked_by, **self._extras}.items()
        }
        return (), {"input_ids": ids.masked_fill(empty, self._padding()), **extras}

    def neutral(self, batch: Tensor) -> Tensor | None:
        """(N, L) bool: where a neutral embedding stands in; None where it does nowhere."""
        hidden = batch <= -2 - len(self.ids)
        return hidden if bool(hidden.any()) else None

    def outside(self, batch: Tensor) -> list[str]:
        """The texts, for models that read strings: what is hidden is cut out, or replaced by a word of no meaning."""
        texts = []
        for codes in batch.tolist():
            seen = {code for code in codes if code >= 0}
            replaced = {-2 - code for code in codes if code < -1}
            pieces, end = [], 0
            for place, (start, stop) in enumerate(self.spans.tolist()):
                pieces.append(self.text[end:start])
                if place in seen:
                    pieces.append(self.text[start:stop])
                elif place in replaced:
                    pieces.append(_MASK_WORD)
                end = max(end, stop)
            texts.append("".join(pieces) + self.text[end:])
        return texts

    def _places(self, batch: Tensor) -> Tensor:
        count = len(self.ids)
        place = torch.where(batch < 0, -2 - batch, batch)
        return torch.where(place >= count, place - count, place).clamp(min=0)

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
        if self.tokenizer is None or self._mask_id is not None:
            return self.stand_in()[None]
        if self._nothing is None:
            try:
                self._nothing = tokens_of("", self.tokenizer)[0]
            except Exception:  # whatever a tokenizer does that was not made for this
                self._nothing = self.ids[:0]
        if not 0 < len(self._nothing) <= len(self.ids):
            raise ValueError(
                "hide: where all is removed the model would get no token at all; the tokenizer has no mask, unknown or "
                "padding token, and makes nothing of an empty text that could stand there: give the id to put there as "
                "Text(…, mask_token_id=…)"
            )
        return torch.from_numpy(self._nothing)

    def _padding(self) -> int:
        padding = getattr(self.tokenizer, "pad_token_id", None)
        return padding if isinstance(padding, int) else int(self.ids[0])

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
        """Scores (N, L, K) of the tokens of codes (N, L), each at the place that it has in the text; NaN if removed."""
        full = scores.new_full((len(scores), len(self.ids), *scores.shape[2:]), torch.nan)
        row, column = (batch != -1).nonzero(as_tuple=True)
        full[row, self._places(batch)[row, column]] = scores[row, column]
        return full

    @property
    def takes_mask(self) -> bool:
        """Whether the model is told which places hold nothing."""
        return self._masked_by is not None
