"""Where tokens stand in a text, by the offsets that a tokenizer tells.

They may be of other texts as well: of a pair, whose offsets begin at 0 again, or of a longer one into which a callable
put this text. A token belongs to this text only where that is certain.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbexplain.inputs.segments import joined
from nbexplain.inputs.token_names import alike
from nbexplain.inputs.words import words_in

_MOST_SHIFTS = 50  # places in a longer text that are tried as the beginning of this one
_ODD = 0.1  # share of tokens that may read otherwise than the text, as a tokenizer rewrites some


def by_offsets(
    texts: Sequence[str],
    offsets: Any,
    told: Any,
    names: Sequence[str] | None,
    count: int,
    aligned: Callable[[], np.ndarray | None],
) -> np.ndarray:
    """Spans (L, 2) in the joined texts, without spaces at their ends; (0, 0) for tokens that are nowhere in them.

    Parameters
    ----------
    texts
        What went in.
    offsets
        (start, end) of each token, as the tokenizer tells them.
    told
        What the tokenizer returned; Hugging Face's tells with `sequence_ids` which text a token is of.
    names
        Of the tokens, where the tokenizer tells them.
    count
        How many tokens there are.
    aligned
        Which tokens go with which words (`by_leaving_out`): asked where a longer text holds this one several times.

    Raises
    ------
    ValueError
        If there are not as many offsets as tokens.
    """
    whole, begins = joined(texts)
    given = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
    if len(given) != count:
        raise ValueError(f"tokenizer: {count} ids but {len(given)} offsets")
    groups = _groups(given, told)
    numbers = np.unique(groups[groups >= 0]).tolist()
    lengths = np.array([len(text) for text in texts])
    spans = np.zeros_like(given)
    if len(numbers) <= 1 and len(texts) == 1 and not given.max(initial=0) > lengths[0]:
        spans = given.copy()
    elif len(numbers) == len(texts) > 1 and (given[:, 1] <= np.append(lengths, 0)[groups]).all():
        shift = np.append(begins, 0)[groups]
        spans = np.where((groups >= 0)[:, None], given + shift[:, None], 0)
    else:
        for text, begin in zip(texts, begins):
            moving = functools.partial(_between, aligned, begin, text)
            for places, shift in _own(text, given, groups, names, moving):
                spans[places] = np.maximum(given[places] - shift, 0) + begin
    return _trimmed(whole, spans)


def _groups(offsets: np.ndarray, told: Any) -> np.ndarray:
    """(L,) the number of the text that each token's offset is of; -1 for tokens that the tokenizer adds."""
    real = offsets[:, 1] > offsets[:, 0]
    ask = getattr(told, "sequence_ids", None)
    try:
        numbers = ask() if callable(ask) else ask  # an attribute of those of the library `tokenizers`
    except ValueError:  # a slow tokenizer's
        numbers = None
    if numbers is not None and len(numbers) == len(offsets):
        return np.array([-1 if number is None else number for number in numbers])
    groups, number, last, parted = np.full(len(offsets), -1), 0, 0, False
    for place, (start, is_real) in enumerate(zip(offsets[:, 0].tolist(), real.tolist())):
        if not is_real:
            parted = True
            continue
        if start < last or (start == 0 and parted and (groups >= 0).any()):
            number += 1
        groups[place], last, parted = number, start, False
    return groups


def _own(
    text: str,
    offsets: np.ndarray,
    groups: np.ndarray,
    names: Sequence[str] | None,
    moving: Callable[[], np.ndarray | None],
) -> list[tuple[np.ndarray, int]]:
    """The tokens that are of this text, and by how much their offsets are too large; several times, if it is there so.

    All words of the text must be held by them, and they must read like it. Of several such runs in one longer text it
    is the one whose tokens go when words are left out.
    """
    words = words_in(text)
    found: list[tuple[np.ndarray, int]] = []

    def named(places: np.ndarray) -> list[str] | None:
        return [names[place] for place in places.tolist()] if names else None

    for number in np.unique(groups[groups >= 0]).tolist():
        places = np.flatnonzero(groups == number)
        fits: list[tuple[np.ndarray, int]] = []
        for shift in _shifts(text, offsets[places], named(places), words):
            near = offsets[places] - shift
            begun = (near[:, 0] >= -1) & (near[:, 1] > 0)  # the first token may hold the space before it
            inside = places[begun & (near[:, 1] <= len(text)) & (near[:, 1] > near[:, 0])]
            known = any(np.array_equal(inside, other) for other, _ in fits)
            if not known and _fits(text, np.maximum(offsets[inside] - shift, 0), named(inside), words):
                fits.append((inside, shift))
        if len(fits) > 1:
            own = moving()
            fits = [] if own is None else [fit for fit in fits if np.isin(own, fit[0]).all()][:1]
        found += fits
    return found if names or len(found) == 1 else []


def _between(aligned: Callable[[], np.ndarray | None], begin: int, text: str) -> np.ndarray | None:
    """The tokens (k,) that go with a word of the text that begins there in the joined ones."""
    if (spans := aligned()) is None:
        return None
    own = (spans[:, 1] > spans[:, 0]) & (spans[:, 0] >= begin) & (spans[:, 1] <= begin + len(text))
    return np.flatnonzero(own)


def _shifts(text: str, offsets: np.ndarray, names: Sequence[str] | None, words: Sequence[tuple[int, int]]) -> list[int]:
    """Where in the other text this one may begin."""
    if names is None or not words:
        return [0] if offsets[:, 1].max(initial=0) <= len(text) else []
    first, found = words[0], [0]
    for (start, end), name in zip(offsets.tolist(), names):
        own = text[first[0] : first[0] + end - start]
        if alike(name, own) is not False:
            found += [start - first[0], start + 1 - first[0]]  # a space before it may count as its own
        if len(found) > _MOST_SHIFTS:
            break
    return [shift for shift in dict.fromkeys(found) if shift >= 0]


def _fits(text: str, offsets: np.ndarray, names: Sequence[str] | None, words: Sequence[tuple[int, int]]) -> bool:
    """Whether tokens hold all words of a text, and read like it."""
    held = np.zeros(len(text) + 1, dtype=bool)
    odd = same = 0
    for place, (start, end) in enumerate(offsets.tolist()):
        held[start:end] = True
        match = alike(names[place], text[start:end]) if names else None
        odd, same = odd + (match is False), same + (match is True)
    return odd <= _ODD * (odd + same) and all(held[start:end].any() for start, end in words)


def _trimmed(text: str, spans: np.ndarray) -> np.ndarray:
    """Spans without the spaces at their ends, which some tokenizers count; one that is nothing but spaces stays."""
    trimmed = spans.copy()
    for place, (start, end) in enumerate(spans.tolist()):
        part = text[start:end]
        if part[:1].isspace() or part[-1:].isspace():
            first = start + len(part) - len(part.lstrip())
            trimmed[place] = (first, first + len(part.strip())) if part.strip() else (start, end)
    return trimmed
