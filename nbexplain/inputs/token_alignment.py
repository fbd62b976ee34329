"""Where tokens stand in a text, by leaving its words out one after the other; for tokenizers that return ids alone.

No word's tokens are guessed: without them stands what the tokenizer makes of the text without the word, id by id. Only
the first word that is left may be read otherwise than behind another, as by tokenizers for which a space is of the word
behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import numpy as np

from nbexplain.inputs.segments import joined
from nbexplain.inputs.token_asking import Of, Read, alike, asking, equal, is_silent, probes, spaced_words
from nbexplain.inputs.token_cuts import Part, put_at_end, put_in, within_edge
from nbexplain.inputs.words import Span

_MOST_WORDS = 300  # each is a call of the tokenizer
_HALVES = 20  # that are read of a text of more words


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
    words = [spaced_words(text) for text in rest]
    many = sum(map(len, words)) > _MOST_WORDS
    found = _one_each(rest, ids, read) if many else _runs(rest, words, [part.cut for part in parts], ids, read)
    if found is None:
        return None
    runs = [run for own in found for run in own]
    places = np.concatenate([np.arange(0), *runs])
    if len(np.unique(places)) < len(places):
        return None
    owners = [(first + begin, last + begin) for begin, own in zip(begins, words) for first, last in own]
    spans = np.zeros((len(ids), 2), dtype=np.int64)
    spans[places] = np.repeat(np.reshape(owners, (-1, 2)), [len(run) for run in runs], axis=0)
    return spans


def _runs(
    texts: Sequence[str], words: Sequence[list[Span]], cuts: Sequence[str], ids: np.ndarray, read: Read
) -> list[list[np.ndarray]] | None:
    """The places in the ids of each word of each text.

    Where texts are cut, maybe inside a word, the rest of it would move up for each other one that is left out: so it is
    left out itself, and has the ids that the others have not.
    """
    if len(texts) == len(words[0]) == 1 and cuts[0]:
        frame = _frame(texts[0], ids, asking(texts, 0, read))
        return None if frame is None else [[np.arange(frame[0], len(ids) - frame[1])]]
    if any(cut and len(own) < 2 for own, cut in zip(words, cuts)):
        return None
    rest = [within_edge(text, own, cut) for text, own, cut in zip(texts, words, cuts)]
    fewer = read(rest) if any(cuts) else ids
    bounds = [] if fewer is None else [_bounds(text, fewer, asking(rest, n, read)) for n, text in enumerate(rest)]
    known = [edges for edges in bounds if edges is not None]
    if fewer is None or len(known) < len(texts):
        return None
    sides = [(int(edges[-1 if cut == "right" else 0]), cut) for edges, cut in zip(known, cuts) if cut]
    found = put_in(fewer, ids, sides)
    if found is None and sides and len(texts) == 1:
        found = put_at_end(fewer, ids, sides[0])
    if found is None:
        return None
    runs = [np.split(found[0], edges)[1:-1] for edges in known]
    for (own, cut), edge in zip([pair for pair in zip(runs, cuts) if pair[1]], found[1:]):
        own.insert(len(own) if cut == "right" else 0, edge)
    return runs


def _bounds(text: str, ids: np.ndarray, of: Of) -> np.ndarray | None:
    """(words + 1,) where the ids of each word of a text begin, and those of the last one end."""
    words = spaced_words(text)
    if len(words) < 2:
        return _bounds_of_one(text, words[0], of) if words else np.zeros(1, dtype=np.int64)
    left = [row for word in words if (row := of(_without(text, word))) is not None]
    counts = np.array([len(ids) - len(row) for row in left])
    if len(left) < len(words) or (counts[1:] < 0).any():
        return None
    silent = {text[slice(*word)] for word, row in zip(words, left) if equal(row, ids)}
    if not all(is_silent(word, text, of) for word in silent):  # what was cut off may have moved up
        return None
    before = np.array([alike(ids, row) for row in left])
    behind = np.array([alike(ids[::-1], row[::-1]) for row in left])
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
    found = {probe: of(text[:first] + probe + text[last:]) for probe in probes(text)}
    rows = {probe: row for probe, row in found.items() if row is not None}
    begin, end = text[first].lower(), text[last - 1].lower()
    heads = [alike(ids, row) for probe, row in rows.items() if probe[0].lower() != begin]
    tails = [alike(ids[::-1], row[::-1]) for probe, row in rows.items() if probe[-1].lower() != end]
    if not heads or not tails:
        return None
    head, tail = min(heads), min(tails)
    probe, row = min(rows.items(), key=lambda each: len(each[1]))
    if len(row) <= head + tail and not equal(of(f"{text[:first]}{probe} {probe}{text[last:]}"), row):
        return None  # the same id stands for several words that are unknown
    return head, tail


def _one_each(texts: Sequence[str], ids: np.ndarray, read: Read) -> list[list[np.ndarray]] | None:
    """The places in the ids of very many words, which have one each, also where any half of them is left out."""
    words = [text.split() for text in texts]
    places = np.split(np.arange(len(ids)), np.cumsum([len(own) for own in words])[:-1])
    if sum(map(len, words)) != len(ids):
        return None
    generator = np.random.default_rng(0)
    for _ in range(_HALVES):
        kept = generator.random(len(ids)) < 0.5
        if not equal(read([" ".join(compress(own, kept[at].tolist())) for own, at in zip(words, places)]), ids[kept]):
            return None
    return [list(own[:, None]) for own in places]


def _without(text: str, word: Span) -> str:
    """The text without a word and the spaces before it, or behind it where it is the first."""
    before, behind = text[: word[0]], text[word[1] :]
    return before.rstrip() + behind if before.strip() else before + behind.lstrip()
