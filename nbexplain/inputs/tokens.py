"""What a tokenizer makes of a text or a pair: ids, and where each token stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nbexplain.inputs.segments import joined
from nbexplain.inputs.token_names import by_names
from nbexplain.inputs.token_offsets import by_offsets
from nbexplain.inputs.words import pieces_in, words_in


def tokens_of(
    texts: Sequence[str], tokenizer: Any
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray, dict[str, np.ndarray]]:
    """Ids (L,), how the tokens read, their spans (L, 2) in the joined texts, and what else is said of each."""
    whole, _ = joined(texts)
    if tokenizer is None:
        pieces = pieces_in(whole)
        if not pieces:
            raise ValueError(f"text: expected some words, got {whole!r}")
        return np.arange(len(pieces)), tuple(whole[a:b] for a, b in pieces), np.array(pieces), {}
    if not callable(tokenizer):
        raise TypeError(f"tokenizer: expected a callable string → ids, got {type(tokenizer).__name__}")
    fast = getattr(tokenizer, "is_fast", None)
    told = tokenizer(*texts, return_offsets_mapping=True) if fast else tokenizer(*texts)
    entries = dict(told) if isinstance(told, Mapping) or hasattr(told, "keys") else {"input_ids": told}
    if "input_ids" not in entries:
        raise ValueError(f"tokenizer: expected ids or a mapping with input_ids, got {', '.join(map(repr, entries))}")
    ids = _row(entries.pop("input_ids"))
    if ids is None or not len(ids):
        raise ValueError(f"tokenizer: expected whole numbers for {whole[:40]!r}, got {told!r:.80}")
    encodings = getattr(told, "encodings", None)  # what Hugging Face's fast tokenizers return, from a callable too
    encoding = encodings[0] if encodings and len(encodings[0].ids) == len(ids) else None
    offsets = entries.pop("offset_mapping", None if encoding is None else encoding.offsets)
    extras = {name: row for name, value in entries.items() if (row := _row(value)) is not None and len(row) == len(ids)}
    names = _names(tokenizer, encoding, ids)
    if offsets is not None:
        spans = by_offsets(texts, offsets, told, names, len(ids))
    elif names is not None:
        special = np.isin(ids, np.array(getattr(tokenizer, "all_special_ids", ()), dtype=np.int64))
        unknown = np.array([id_ == getattr(tokenizer, "unk_token_id", None) for id_ in ids.tolist()])
        spans = by_names(whole, names, special & ~unknown, unknown)
    else:  # only ids: one for each word, or nobody knows where they stand
        words = [match.span() for match in re.finditer(r"\S+", whole)]
        spans = np.array(words if len(words) == len(ids) else [(0, 0)] * len(ids), dtype=np.int64)
    read = tuple(
        whole[a:b] if b > a else names[place] if names else str(ids[place])
        for place, (a, b) in enumerate(spans.tolist())
    )
    return ids, read, spans, extras


def _names(tokenizer: Any, encoding: Any, ids: np.ndarray) -> list[str] | None:
    """How the tokens are called; None where neither the tokenizer nor its encoding tells."""
    to_tokens = getattr(tokenizer, "convert_ids_to_tokens", None)
    if to_tokens is not None:
        return [str(name) for name in to_tokens(ids.tolist())]
    return None if encoding is None else list(encoding.tokens)


def _row(value: Any) -> np.ndarray | None:
    """Whole numbers (L,) from a list or tensor of shape (L,) or (1, L); None where it is something else."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    return array.astype(np.int64) if array.ndim == 1 and array.dtype.kind in "iu" else None


def unread(text: str, spans: np.ndarray) -> list[str]:
    """The words of a text that no token is known to hold; none where no token has a place."""
    held = np.zeros(len(text), dtype=bool)
    for start, end in spans.tolist():
        held[start:end] = True
    words = words_in(text) if held.any() else []
    return [text[start:end] for start, end in words if not held[start:end].any()]


def within(length: int, spans: np.ndarray, begins: Sequence[int]) -> np.ndarray:
    """The places that stay of a text that is too long: its beginning, and a token that ends every text.

    Of a pair the longer text loses its end first, as Hugging Face's tokenizers cut it.
    """
    real = spans[:, 1] > spans[:, 0]
    if len(begins) == 1 or not real.any():
        places = np.arange(length)
        if spans[-1, 0] == spans[-1, 1]:
            places[-1] = len(spans) - 1
        return places
    second = real & (spans[:, 0] >= begins[1])
    parts = [np.flatnonzero(real & ~second), np.flatnonzero(second)]
    left = max(length - int((~real).sum()), 2)
    short, long = sorted(map(len, parts))
    if short + long > left:
        long = max(short, left - short)
    if short + long > left:
        short, long = left // 2, left // 2 + left % 2
    first_is_longer = len(parts[0]) > len(parts[1])
    kept = [parts[0][: long if first_is_longer else short], parts[1][: short if first_is_longer else long]]
    return np.sort(np.concatenate([np.flatnonzero(~real), *kept]))


def stand_in(tokenizer: Any) -> int | None:
    """The id of a tokenizer's mask, unknown or padding token, whichever it has first."""
    for name in ("mask_token_id", "unk_token_id", "pad_token_id"):
        if isinstance(found := getattr(tokenizer, name, None), int):
            return found
    return None
