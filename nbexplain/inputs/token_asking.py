"""What is asked of a tokenizer that returns ids alone: how it reads other texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from nbexplain.inputs.words import Span

Read = Callable[[Sequence[str]], "np.ndarray | None"]  # the ids of texts; None where nothing is made of them
Of = Callable[[str], "np.ndarray | None"]  # the same of one text, while the other of a pair stays

_SHORT = ("0", "a", "the")
_MOST_PROBES = 6


def probes(text: str) -> list[str]:
    """Words that are read in the place of a text or beside it: short ones, and its own."""
    return list(dict.fromkeys([*_SHORT, *text.split()]))[:_MOST_PROBES]


def own_first(text: str) -> list[str]:
    """`probes`, its own words first: a vocabulary that grows takes up the others, for what these do not show."""
    return sorted(probes(text), key=_SHORT.__contains__)


def asking(texts: Sequence[str], number: int, read: Read) -> Of:
    """Reads one of the texts, while the others stay."""
    return lambda text: read([*texts[:number], text, *texts[number + 1 :]])


def is_silent(word: str, text: str, of: Of) -> bool:
    """Whether a word, or several, has no tokens beside another one."""
    for probe in probes(text) if word.strip() else ():
        if probe != word and (alone := of(probe)) is not None:
            return equal(of(f"{probe} {word}"), alone)
    return not word.strip()


def spaced_words(text: str) -> list[Span]:
    """Where the words stand that spaces part."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def equal(row: np.ndarray | None, ids: np.ndarray) -> bool:
    return row is not None and np.array_equal(row, ids)


def alike(ids: np.ndarray, others: np.ndarray) -> int:
    """How many ids there are at the beginning of both."""
    common = min(len(ids), len(others))
    return int(np.argmin(np.append(ids[:common] == others[:common], False)))
