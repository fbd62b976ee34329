"""Where tokens stand in a text, found by their names; for tokenizers that do not tell."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter

import numpy as np

from nbexplain.inputs.words import words_in

_BEGINS = ("▁", "Ġ", "Ċ")  # signs of a space or a new line before a word
_PIECE = f"^(##|[{''.join(_BEGINS)}]+)"


def by_names(text: str, names: list[str], added: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Where tokens that have only names stand; (0, 0) where that cannot be told.

    Either there is one for each word. Or each stands where the one before it ended; where it does not, or after one
    that was not found, a word is taken only if as many of it are ahead in the text as among the tokens: else the next
    that looks like it may be another.
    """
    names = _as_pieces(names, added | unknown)
    pieces, wholes = _pieces(names, added | unknown)
    silent = added | [not piece for piece in pieces]
    spans, ahead, low, inside = np.zeros((len(names), 2), dtype=np.int64), Counter(wholes), _lower(text), _inside(text)
    heard = np.flatnonzero(~silent)
    for words in ([run.span() for run in re.finditer(r"\S+", text)], words_in(text)):
        pairs = list(zip(heard, words, strict=False))
        if len(heard) == len(words) and all(unknown[token] or low[a:b] == pieces[token] for token, (a, b) in pairs):
            spans[heard] = np.reshape(words, (-1, 2))
            return spans

    def stands(number: int, start: int) -> int:
        """The place of a token that is sought from a place on, past spaces and signs; -1 if it is not there."""
        if number == len(names) or not pieces[number]:
            return -1
        at = start
        while not low.startswith(pieces[number], at):
            if names[number].startswith("##") or at >= len(low) or low[at].isalnum() or low[at] == "_":
                return -1
            at += 1
        return at

    end, lost = 0, False
    spots: dict[str, list[int]] = {}  # of each whole that was sought, wherever it stands
    for number, (piece, whole) in enumerate(zip(pieces, wholes, strict=True)):
        at = stands(number, end) if whole or not lost else -1
        if at >= 0 and stands(number + 1, at + len(piece)) < 0:  # nothing bears it out but that a word ends here
            goes_on = inside[at + len(piece)] and not unknown[number + 1 : number + 2].any()
            at = -1 if lost or goes_on else at
        if at < 0 and whole:
            if whole not in spots:
                found = [spot.start() for spot in re.finditer(re.escape(whole), low)]
                spots[whole] = [spot for spot in found if not inside[spot] and not inside[spot + len(whole)]]
            next_ = bisect_left(spots[whole], end)
            at = spots[whole][next_] if 0 < len(spots[whole]) - next_ == ahead[whole] else -1
        if at >= 0:
            spans[number] = at, (end := at + len(piece))
            ahead[whole] -= 1  # one that is in doubt leaves the others in doubt
        lost = at < 0 and (lost or not silent[number])
    _fill(text, spans, unknown, silent)
    return spans


def _as_pieces(names: list[str], apart: np.ndarray) -> list[str]:
    """Names with ## before what goes on, where they are marked behind: by @@ what goes on, or by </w> what ends."""
    ends, goes = (any(name.endswith(sign) for name in names) for sign in ("</w>", "@@"))
    if not ends and not goes:
        return names
    found, inside = [], False
    for name, alone in zip(names, apart, strict=True):
        bare = name.removesuffix("</w>" if ends else "@@")
        found.append(f"##{bare}" if inside and bare and not alone else bare)
        inside = not alone and (bare == name if ends else bare != name)
    return found


def with_words(spans: np.ndarray, held: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """Where tokens stand, of those in doubt by the words (L, 2) that hold them: what no other token of it stands for.

    A place that was found by a name and is in another word than the one that holds the token was a wrong one.

    Parameters
    ----------
    spans
        By their names, (L, 2); (0, 0) where that does not tell.
    doubt
        (L,) bool: which stand for something, and not where their names tell.
    """
    known, placed = held[:, 1] > held[:, 0], spans[:, 1] > spans[:, 0]
    outside = placed & known & ((spans[:, 0] < held[:, 0]) | (spans[:, 1] > held[:, 1]))
    found, open_ = np.where(outside[:, None], 0, spans), (doubt | outside) & known
    for place in np.flatnonzero(open_).tolist():
        start, end = held[place].tolist()
        same = np.flatnonzero((held == held[place]).all(1) & placed & ~outside)
        before, behind = same[same < place], same[same > place]
        begin, last = int(spans[before, 1].max(initial=start)), int(spans[behind, 0].min(initial=end))
        if begin < last:
            found[place] = begin, last
        else:  # nothing is left for it: it goes with the one beside it
            found[place] = spans[before[-1] if len(before) else behind[0]]
    return found


def with_spaces(spans: np.ndarray, names: list[str]) -> np.ndarray:
    """Where tokens stand, (start, start) for those of spaces alone where the token behind them starts."""
    found = spans.copy()
    for place in range(len(names) - 2, -1, -1):
        if is_space(names[place]) and spans[place, 1] == spans[place, 0] and found[place + 1].any():
            found[place] = found[place + 1, 0]
    return found


def _pieces(names: list[str], apart: np.ndarray) -> tuple[list[str], list[str]]:
    """What tokens are without the signs that say where words begin; and of each that begins one, the whole word."""
    pieces, wholes = [_lower(re.sub(_PIECE, "", name)) for name in names], [""] * len(names)
    marked, first = any(name.startswith(_BEGINS) for name in names), -1
    for number, (name, piece) in enumerate(zip(names, pieces, strict=True)):
        goes_on = name.startswith("##") or (marked and not name.startswith(_BEGINS))
        if apart[number]:
            first = -1
        elif not goes_on or (first >= 0 and not pieces[first]):  # the sign may be a token of its own
            first, wholes[number] = number, piece
        elif first >= 0:
            wholes[first] += piece
    return pieces, wholes


def _lower(text: str) -> str:
    """In small letters, and as long as it was."""
    return "".join(low if len(low := sign.lower()) == 1 else sign for sign in text)


def _inside(text: str) -> np.ndarray:
    """Of each place in a text, whether it parts the signs of a word; an apostrophe is no part of one here."""
    inside = np.zeros(len(text) + 1, dtype=bool)
    for start, end in words_in(text):
        inside[start + 1 : end] = True
    for apostrophe in re.finditer("['’]", text):
        inside[apostrophe.start() : apostrophe.end() + 1] = False
    return inside


def _fill(text: str, spans: np.ndarray, unknown: np.ndarray, silent: np.ndarray) -> None:
    """Unknown tokens stand for what is left between those around them, where there can be no doubt which for which."""
    found = np.flatnonzero(spans[:, 1] > spans[:, 0])
    edges = zip([-1, *found], [*found, len(spans)], [0, *spans[found, 1]], [*spans[found, 0], len(text)], strict=True)
    for before, after, start, end in edges:
        here = np.arange(before + 1, after)
        here = here[~silent[here]]
        parts = [part.span() for part in re.compile(r"\S+").finditer(text, start, end)]
        alike = len(parts) == 1 or all(len(words_in(text[a:b])) == 1 for a, b in parts)
        if len(here) == len(parts) and alike and unknown[here].all():
            spans[here] = np.array(parts).reshape(-1, 2)


def alike(name: str, part: str) -> bool | None:
    """Whether a token's name reads like a part of a text; None where it cannot be told, as of bytes and accents."""
    piece, seen = re.sub(_PIECE, "", name).lower(), part.strip().lower()
    if not piece or not seen or not piece.isascii() or not seen.isascii() or re.fullmatch(r"\[.*\]|<.*>", piece):
        return None
    return piece == seen


def is_space(name: str) -> bool:
    """Whether a token's name says that it is nothing but a space or a new line."""
    return bool(name) and not re.sub(_PIECE, "", name).strip()
