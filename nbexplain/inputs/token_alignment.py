"""Where tokens stand in a text, by leaving its words out one after the other; for tokenizers that return ids alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from nbexplain.inputs.segments import joined

_MOST_WORDS = 300  # each is a call of the tokenizer
_OTHERS = 6  # words that show what stands before every text


def by_leaving_out(
    texts: Sequence[str], ids: np.ndarray, read: Callable[[Sequence[str]], np.ndarray | None]
) -> np.ndarray | None:
    """Spans (L, 2) in the joined texts: all ids that go with a word stand for it, (0, 0) for those that go with none.

    None where some word takes other ids with it than a row of its own, as tokenizers that sort or shuffle do, or where
    there are too many words.

    Parameters
    ----------
    read
        The ids of other texts; None where the tokenizer makes nothing of them.
    """
    whole, begins = joined(texts)
    words = [match.span() for match in re.finditer(r"\S+", whole)]

    def left(first: int, last: int) -> np.ndarray | None:
        number = int(np.searchsorted(begins, first, side="right")) - 1
        shorter = read(_without(texts, number, first - begins[number], last - begins[number]))
        return None if shorter is None or len(shorter) > len(ids) else shorter

    if len(words) > _MOST_WORDS:  # one id each, if it is so of some of them
        some = np.linspace(0, len(words) - 1, _MOST_WORDS // 10).astype(np.intp).tolist()
        own = len(words) == len(ids) and all(
            (row := left(*words[n])) is not None and np.array_equal(row, np.delete(ids, n)) for n in some
        )
        return np.array(words) if own else None
    shorter = [left(first, last) for first, last in words]
    rows = [row for row in shorter if row is not None]
    if len(rows) < len(words):
        return None
    found = _placed(ids, rows, 0)
    if found is None and len(words) > 1:  # the first word is read otherwise without what follows, or like the second
        distinct = dict.fromkeys(["0", "the", *(whole[a:b] for a, b in words[1:])])
        alone = [read([word] * len(texts)) for word in list(distinct)[:_OTHERS]]
        begin = min((_alike(ids, row) for row in alone if row is not None), default=0)
        others = _placed(ids, rows[1:], begin + 1)
        found = None if others is None or others[0][0] <= begin else [(begin, others[0][0]), *others]
    if found is None:
        return None
    spans = np.zeros((len(ids), 2), dtype=np.int64)
    for word, (start, end) in zip(words, found, strict=True):
        spans[start:end] = word
    return spans


def _placed(ids: np.ndarray, shorter: Sequence[np.ndarray], end: int) -> list[tuple[int, int]] | None:
    """From where to where the ids stand that are missing in each; None where they are no rows one after the other."""
    found = []
    for rest in shorter:
        start = _gone(ids, rest, end)
        if start is None:
            return None
        end = start + len(ids) - len(rest)
        found.append((start, end))
    return found


def _without(texts: Sequence[str], number: int, start: int, end: int) -> list[str]:
    """The texts without what stands at some place in one of them."""
    rest, own = list(texts), texts[number]
    rest[number] = f"{own[:start].rstrip()} {own[end:].lstrip()}".strip()
    return rest


def _gone(ids: np.ndarray, shorter: np.ndarray, least: int) -> int | None:
    """From where on, not before `least`, a row of ids was left out; None where the rest is not what is left."""
    before, behind = _alike(ids, shorter), _alike(ids[::-1], shorter[::-1])
    start = max(len(shorter) - behind, least)
    return start if start <= before else None


def _alike(ids: np.ndarray, others: np.ndarray) -> int:
    """How many ids there are at the beginning of both."""
    common = min(len(ids), len(others))
    return int(np.argmin(np.append(ids[:common] == others[:common], False)))
