"""A text alone or a pair of texts, and which parts of them are explained while the others stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from nbexplain.inputs.words import Span

_HINT = "expected the number of a text of the pair, a part of the text, its (start, end), or a list of these"


def checked(text: Any) -> tuple[str, ...]:
    """The texts that go in together: one, or the two of a pair.

    Raises
    ------
    TypeError, ValueError
        If it is no string and no pair of strings, or there is nothing in it.
    """
    if isinstance(text, str):
        if not text.strip():
            raise ValueError(f"text: expected some words, got {text!r}")
        _check_signs(text)
        return (text,)
    if not isinstance(text, tuple) or not all(isinstance(each, str) for each in text):
        what = f"a list of {len(text)}; try [Text(each, …) for each in …]" if isinstance(text, list) else None
        raise TypeError(f"text: expected a string, or a pair (a, b) of strings, got {what or type(text).__name__}")
    if len(text) != 2:
        raise ValueError(f"text: expected a string, or a pair (a, b) of strings, got {len(text)} of them")
    for each in text:
        if not each.strip():
            raise ValueError(f"text: expected some words in both texts of the pair, got {each!r}")
        _check_signs(each)
    return text


def _check_signs(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        at = error.start
        raise ValueError(
            f"text: {text[at]!r} at place {at} is half of a sign and can be no text; put a stand-in for what cannot be "
            "read: text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
        ) from None


def joined(texts: Sequence[str]) -> tuple[str, list[int]]:
    """The texts below each other, as they are drawn, and where each begins; `apart` undoes it."""
    whole, begins = texts[0], [0]
    for text in texts[1:]:
        whole += _gap(texts)
        begins.append(len(whole))
        whole += text
    return whole, begins


def apart(whole: str, texts: Sequence[str]) -> Any:
    """What `joined` made of a text or a pair like `texts`, and somebody may have edited since, as it was given.

    Raises
    ------
    ValueError
        If it is not clear where the second text begins.
    """
    if len(texts) == 1:
        return whole
    parts = whole.split(_gap(texts))
    if len(parts) != len(texts):
        lines = "a line break" if len(_gap(texts)) == 1 else f"{len(_gap(texts))} line breaks"
        raise ValueError(f"text: the two texts stand below each other; keep {lines} between them, and nowhere else")
    return tuple(parts)


def _gap(texts: Sequence[str]) -> str:
    """More line breaks than there are anywhere in the texts."""
    return "\n" * (1 + max(len(run) for text in texts for run in ["", *re.findall(r"\n+", text)]))


def explained(explain: Any, texts: Sequence[str]) -> list[Span]:
    """Where in the joined texts the parts stand that are explained, in order and apart; see `Text`.

    Raises
    ------
    TypeError, ValueError
        If `explain` names none, or does not say which.
    """
    _, begins = joined(texts)
    if explain is None:
        return [(begin, begin + len(text)) for begin, text in zip(begins, texts)]
    asked = explain if isinstance(explain, list) else [explain]
    parts: list[Span] = []
    for start, end in sorted(_part(each, texts, begins) for each in asked):
        if parts and start <= parts[-1][1]:
            parts[-1] = parts[-1][0], max(parts[-1][1], end)
        else:
            parts.append((start, end))
    if not parts:
        raise ValueError(f"explain: {_HINT}, got []; None explains all of it")
    return parts


def _part(part: Any, texts: Sequence[str], begins: Sequence[int]) -> Span:
    if isinstance(part, str):
        places = [(number, at) for number, text in enumerate(texts) for at in _found(part, text)]
        if len(places) != 1:
            where = f"not in {texts[0][:40]!r}{' or in the other' * (len(texts) > 1)}"
            if places:
                spots = [(begins[number] + at, begins[number] + at + len(part)) for number, at in places]
                seen = "in the two texts; give 0 or 1 for all of one, or" if len(texts) > 1 else "in it; give"
                where = f"{len(places)} times {seen} its (start, end), such as {spots[0]} or {spots[1]}"
            raise ValueError(f"explain: {part[:40]!r} is {where}")
        number, at = places[0]
        return begins[number] + at, begins[number] + at + len(part)
    if _is_whole(part):
        if len(texts) == 1:
            raise ValueError(f"explain: x is one text, not a pair; {_HINT}, got {part!r}")
        number = int(part)
        if not 0 <= number < len(texts):
            raise ValueError(f"explain: expected 0 or 1, a text of the pair, got {part}")
        return begins[number], begins[number] + len(texts[number])
    if isinstance(part, tuple) and len(part) == 2 and all(map(_is_whole, part)):
        start, end = map(int, part)
        if not any(first <= start < end <= first + len(text) for first, text in zip(begins, texts)):
            inside = [f"{first} ≤ start < end ≤ {first + len(text)}" for first, text in zip(begins, texts)]
            both = " in the two texts, which stand below each other" * (len(texts) > 1)
            raise ValueError(f"explain: expected {' or '.join(inside)}{both}, got {(start, end)}")
        return start, end
    raise TypeError(f"explain: {_HINT}, got {part!r}")


def plain(explain: Any) -> Any:
    """`explain` with Python's whole numbers, as its repr is code."""
    if isinstance(explain, (list, tuple)):
        return type(explain)(map(plain, explain))
    return int(explain) if _is_whole(explain) else explain


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _found(part: str, text: str) -> list[int]:
    """Where a part begins in a text."""
    if not part.strip():
        raise ValueError(f"explain: expected a part with some words, got {part!r}")
    return [found.start() for found in re.finditer(f"(?={re.escape(part)})", text)]


def moved(text: str | tuple[str, ...], old: Sequence[str], explain: Any, parts: Sequence[Span]) -> Any:
    """What is to be explained of a text or a pair in the place of an old one, which has the same around its parts.

    Parameters
    ----------
    explain, parts
        What was asked of the old one, and where these parts stand in its joined texts.

    Raises
    ------
    ValueError
        If what stays of the old text is not in it, or nothing is in the place of what was explained.
    """
    asked = explain if isinstance(explain, list) else [explain]
    given = (text,) if isinstance(text, str) else text
    if explain is None or all(map(_is_whole, asked)) or len(given) != len(old):
        return explain
    found: list[Span] = []
    for new, before, first, begin in zip(given, old, joined(old)[1], joined(given)[1]):
        own = [(a - first, b - first) for a, b in parts if first <= a < first + len(before)]
        found += [(begin + a, begin + b) for a, b in _moved(new, before, own)]
    whole = joined(given)[0]
    left = [(start, end) for start, end in found if whole[start:end].strip()]
    if not left:
        what = " and ".join(repr(joined(old)[0][start:end][:40]) for start, end in parts)
        raise ValueError(f"text: nothing stands in the place of what is explained, {what}; write some words there")
    return left


def _moved(text: str, old: str, parts: Sequence[Span]) -> list[Span]:
    """Where the parts of an old text stand in another one that has the same around them."""
    edges = [0, *(end for part in parts for end in part), len(old)]
    stays = [old[start:end] for start, end in zip(edges[::2], edges[1::2])]
    found, end = [], 0
    for number, piece in enumerate(stays):
        last = number == len(stays) - 1
        at = text.rfind(piece) if last else text.find(piece, end)
        if at < end or (number == 0 and at > 0) or (last and at + len(piece) < len(text)):
            raise ValueError(f"text: what stays of it, {piece.strip()[:40]!r}, must stand where it stood")
        if number:
            found.append((end, at))
        end = at + len(piece)
    return found
