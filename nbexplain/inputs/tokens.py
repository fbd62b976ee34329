"""What a tokenizer makes of a text: ids, and where each token stands."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

_ONE_BY_ONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts without spaces: each sign is a word
_LETTER = rf"[^\W{_ONE_BY_ONE}]"
_MARK = "\u0300"  # stands for all combining marks, which \w does not know
_RUN = rf"{_LETTER}+(?:[{_MARK}\u200c\u200d]+{_LETTER}+)*{_MARK}*"  # joiners (\u200c, \u200d) only inside a word
_WORD = rf"[{_ONE_BY_ONE}]{_MARK}*|{_RUN}(?:['’]{_RUN})*"  # compiled when it is first needed: that takes its time
_PERHAPS_MARK = r"[^\w\s\x00-\x7f]"
# a full stop in a number or a name ends nothing; quotes and brackets that close after the end belong to it
SENTENCE = r"""(?s).+?(?:(?:\.+(?!\w)|[!?。！？…।॥؟۔])+["'”’»」』)\]]*|\n+|$)"""
_BEGINS = ("▁", "Ġ", "Ċ")  # signs of a space or a new line before a word
_PIECE = f"^(##|[{''.join(_BEGINS)}]+)"


def words_in(text: str) -> list[tuple[int, int]]:
    """Where the words of a text stand; a combining mark belongs to the sign that it follows."""
    marked = re.sub(_PERHAPS_MARK, lambda sign: _MARK if unicodedata.category(sign[0])[0] == "M" else sign[0], text)
    return [word.span() for word in re.finditer(_WORD, marked)]


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
        special = np.isin(ids, np.array(getattr(tokenizer, "all_special_ids", ()), dtype=np.int64))
        unknown = np.array([id_ == getattr(tokenizer, "unk_token_id", None) for id_ in ids.tolist()])
        spans = _found(text, names, special & ~unknown, unknown)
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


def _found(text: str, names: list[str], added: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Where tokens that have only names stand; (0, 0) where that cannot be told.

    Either there is one for each word. Or each stands where the one before it ended; where it does not, or after one
    that was not found, a word is taken only if as many of it are ahead in the text as among the tokens: else the next
    that looks like it may be another.
    """
    pieces, wholes = _pieces(names, added | unknown)
    silent = added | [not piece for piece in pieces]
    spans, ahead, low, inside = np.zeros((len(names), 2), dtype=np.int64), Counter(wholes), _lower(text), _inside(text)
    heard = np.flatnonzero(~silent)
    for words in ([run.span() for run in re.finditer(r"\S+", text)], words_in(text)):
        pairs = list(zip(heard, words, strict=False))
        if len(heard) == len(words) and all(unknown[token] or low[a:b] == pieces[token] for token, (a, b) in pairs):
            spans[heard] = np.reshape(words, (-1, 2))
            return spans

    def stands(number: int, start: int) -> int:
        """The place of a token that is sought from a place on, past spaces and signs; -1 if it is not there."""
        if number == len(names) or not pieces[number]:
            return -1
        gap = "" if names[number].startswith("##") else r"\W*?"
        found = re.compile(gap + re.escape(pieces[number])).match(low, start)
        return found.end() - len(pieces[number]) if found else -1

    end, lost = 0, False
    for number, (piece, whole) in enumerate(zip(pieces, wholes, strict=True)):
        at = stands(number, end) if whole or not lost else -1
        if at >= 0 and stands(number + 1, at + len(piece)) < 0:  # nothing bears it out but that a word ends here
            goes_on = inside[at + len(piece)] and not unknown[number + 1 : number + 2].any()
            at = -1 if lost or goes_on else at
        if at < 0 and whole:
            spots = [spot.start() for spot in re.compile(re.escape(whole)).finditer(low, end)]
            spots = [spot for spot in spots if not inside[spot] and not inside[spot + len(whole)]]
            at = spots[0] if len(spots) == ahead[whole] else -1
        if at >= 0:
            spans[number] = at, (end := at + len(piece))
            ahead[whole] -= 1  # one that is in doubt leaves the others in doubt
        lost = at < 0 and (lost or not silent[number])
    _fill(text, spans, unknown, silent)
    return spans


def _pieces(names: list[str], apart: np.ndarray) -> tuple[list[str], list[str]]:
    """What tokens are without the signs that say where words begin; and of each that begins one, the whole word."""
    pieces, wholes = [_lower(re.sub(_PIECE, "", name)) for name in names], [""] * len(names)
    marked, first = any(name.startswith(_BEGINS) for name in names), -1
    for number, (name, piece) in enumerate(zip(names, pieces, strict=True)):
        goes_on = name.startswith("##") or (marked and not name.startswith(_BEGINS))
        if apart[number]:
            first = -1
        elif not goes_on or (first >= 0 and not pieces[first]):  # the sign may be a token of its own
            first, wholes[number] = number, piece
        elif first >= 0:
            wholes[first] += piece
    return pieces, wholes


def _lower(text: str) -> str:
    """In small letters, and as long as it was."""
    return "".join(low if len(low := sign.lower()) == 1 else sign for sign in text)


def _inside(text: str) -> np.ndarray:
    """Of each place in a text, whether it parts the signs of a word; an apostrophe is no part of one here."""
    inside = np.zeros(len(text) + 1, dtype=bool)
    for start, end in words_in(text):
        inside[start + 1 : end] = True
    for apostrophe in re.finditer("['’]", text):
        inside[apostrophe.start() : apostrophe.end() + 1] = False
    return inside


def _fill(text: str, spans: np.ndarray, unknown: np.ndarray, silent: np.ndarray) -> None:
    """Unknown tokens stand for what is left between those around them, where there can be no doubt which for which."""
    found = np.flatnonzero(spans[:, 1] > spans[:, 0])
    edges = zip([-1, *found], [*found, len(spans)], [0, *spans[found, 1]], [*spans[found, 0], len(text)], strict=True)
    for before, after, start, end in edges:
        here = np.arange(before + 1, after)
        here = here[~silent[here]]
        parts = [part.span() for part in re.compile(r"\S+").finditer(text, start, end)]
        alike = len(parts) == 1 or all(len(words_in(text[a:b])) == 1 for a, b in parts)
        if len(here) == len(parts) and alike and unknown[here].all():
            spans[here] = np.array(parts).reshape(-1, 2)


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
