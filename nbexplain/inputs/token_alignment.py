"""Where tokens stand in a text, by leaving its words out one after the other; for tokenizers that return ids alone.

No word's tokens are guessed: without them stands what the tokenizer makes of the text without the word, id by id. Only
the first word that is left may be read otherwise than behind another, as by tokenizers for which a space is of the word
behind it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from nbexplain.inputs.segments import joined
from nbexplain.inputs.words import Span

Read = Callable[[Sequence[str]], "np.ndarray | None"]  # ids of other texts; None where the tokenizer makes nothing of it
Of = Callable[[str], "np.ndarray | None"]  # the same of one text, while the other of a pair stays

_MOST_WORDS = 300  # each is a call of the tokenizer
_HALVES = 20  # that are read of a text of more words
_SHORT = ("0", "a", "the")
_MOST_PROBES = 6


class Part(NamedTuple):
    """What is read of a text, and at which end a tokenizer cuts what is longer (`"left"`, `"right"`), if it does."""

    start: int
    end: int
    cut: str = ""


def probes(text: str) -> list[str]:
    """Words that are read in the place of a text or beside it: short ones, and its own."""
    return list(dict.fromkeys([*_SHORT, *text.split()]))[:_MOST_PROBES]


def by_leaving_out(texts: Sequence[str], parts: Sequence[Part], ids: np.ndarray, read: Read) -> np.ndarray | None:
    """Spans (L, 2) in the joined texts: all ids that go with a word stand for it, (0, 0) for those that go with none.

    None where some word takes other ids with it than a row of its own, as tokenizers that sort or shuffle do, where
    several rows may be a word's, or where there are too many words, unless each has one id.

    Parameters
    ----------
    parts
        What is read of each text: the rest is left out, as it would move up.
    """
    rest = [text[part.start : part.end] for text, part in zip(texts, parts)]
    words = [_words(text) for text in rest]
    if sum(map(len, words)) > _MOST_WORDS:
        bounds = _one_each(rest, ids, read)
    else:
        bounds = [_bounds(text, ids, _alone(rest, n, read), parts[n].cut) for n, text in enumerate(rest)]
    spans = np.zeros((len(ids), 2), dtype=np.int64)
    for begin, part, own, edges in zip(joined(texts)[1], parts, words, bounds):
        if edges is None or spans[edges[0] : edges[-1]].any():
            return None
        for word, first, last in zip(own, edges, edges[1:]):
            spans[first:last] = np.array(word) + begin + part.start
    return spans


def read_of_cut(texts: Sequence[str], ids: np.ndarray, read: Read) -> list[Part]:
    """What is read of each text by a tokenizer that may cut them by itself.

    It cuts a text at its end if a word behind it changes nothing, and one before it does. What is read are the fewest
    words that have all ids, also if there is but a piece of one; and words behind them that have no tokens anyhow.
    """
    parts = [Part(0, len(text)) for text in texts]
    for number, text in enumerate(texts):
        of = _alone([each[part.start : part.end] for each, part in zip(texts, parts)], number, read)
        words, side = _words(text), _side_of_cut(text, ids, of)

        def same(start: int, end: int, text: str = text, of: Of = of) -> bool:
            return _equal(of(text[start:end]), ids)

        if side == "right":
            cut = words[bisect_left(words, True, key=lambda word: same(0, word[1]))][1]
            silent = _is_silent(text[cut:], text, of)
            parts[number] = Part(0, len(text) if silent else cut, side)
        elif side == "left":
            cut = words[-1 - bisect_left(words[::-1], True, key=lambda word: same(word[0], len(text)))][0]
            silent = _is_silent(text[:cut], text, of)
            parts[number] = Part(0 if silent else cut, len(text), side)
    return parts


def _side_of_cut(text: str, ids: np.ndarray, of: Of) -> str:
    """At which end a tokenizer cuts a text; "" where it is not cut, or nobody can tell where."""
    for probe in probes(text) if text.strip() else ():
        behind, before = of(f"{text} {probe}"), of(f"{probe} {text}")
        if behind is None or before is None:
            continue
        if _equal(behind, ids) != _equal(before, ids):
            return "right" if _equal(behind, ids) else "left"
        if not _equal(behind, ids):
            break
    return ""


def _bounds(text: str, ids: np.ndarray, of: Of, cut: str = "") -> np.ndarray | None:
    """(words + 1,) where the ids of each word of a text begin, and those of the last one end."""
    words = _words(text)
    if cut:
        return _bounds_of_cut(text, ids, of, cut)
    if len(words) < 2:
        return _bounds_of_one(text, words[0], of) if words else np.zeros(1, dtype=np.int64)
    left = [row for word in words if (row := of(_without(text, word))) is not None]
    counts = np.array([len(ids) - len(row) for row in left])
    if len(left) < len(words) or (counts[1:] < 0).any():
        return None
    silent = {text[slice(*word)] for word, row in zip(words, left) if _equal(row, ids)}
    if not all(_is_silent(word, text, of) for word in silent):  # what was cut off may have moved up
        return None
    before = np.array([_alike(ids, row) for row in left])
    behind = np.array([_alike(ids[::-1], row[::-1]) for row in left])
    # with so many ids behind the text, the words begin and end at ends - tail
    ends = len(ids) - np.append(np.cumsum(counts[::-1])[::-1], 0)
    least, most = ends[:-1] - before, ends[1:] - len(ids) + behind
    tails = max(least.max(), 0), min(most.min(), ends[0])
    if tails[0] == tails[1] and counts[0] >= 0:
        return ends - tails[0]
    if (frame := _frame(text, ids, of)) is None:
        return None
    head, tail = frame
    if tails[0] < tails[1] and counts[0] >= 0:  # the same ids stand beside the text
        tails = max(tails[0], ends[0] - head), min(tails[1], tail)
        return ends - tails[0] if tails[0] == tails[1] else None
    ends = ends - tail
    if not least[1:].max() <= tail <= most[1:].min() or not head < ends[1]:
        return None
    if before[0] < head or behind[0] < len(ids) - ends[2]:  # only the second word may be read otherwise without it
        return None
    return np.append(head, ends[1:])


def _bounds_of_one(text: str, word: Span, of: Of) -> np.ndarray | None:
    """`_bounds` of a text of one word, with another one behind it."""
    for probe in probes(text):
        longer = f"{text[: word[1]]} {probe}{text[word[1] :]}"
        if (ids := of(longer)) is not None:
            found = _bounds(longer, ids, of)
            return None if found is None else found[:2]
    return None


def _bounds_of_cut(text: str, ids: np.ndarray, of: Of, cut: str) -> np.ndarray | None:
    """`_bounds` of a text that is cut, maybe inside its outermost word.

    The rest of that word would move up for each other one that is left out: it is left out itself, and has the ids that
    the others have not.
    """
    words = _words(text)
    if len(words) == 1:
        frame = _frame(text, ids, of)
        return None if frame is None else np.array([frame[0], len(ids) - frame[1]])
    rest = text[: words[-2][1]] if cut == "right" else text[words[1][0] :]
    fewer = of(rest)
    others = None if fewer is None else _bounds(rest, fewer, of)
    if fewer is None or others is None:
        return None
    if cut == "left":  # as in a mirror
        ids, fewer, others = ids[::-1], fewer[::-1], len(fewer) - others[::-1]
    start, outside = int(others[-1]), fewer[others[-1] :]
    end = len(ids) - len(outside)
    if end < start or not _equal(outside, ids[end:]):  # what stands at the end of each text may be cut off too
        of_end = np.isin(ids[start:], outside)
        end = len(ids) - int(np.argmin(np.append(of_end[::-1], False)))
        if of_end[: end - start].any():
            return None
    if not _equal(fewer[:start], ids[:start]):
        return None
    return np.append(others, end) if cut == "right" else len(ids) - np.append(others, end)[::-1]


def _frame(text: str, ids: np.ndarray, of: Of) -> Span | None:
    """How many ids stand before and behind a text, whatever it is; None where it cannot be told."""
    first, last = len(text) - len(text.lstrip()), len(text.rstrip())
    heads, tails, most = [], [], 0
    for probe in probes(text):
        if (row := of(text[:first] + probe + text[last:])) is None:
            continue
        most = max(most, len(row))
        heads += [_alike(ids, row)] if probe[0].lower() != text[first].lower() else []
        tails += [_alike(ids[::-1], row[::-1])] if probe[-1].lower() != text[last - 1].lower() else []
    if not heads or not tails or min(heads) + min(tails) >= min(most, len(ids) + 1):  # all may be unknown words
        return None
    return min(heads), min(tails)


def _one_each(texts: Sequence[str], ids: np.ndarray, read: Read) -> list[np.ndarray] | list[None]:
    """`_bounds` of very many words, which have one id each, and have them too where any half of them is left out."""
    numbers = np.split(np.arange(len(ids)), np.cumsum([len(text.split()) for text in texts])[:-1])
    generator = np.random.default_rng(0)
    if sum(len(text.split()) for text in texts) != len(ids):
        return [None]
    for _ in range(_HALVES):
        kept = generator.random(len(ids)) < 0.5
        halves = [" ".join(np.array(text.split())[kept[own]]) for text, own in zip(texts, numbers)]
        if not _equal(read(halves), ids[kept]):
            return [None]
    return [np.append(own, own[-1] + 1) for own in numbers]


def _is_silent(word: str, text: str, of: Of) -> bool:
    """Whether a word, or several, has no tokens beside another one."""
    for probe in probes(text):
        if probe != word and (alone := of(probe)) is not None:
            return _equal(of(f"{probe} {word}"), alone)
    return not word.strip()


def _words(text: str) -> list[Span]:
    return [match.span() for match in re.finditer(r"\S+", text)]


def _alone(texts: Sequence[str], number: int, read: Read) -> Of:
    """Reads one of the texts, while the others stay."""
    return lambda text: read([*texts[:number], text, *texts[number + 1 :]])


def _without(text: str, word: Span) -> str:
    """The text without a word and the spaces before it, or behind it where it is the first."""
    before, behind = text[: word[0]], text[word[1] :]
    return before.rstrip() + behind if before.strip() else before + behind.lstrip()


def _equal(row: np.ndarray | None, ids: np.ndarray) -> bool:
    return row is not None and np.array_equal(row, ids)


def _alike(ids: np.ndarray, others: np.ndarray) -> int:
    """How many ids there are at the beginning of both."""
    common = min(len(ids), len(others))
    return int(np.argmin(np.append(ids[:common] == others[:common], False)))
