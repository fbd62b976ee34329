"""Where tokens stand in a text, by leaving its words out one after the other; for tokenizers that return ids alone."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from nbexplain.inputs.segments import joined

Span = tuple[int, int]

_MOST_WORDS = 300  # each is a call of the tokenizer
_OTHERS = 6  # words that show what stands before every text


def by_leaving_out(
    texts: Sequence[str], ids: np.ndarray, read: Callable[[Sequence[str]], np.ndarray | None]
) -> np.ndarray | None:
    """Spans (L, 2) in the joined texts: all ids that go with a word stand for it, (0, 0) for those that go with none.

    None where some word takes other ids with it than a row of its own, as tokenizers that sort or shuffle do, or where
    there are too many words. What was cut off has to be left out of the texts: in its place others would move up.

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


def read_of_cut(
    texts: Sequence[str], ids: np.ndarray, read: Callable[[Sequence[str]], np.ndarray | None]
) -> list[Span] | None:
    """(start, end) in each text of what a tokenizer reads that cuts them by itself; None where it cuts nothing.

    The fewest words at one end that have all the ids, if what is behind has some where it stands alone. A word of which
    a piece is read is within.

    Parameters
    ----------
    read
        As for `by_leaving_out`.
    """
    kept = [(0, len(text)) for text in texts]

    def same(number: int, span: Span) -> bool:
        own = read([text[slice(*(span if n == number else kept[n]))] for n, text in enumerate(texts)])
        return own is not None and np.array_equal(own, ids)

    nothing = read([""] * len(texts))
    for number, text in enumerate(texts):
        words = [match.span() for match in re.finditer(r"\S+", text)]
        if len(words) < 2:
            continue
        if same(number, (0, words[-2][1])):
            least = bisect_left(words, True, key=lambda word: same(number, (0, word[1])))
            part, rest = (0, words[least][1]), text[words[least][1] :]
        elif same(number, (words[1][0], len(text))):
            least = bisect_left(words[::-1], True, key=lambda word: same(number, (word[0], len(text))))
            part, rest = (words[-1 - least][0], len(text)), text[: words[-1 - least][0]]
        else:
            continue
        own = read([rest] * len(texts))
        if own is not None and not (nothing is not None and np.array_equal(own, nothing)):
            kept[number] = part
    return kept if any(part != (0, len(text)) for part, text in zip(kept, texts)) else None


def by_leaving_out_of_cut(
    texts: Sequence[str], kept: Sequence[Span], ids: np.ndarray, read: Callable[[Sequence[str]], np.ndarray | None]
) -> np.ndarray | None:
    """`by_leaving_out` of texts of which a tokenizer reads but a part (`read_of_cut`).

    Of a text that is cut inside a word, the rest of it would move up for each word that is left out: so that word is
    left out first.
    """
    begins = joined(texts)[1]
    rest = [text[slice(*part)] for text, part in zip(texts, kept)]
    shifts = [begin + start for begin, (start, _) in zip(begins, kept)]
    found = by_leaving_out(rest, ids, read)
    if found is None and len(texts) == 1:
        found = _without_edge(rest[0], ids, read, right=kept[0][0] == 0)
    if found is None:
        return None
    placed = found[:, 1] > found[:, 0]
    number = np.searchsorted(joined(rest)[1], found[:, 0], side="right") - 1
    moved = found + (np.array(shifts) - np.array(joined(rest)[1]))[number][:, None]
    return np.where(placed[:, None], moved, 0)


def _without_edge(
    text: str, ids: np.ndarray, read: Callable[[Sequence[str]], np.ndarray | None], *, right: bool
) -> np.ndarray | None:
    """Spans (L, 2) of a text that is cut inside its last word, or its first: that word has the ids that the others
    have not."""
    words = [match.span() for match in re.finditer(r"\S+", text)]
    if not words:
        return None
    edge, rest = (words[-1], words[:-1]) if right else (words[0], words[1:])
    first, last = (rest[0][0], rest[-1][1]) if rest else (0, 0)
    fewer = read([text[first:last]])
    if fewer is None or len(fewer) > len(ids):
        return None
    others = by_leaving_out([text[first:last]], fewer, read) if rest else np.zeros((len(fewer), 2), dtype=np.int64)
    if others is None:
        return None
    others = np.where((others[:, 1] > others[:, 0])[:, None], others + first, 0)
    inside = np.flatnonzero(others[:, 1] > others[:, 0])
    least, most = int(inside.max(initial=-1)) + 1, int(inside.min(initial=len(fewer)))
    start, count = _gone(ids, fewer, least if right else 0), len(ids) - len(fewer)
    if start is None or (not right and start > most):  # what stands at the end of each text may be cut off too
        same = _alike(ids, fewer) if right else _alike(ids[::-1], fewer[::-1])
        if (same < least) if right else (len(fewer) - same > most):
            return None
        start, count = (same, len(ids) - same) if right else (0, len(ids) - same)
        others = others[:same] if right else others[len(fewer) - same :]
    return np.concatenate([others[:start], np.tile(np.array([edge]), (count, 1)), others[start:]])


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
