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

Read = Callable[
    [Sequence[str]], "np.ndarray | None"
]  # ids of other texts; None where the tokenizer makes nothing of it
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
    begins = [begin + part.start for begin, part in zip(joined(texts)[1], parts)]
    rest = [text[part.start : part.end] for text, part in zip(texts, parts)]
    words = [_words(text) for text in rest]
    spans = np.zeros((len(ids), 2), dtype=np.int64)
    many = sum(map(len, words)) > _MOST_WORDS
    found = _one_each(rest, ids, read) if many else _runs(rest, words, [part.cut for part in parts], ids, read)
    if found is None:
        return None
    for begin, own, runs in zip(begins, words, found):
        for word, run in zip(own, runs):
            if spans[run].any():
                return None
            spans[run] = np.array(word) + begin
    return spans


def _runs(
    texts: Sequence[str], words: Sequence[list[Span]], cuts: Sequence[str], ids: np.ndarray, read: Read
) -> list[list[np.ndarray]] | None:
    """The places in the ids of each word of each text.

    Where texts are cut, maybe inside a word, the rest of it would move up for each other one that is left out: so it is
    left out itself, and has the ids that the others have not.
    """
    if len(texts) == len(words[0]) == 1 and cuts[0]:
        frame = _frame(texts[0], ids, _alone(texts, 0, read))
        return None if frame is None else [[np.arange(frame[0], len(ids) - frame[1])]]
    if any(cut and len(own) < 2 for own, cut in zip(words, cuts)):
        return None
    rest = [_within_edge(text, own, cut) for text, own, cut in zip(texts, words, cuts)]
    fewer = read(rest) if any(cuts) else ids
    bounds = [] if fewer is None else [_bounds(text, fewer, _alone(rest, n, read)) for n, text in enumerate(rest)]
    if fewer is None or any(edges is None for edges in bounds):
        return None
    sides = [(edges[-1 if cut == "right" else 0], cut) for edges, cut in zip(bounds, cuts) if edges is not None and cut]
    found = _put_in(fewer, ids, sides)
    if found is None and len(texts) == 1 and sides:
        found = _put_at_end(fewer, ids, sides[0])
    if found is None:
        return None
    where, edges = found[0], found[1:]
    runs = [np.split(where, own)[1:-1] for own in bounds if own is not None]
    for own, cut in zip(runs, cuts):
        if cut:
            own.insert(len(own) if cut == "right" else 0, edges.pop(0))
    return runs


def _within_edge(text: str, words: list[Span], cut: str) -> str:
    """A text without the word that may be cut."""
    return text[: words[-2][1]] if cut == "right" else text[words[1][0] :] if cut else text


def _put_in(fewer: np.ndarray, ids: np.ndarray, sides: Sequence[tuple[int, str]]) -> list[np.ndarray] | None:
    """The places of ids in those of a longer text, and of what is put in on each of these sides; None where several
    may be."""
    more, found = len(ids) - len(fewer), []
    for first in range(more + 1) if len(sides) > 1 else [more]:
        added = [np.arange(place, place + first) for place, _ in sides[:1]]
        added += [np.arange(place + first, place + more) for place, _ in sides[1:]]
        where = np.delete(np.arange(len(ids)), np.concatenate([*added, np.arange(0)]))
        if more >= 0 and np.array_equal(ids[where], fewer):
            found.append([where, *added])
    return found[0] if len(found) == 1 else None


def _put_at_end(fewer: np.ndarray, ids: np.ndarray, side: tuple[int, str]) -> list[np.ndarray] | None:
    """`_put_in` of a text of which also that is cut off, or some of it, that stands at the end of each."""
    place, cut = side
    if cut == "left":
        turned = _put_at_end(fewer[::-1], ids[::-1], (len(fewer) - place, "right"))
        return None if turned is None else [len(ids) - 1 - row[::-1] for row in turned]
    of_end = np.isin(ids[place:], fewer[place:])
    count = len(of_end) - int(np.argmin(np.append(of_end[::-1], False)))
    if not np.array_equal(fewer[:place], ids[:place]) or count < 1 or of_end[:count].any():
        return None
    return [np.arange(place), np.arange(place, place + count)]


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
        if side and len(texts) > 1 and not _is_apart(texts, number, parts[number], read):
            parts[number] = Part(0, len(text))
    return parts


def _is_apart(texts: Sequence[str], number: int, part: Part, read: Read) -> bool:
    """Whether a part is all that is read of a text of a pair also beside another one, which moves up in other ways."""
    for probe in probes(texts[number]):
        of = _alone([f"{probe} {text}" for text in texts], number, read)
        if (whole := of(texts[number])) is not None:
            return _equal(of(texts[number][part.start : part.end]), whole)
    return False


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


def _bounds(text: str, ids: np.ndarray, of: Of) -> np.ndarray | None:
    """(words + 1,) where the ids of each word of a text begin, and those of the last one end."""
    words = _words(text)
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


def _one_each(texts: Sequence[str], ids: np.ndarray, read: Read) -> list[list[np.ndarray]] | None:
    """The places in the ids of very many words, which have one each, also where any half of them is left out."""
    words = [np.array(text.split()) for text in texts]
    places = np.split(np.arange(len(ids)), np.cumsum([len(own) for own in words])[:-1])
    if sum(map(len, words)) != len(ids):
        return None
    generator = np.random.default_rng(0)
    for _ in range(_HALVES):
        kept = generator.random(len(ids)) < 0.5
        if not _equal(read([" ".join(own[kept[at]]) for own, at in zip(words, places)]), ids[kept]):
            return None
    return [list(own[:, None]) for own in places]


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
