"""A text: its tokens, where they stand, the words and sentences that they make up, and how these are hidden."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.array import Array, as_it_is

UNITS = ("token", "word", "sentence")
HIDING = ("remove", "mask token", "neutral embedding")

_ONE_BY_ONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts without spaces: each sign is a word
_WORD = re.compile(rf"[{_ONE_BY_ONE}]|(?:(?![{_ONE_BY_ONE}])\w)+(?:['’](?:(?![{_ONE_BY_ONE}])\w)+)*")
_SENTENCE = re.compile(r"[^.!?。！？…\n]*(?:[.!?。！？…\n]+|$)")
_MASK_WORD = "UNKWORDZ"  # lime's own, for models that read strings
_NO_LIMIT = 100_000  # Hugging Face's tokenizers name an enormous length where they know none
_MOST_PADDING = 0.25  # of a row of tokens, for the sake of fewer passes
_PIECE = re.compile("^(##|▁|Ġ)")


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
        What stands for a hidden token; by default the tokenizer's mask, unknown or padding token.

    Attributes
    ----------
    text
        The string.
    tokenizer, made_with
        As they were given; `made_with` holds `max_length` and `mask_token_id`.
    ids
        The token ids, after any cut.
    tokens, spans
        Of each token: how it reads, and (start, end) in the text; (0, 0) for one that is nowhere in it.
    tensor
        (1, L) codes of what stands at each place: p ≥ 0 is token p, -1 nothing, -2 − p the mask token in its place,
        -2 − L − p a neutral embedding in its place. `arguments` makes ids of them.

    Raises
    ------
    TypeError, ValueError
        If the text is empty, or the tokenizer returns no ids.
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
        self.text, self.tokenizer = text, tokenizer
        self.made_with = {"max_length": max_length, "mask_token_id": mask_token_id}
        self.ids, self.tokens, self.spans, extras = _tokens(text, tokenizer)
        if max_length is None:
            named = getattr(tokenizer, "model_max_length", None)
            max_length = named if isinstance(named, int) and named < _NO_LIMIT else None
        self.notes: tuple[str, ...] = ()
        if max_length is not None and len(self.ids) > max_length:
            keep = _within(max_length, self.spans)
            self.notes = (
                f"the text has {len(self.ids):,} tokens and the model takes {max_length:,}: it is cut after "
                f"“{text[: max(end for _, end in self.spans[keep])][-20:]}”",
            )
            extras = {name: values[keep] for name, values in extras.items()}
            self.tokens = tuple(self.tokens[place] for place in keep)
            self.ids, self.spans = self.ids[keep], self.spans[keep]
        self._masked_by = extras.pop("attention_mask", None)
        self._extras = extras
        self._mask_id = mask_token_id if mask_token_id is not None else _stand_in(tokenizer)
        self._parts, self._key = {}, None
        self.tensor = torch.arange(len(self.ids))[None]

    def another(self, text: str) -> Text:
        """Another text, read in the same way."""
        return Text(text, self.tokenizer, **self.made_with)

    # What a model gets

    @property
    def family(self) -> Hashable:
        """A text stands alone: its codes are places in itself."""
        return id(self)

    def arguments(self, batch: Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Ids (N, L) for codes (N, L); as keywords with the attention mask, where the tokenizer makes one."""
        place = self._places(batch)
        ids = torch.from_numpy(self.ids).to(batch.device)[place]
        if (hidden := (batch <= -2) & (batch > -2 - len(self.ids))).any():
            ids = torch.where(hidden, self._stand_in(), ids)
        nothing = batch == -1
        if self._masked_by is None:
            return (ids,), {}
        extras = {
            name: torch.from_numpy(values).to(batch.device)[place].masked_fill(nothing, 0)
            for name, values in {"attention_mask": self._masked_by, **self._extras}.items()
        }
        return (), {"input_ids": ids.masked_fill(nothing, self._padding()), **extras}

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

    def _stand_in(self) -> Tensor:
        if self.tokenizer is None:
            return torch.tensor(0)
        if self._mask_id is None:
            raise ValueError(
                "hide: the tokenizer has no mask, unknown or padding token; give Text(…, mask_token_id=…), or 'remove'"
            )
        return torch.tensor(self._mask_id)

    def _padding(self) -> int:
        padding = getattr(self.tokenizer, "pad_token_id", None)
        return padding if isinstance(padding, int) else int(self.ids[0])

    # What can be hidden

    def masker(
        self, unit: str = "word", hide: str = "remove", *, ready: Callable[[Tensor], Tensor] = as_it_is
    ) -> TextMasker:
        """Tokens, words or sentences to hide."""
        return TextMasker(self, unit, hide)

    @property
    def takes_mask(self) -> bool:
        """Whether the model is told which places hold nothing."""
        return self._masked_by is not None

    @property
    def can_replace(self) -> bool:
        """Whether there is something to put in a token's place."""
        return self.tokenizer is None or self._mask_id is not None


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
            text._stand_in()  # raises where there is none
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
                self._text._stand_in()
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


def _tokens(text: str, tokenizer: Any) -> tuple[np.ndarray, tuple[str, ...], np.ndarray, dict[str, np.ndarray]]:
    """Ids (L,), how the tokens read, their spans (L, 2), and what else the tokenizer says of each."""
    if tokenizer is None:
        words = [match.span() for match in re.finditer(_WORD, text)]
        if not words:
            raise ValueError(f"text: expected some words, got {text!r}")
        return np.arange(len(words)), tuple(text[a:b] for a, b in words), np.array(words), {}
    if not callable(tokenizer):
        raise TypeError(f"tokenizer: expected a callable string → ids, got {type(tokenizer).__name__}")
    fast = getattr(tokenizer, "is_fast", None)
    told = tokenizer(text, return_offsets_mapping=True) if fast else tokenizer(text)
    entries = dict(told) if isinstance(told, Mapping) or hasattr(told, "keys") else {"input_ids": told}
    if "input_ids" not in entries:
        raise ValueError(f"tokenizer: expected ids or a mapping with input_ids, got {', '.join(map(repr, entries))}")
    ids = _row(entries.pop("input_ids"))
    if ids is None or not len(ids):
        raise ValueError(f"tokenizer: expected whole numbers for {text[:40]!r}, got {told!r:.80}")
    offsets = entries.pop("offset_mapping", None)
    extras = {name: row for name, value in entries.items() if (row := _row(value)) is not None and len(row) == len(ids)}
    to_tokens = getattr(tokenizer, "convert_ids_to_tokens", None)
    names = [str(name) for name in to_tokens(ids.tolist())] if to_tokens is not None else None
    if offsets is not None:
        spans = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
        if len(spans) != len(ids):
            raise ValueError(f"tokenizer: {len(ids)} ids but {len(spans)} offsets")
    elif names is not None:
        spans = _found(text, names)
    else:  # only ids: one for each word, or nobody knows where they stand
        words = [match.span() for match in re.finditer(r"\S+", text)]
        spans = np.array(words if len(words) == len(ids) else [(0, 0)] * len(ids), dtype=np.int64)
    read = tuple(
        text[a:b] if b > a else names[place] if names else str(ids[place])
        for place, (a, b) in enumerate(spans.tolist())
    )
    return ids, read, spans, extras


def _row(value: Any) -> np.ndarray | None:
    """Whole numbers (L,) from a list or tensor of shape (L,) or (1, L); None where it is something else."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    return array.astype(np.int64) if array.ndim == 1 and array.dtype.kind in "iu" else None


def _found(text: str, names: list[str]) -> np.ndarray:
    """Where tokens stand in the text, searched from left to right; (0, 0) for those that are not found."""
    spans, end, lower = [], 0, text.lower()
    for name in names:
        piece = _PIECE.sub("", name).lower()
        start = lower.find(piece, end) if piece else -1
        spans.append((start, start + len(piece)) if start >= 0 else (0, 0))
        end = start + len(piece) if start >= 0 else end
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def _within(length: int, spans: np.ndarray) -> np.ndarray:
    """The places that stay of a text that is too long: its beginning, and a token that ends every text."""
    ends = bool(spans[-1, 0] == spans[-1, 1])
    places = np.arange(length)
    if ends:
        places[-1] = len(spans) - 1
    return places


def _stand_in(tokenizer: Any) -> int | None:
    for name in ("mask_token_id", "unk_token_id", "pad_token_id"):
        if isinstance(found := getattr(tokenizer, name, None), int):
            return found
    return None


def _units(text: Text, unit: str) -> list[tuple[int, int]]:
    if unit == "token":
        spans = [(start, end) for start, end in text.spans.tolist() if end > start]
        return list(dict.fromkeys(spans))  # several tokens may make up one sign
    pattern = _WORD if unit == "word" else _SENTENCE
    return [match.span() for match in pattern.finditer(text.text) if match.group().strip()]


def _covered(spans: np.ndarray, span: tuple[int, int]) -> np.ndarray:
    """The tokens that begin inside a part of the text."""
    inside = (spans[:, 0] >= span[0]) & (spans[:, 0] < span[1]) & (spans[:, 1] > spans[:, 0])
    return np.flatnonzero(inside)
