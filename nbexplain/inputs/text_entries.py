"""What else a tokenizer says of each token, as of a text of which some tokens are removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

POSITIONS = "position_ids"
_MASK = "attention_mask"


class Shorter(NamedTuple):
    """What a tokenizer says of a text without a word: the places (l,) of the whole text that are left, and entries."""

    places: np.ndarray
    entries: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Rule:
    """Which of the whole text's numbers those of a shorter one are.

    Attributes
    ----------
    parts
        (L,) the number of the part that each token is of, within which numbers count; -1 for padding.
    side
        `"start"`, `"end"`: the first or the last of a part's numbers, for as many tokens as are left; `"own"`: each
        token keeps its number.
    square
        Whether there is one for each two tokens, (…, L, L).
    sure
        False where nobody knows whether it is so.
    """

    parts: np.ndarray
    side: str
    square: bool = False
    sure: bool = True

    def sources(self, place: Tensor, shown: Tensor) -> Tensor:
        """Places (N, l) whose numbers those of tokens at `place` are; what is not `shown` is padding."""
        if self.side == "own":
            return place
        parts = torch.from_numpy(self.parts).to(place.device)
        found, own = place, parts[place]
        for number in np.unique(self.parts[self.parts >= 0]).tolist():
            mine, held = (own == number) & shown, (parts == number).nonzero()[:, 0]
            rank = mine.cumsum(1) - 1
            if self.side == "end":
                rank = rank + len(held) - mine.sum(1, keepdim=True)
            found = torch.where(mine, held[rank.clamp(min=0)], found)
        return found

    def taken(self, values: Tensor, place: Tensor, shown: Tensor) -> Tensor:
        """Of values (L, …) or (…, L, L) those of the tokens at `place` (N, l): (N, l, …) or (N, …, l, l)."""
        at = self.sources(place, shown)
        return values[..., at[:, :, None], at[:, None, :]].movedim(-3, 0) if self.square else values[at]

    def of(self, values: np.ndarray, places: np.ndarray) -> np.ndarray:
        """`taken` of one shorter text, (l,)."""
        place = torch.from_numpy(places)[None]
        return self.taken(torch.from_numpy(values), place, torch.ones_like(place, dtype=torch.bool))[0].numpy()

    def cut(self, places: np.ndarray) -> Rule:
        """The rule of a text of which only these tokens are left."""
        return replace(self, parts=self.parts[places])


def square_of(name: str, value: Any, count: int, shorter: Sequence[Shorter] | None = None) -> np.ndarray | None:
    """Numbers (…, L, L) of each two of `count` tokens, as of an attention mask, from those or (1, …, L, L).

    None where it is something else; held against what is said of shorter texts, also (L, L) that has as many columns
    there.
    """
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    if count < 2 or array.ndim < 2 or array.shape[-2:] != (count, count) or array.dtype.kind not in "biuf":
        return None
    square: np.ndarray = array[0] if array.ndim > 2 and len(array) == 1 else array
    if shorter is None:
        return square
    told = [each for each in shorter if name in each.entries]
    if any(np.shape(each.entries[name])[-2:] != (len(each.places),) * 2 for each in told):
        return None
    if not told and square.ndim == 2 and name != _MASK:  # such as boxes of as many numbers as there are tokens
        return None
    return square


def rule_of(
    name: str, values: np.ndarray, own: np.ndarray, texts: int, shorter: Sequence[Shorter], *, square: bool = False
) -> Rule:
    """The rule of an entry, the first that makes of it what the tokenizer says of shorter texts.

    Where it cannot be asked, numbers count anew if they count up or down, once or once in each text.

    Parameters
    ----------
    values
        (L, …), or with `square` (…, L, L).
    own
        (L,) bool: what is no padding.
    texts
        How many texts there are.
    """
    whole = np.where(own, 0, -1)
    rules = [Rule(whole, side, square) for side in ("own", "start", "end")]
    if not square:
        for step, side in ((1, "start"), (-1, "end")):
            runs = np.cumsum(np.diff(values[own].astype(np.float64), prepend=np.nan) != step) - 1
            parts = whole.copy()
            parts[own] = runs
            rules.append(Rule(parts, side))
    told = [each for each in shorter if name in each.entries]
    if told:
        fits = (each for each in rules if all(_says(each, values, one, name) for one in told))
        return next(fits, replace(rules[0], sure=False))
    counts = [each for each in rules[3:] if each.parts.max() + 1 in (1, texts)]
    if counts:
        return counts[0]
    places = np.flatnonzero(own)
    fewer = [np.delete(places, at) for at in {0, len(places) // 2, len(places) - 1} if len(places) > 1]
    alike = all(np.array_equal(rules[0].of(values, left), each.of(values, left)) for left in fewer for each in rules)
    return replace(rules[0], sure=alike)


def _says(rule: Rule, values: np.ndarray, shorter: Shorter, name: str) -> bool:
    found, wanted = rule.of(values, shorter.places), shorter.entries[name]
    return found.shape == wanted.shape and np.allclose(found, wanted, equal_nan=True)


def notes_of(rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """What is said of entries of which nobody knows what they are in a shorter text."""
    names = ", ".join(repr(name) for name, rule in rules.items() if not rule.sure)
    if not names:
        return ()
    return (
        f"the tokenizer's {names}: where words are removed, the others keep the numbers that they have in the whole "
        "text, as it is not clear what they are in a shorter one; hide='mask token' leaves each in its place",
    )
