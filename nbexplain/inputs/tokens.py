"""What a tokenizer makes of a text: ids, and where each token stands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

_ONE_BY_ONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts without spaces: each sign is a word
_LETTER = rf"[^\W{_ONE_BY_ONE}]"
_MARK = "\u0300"  # stands for all combining marks, which \w does not know
_RUN = rf"{_LETTER}+(?:[{_MARK}\u200c\u200d]+{_LETTER}+)*{_MARK}*"  # joiners (\u200c, \u200d) only inside a word
_WORD = re.compile(rf"[{_ONE_BY_ONE}]{_MARK}*|{_RUN}(?:['’]{_RUN})*")
_PERHAPS_MARK = re.compile(r"[^\w\s\x00-\x7f]")
SENTENCE = re.compile(r"[^.!?。！？…\n]*(?:[.!?。！？…\n]+|$)")
_PIECE = re.compile("^(##|▁|Ġ)")


def words_in(text: str) -> list[tuple[int, int]]:
    """Where the words of a text stand; a combining mark belongs to the sign that it follows."""
    marked = _PERHAPS_MARK.sub(lambda sign: _MARK if unicodedata.category(sign[0])[0] == "M" else sign[0], text)
    return [word.span() for word in _WORD.finditer(marked)]


def tokens_of(text: str, tokenizer: Any) -> tuple[np.ndarray, tuple[str, ...], np.ndarray, dict[str, np.ndarray]]:
    """Ids (L,), how the tokens read, their spans (L, 2), and what else the tokenizer says of each."""
    if tokenizer is None:
        words = words_in(text)
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
        spans = _trimmed(text, spans)
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


def _trimmed(text: str, spans: np.ndarray) -> np.ndarray:
    """Spans without the spaces at their ends, which some tokenizers count; one that is nothing but spaces stays."""
    trimmed = spans.copy()
    for place, (start, end) in enumerate(spans.tolist()):
        part = text[start:end]
        if part[:1].isspace() or part[-1:].isspace():
            first = start + len(part) - len(part.lstrip())
            trimmed[place] = (first, first + len(part.strip())) if part.strip() else (start, end)
    return trimmed


def _found(text: str, names: list[str]) -> np.ndarray:
    """Where tokens stand in the text, searched from left to right; (0, 0) for those that are not found."""
    spans, end, lower = [], 0, text.lower()
    for name in names:
        piece = _PIECE.sub("", name).lower()
        start = lower.find(piece, end) if piece else -1
        spans.append((start, start + len(piece)) if start >= 0 else (0, 0))
        end = start + len(piece) if start >= 0 else end
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def unread(text: str, spans: np.ndarray) -> list[str]:
    """The words of a text that no token is known to hold; none where no token has a place."""
    held = np.zeros(len(text), dtype=bool)
    for start, end in spans.tolist():
        held[start:end] = True
    words = words_in(text) if held.any() else []
    return [text[start:end] for start, end in words if not held[start:end].any()]


def within(length: int, spans: np.ndarray) -> np.ndarray:
    """The places that stay of a text that is too long: its beginning, and a token that ends every text."""
    ends = bool(spans[-1, 0] == spans[-1, 1])
    places = np.arange(length)
    if ends:
        places[-1] = len(spans) - 1
    return places


def stand_in(tokenizer: Any) -> int | None:
    """The id of a tokenizer's mask, unknown or padding token, whichever it has first."""
    for name in ("mask_token_id", "unk_token_id", "pad_token_id"):
        if isinstance(found := getattr(tokenizer, name, None), int):
            return found
    return None
