"""What a tokenizer that returns ids alone reads of a text, where it cuts it by itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from nbexplain.inputs.token_asking import Of, Read, asking, equal, is_silent, own_first, probes, spaced_words
from nbexplain.inputs.words import Span


class Part(NamedTuple):
    """What is read of a text, and at which end a tokenizer cuts what is longer (`"left"`, `"right"`), if it does; `"?"`
    where nobody can tell how much is read."""

    start: int
    end: int
    cut: str = ""


def read_of_cut(texts: Sequence[str], ids: np.ndarray, read: Read) -> list[Part]:
    """What is read of each text by a tokenizer that may cut them by itself.

    It cuts a text at its end if a word behind it changes nothing, and one before it does. What is read are the fewest
    words that have all ids, also if there is but a piece of one; and words behind them that have no tokens anyhow.
    Where but the spaces behind all words are cut, what is read is a text that is not.
    """
    parts = [Part(0, len(text)) for text in texts]
    for number, text in enumerate(texts):
        of = asking([each[part.start : part.end] for each, part in zip(texts, parts)], number, read)
        words, side = spaced_words(text), _side_of_cut(text, ids, of)

        def same(start: int, end: int | None = None, text: str = text, of: Of = of) -> bool:
            return equal(of(text[start:end]), ids)

        if side == "right":
            end = words[-1][1]
            cut = _first([*(word[1] for word in words), *range(end + 1, len(text) + 1)], lambda place: same(0, place))
            silent = cut <= end and is_silent(text[cut:], text, of)
            parts[number] = Part(0, len(text) if silent else cut, "" if cut > end and len(words) > 1 else side)
        elif side == "left":
            begin = words[0][0]
            cut = _first([*(word[0] for word in words[::-1]), *range(begin - 1, -1, -1)], same)
            silent = cut >= begin and is_silent(text[:cut], text, of)
            parts[number] = Part(0 if silent else cut, len(text), "" if cut < begin and len(words) > 1 else side)
        if side and len(texts) > 1 and not _is_apart(texts, number, parts[number], read):
            parts[number] = Part(0, len(text), "?")
    return parts


def _first(places: list[int], holds: Callable[[int], bool]) -> int:
    """The first place from which on something holds, the last if it holds at none before."""
    return places[bisect_left(places[:-1], True, key=holds)]


def _side_of_cut(text: str, ids: np.ndarray, of: Of) -> str:
    """At which end a tokenizer cuts a text; "" where it is not cut, or nobody can tell where."""
    side = ""
    for probe in own_first(text) if text.strip() else ():
        rows = of(f"{text} {probe}"), of(f"{probe} {text}")
        if any(row is None for row in rows):
            continue
        behind, before = (equal(row, ids) for row in rows)
        if not behind and not before:  # also where a word that is there already changed nothing
            return ""
        if behind != before and not side:
            side = "right" if behind else "left"
    return side


def _is_apart(texts: Sequence[str], number: int, part: Part, read: Read) -> bool:
    """Whether a part is all that is read of a text of a pair also beside another one, which moves up in other ways."""
    for probe in probes(texts[number]):
        of = asking([f"{probe} {text}" for text in texts], number, read)
        if (whole := of(texts[number])) is not None:
            return equal(of(texts[number][part.start : part.end]), whole)
    return False


def within_edge(text: str, words: list[Span], cut: str) -> str:
    """A text without the word that may be cut."""
    return text[: words[-2][1]] if cut == "right" else text[words[1][0] :] if cut else text


def put_in(fewer: np.ndarray, ids: np.ndarray, sides: Sequence[tuple[int, str]]) -> list[np.ndarray] | None:
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


def put_at_end(fewer: np.ndarray, ids: np.ndarray, side: tuple[int, str]) -> list[np.ndarray] | None:
    """`put_in` of a text of which also that is cut off, or some of it, that ends each text: -1 for its places."""
    place, cut = side
    if cut == "left":
        turned = put_at_end(fewer[::-1], ids[::-1], (len(fewer) - place, "right"))
        if turned is None:
            return None
        return [np.where(row < 0, -1, len(ids) - 1 - row)[::-1] for row in turned]
    of_end = np.isin(ids[place:], fewer[place:])
    count = len(of_end) - int(np.argmin(np.append(of_end[::-1], False)))
    if not np.array_equal(fewer[:place], ids[:place]) or count < 1 or of_end[:count].any():
        return None
    gone = np.full(len(fewer) - place, -1)
    return [np.append(np.arange(place), gone), np.arange(place, place + count)]
