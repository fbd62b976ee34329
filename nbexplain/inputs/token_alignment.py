"""Where tokens stand in a text, by leaving its words out one after the other; for tokenizers that return ids alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from nbexplain.inputs.segments import joined

_MOST_WORDS = 300  # each is a call of the tokenizer


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
    if len(words) > _MOST_WORDS:
        return None
    spans, end = np.zeros((len(ids), 2), dtype=np.int64), 0
    odd: int | None = None  # where the first word begins, if the second is read otherwise without it
    for place, (first, last) in enumerate(words):
        number = int(np.searchsorted(begins, first, side="right")) - 1
        shorter = read(_without(texts, number, first - begins[number], last - begins[number]))
        if shorter is None or len(shorter) > len(ids):
            return None
        start = _gone(ids, shorter, end)
        if start is None and not place:
            odd = _alike(ids, shorter)
            continue
        if start is None:
            return None
        if odd is not None and place == 1:
            if odd >= start:
                return None
            spans[odd:start] = words[0]
        end = start + len(ids) - len(shorter)
        spans[start:end] = first, last
    return None if odd is not None and len(words) < 2 else spans


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
