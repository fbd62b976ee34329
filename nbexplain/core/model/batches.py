"""Whether several inputs go through a model at once as each would alone: tried, not believed.

Some models take a batch of one only (`x.view(1, -1)`), some mix what is in a batch (batch statistics, attention across
it), some take a plain batch but not one in channels-last order (`x.view(len(x), -1)` behind a convolution).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs import Text
from nbexplain.inputs.text_masker import TextMasker
from nbexplain.inputs.words import words_in

MIXES = "in a batch, the scores of an input depend on the other inputs"
GROWS = "an input has as many scores as there are inputs in a batch, or others than it has alone"
UNTRIED = "alone it takes none of the shorter texts, so none was tried in a batch"
RANDOM = "two calls with the same inputs gave different scores: it draws random numbers, which all values hold, too"
_SINGLE = 1e-5  # by how much scores of equal calls may differ: single precision added up in another order
_ONE_BY_ONE = 8  # rows that are asked alone before a model is said to tell none apart
_MOST_ALONE = 31  # inputs of a batch that are also asked alone
_AGAIN = 5  # times that a batch is asked before its model is said to mix rows, not to draw random numbers
_ROUGHLY = 0.05  # by how much scores may differ between batch sizes: half precision inside, other kernels
_ROUNDED = 100  # steps of single or double precision that are no more than rounding ...
_ROUNDED_IN_HALF = 4  # ... and of half precision, in which sums are added up in single


@dataclass(frozen=True)
class Batches:
    """How batches are handed to a model.

    Attributes
    ----------
    alone
        Why inputs are run one by one, or `""`.
    channels_last
        Whether batches of images may be in channels-last order.
    folded
        Whether a faster twin may run them.
    again
        What is said where the clean input has other scores when it is asked again, or `""`.
    random
        Whether the model was seen to draw random numbers.
    """

    alone: str = ""
    channels_last: bool = True
    folded: bool = True
    again: str = ""
    random: bool = False


def differing(x: Tensor) -> Tensor:
    """An input that the model can take and that is not `x`, to stand beside it in a batch; `x` where none is known.

    Whole numbers may be codes of columns, each with values of its own.
    """
    if x.is_floating_point():
        other = x.flip(-1) if x.ndim > 2 else x
        # reaches beyond both ends of x, and has another mean: what a model does by the largest value of a batch, the
        # smallest or the mean, `x` has then not alone
        other = 3 * other - 1.5 * other.mean() - 0.5 * other.min()
        return other + 0.125 if torch.equal(other, x) else other
    if x.is_complex():
        other = (x.flip(-1) if x.ndim > 2 else x) * 3
        return other + 0.125 if torch.equal(other, x) else other
    return x


def another_text(text: Text) -> Tensor:
    """Codes (1, L) of another text that the model can take: one token in the place of all that are explained.

    What is special stays. Where all are the same, mask tokens are others, if there are any.
    """
    special = np.isin(text.ids, np.array(getattr(text.vocabulary, "all_special_ids", ()), dtype=np.int64))
    placed = text.spans[:, 1] > text.spans[:, 0]
    inside = np.flatnonzero(text.explained & ~special & (placed | ~placed.any()))
    codes = np.arange(len(text.ids))
    codes[inside] = inside[:1].repeat(len(inside))
    if (text.ids[codes] == text.ids).all() and text.has_mask:
        codes[inside] = text.codes.mask_token(inside)
    return torch.from_numpy(codes)[None]


def problem(run: Callable[[Tensor], Tensor], x: Tensor, other: Tensor, alone: Tensor, size: int) -> str:
    """Why a batch does not give an input the scores that it has alone, or `""`; `RANDOM` if two calls do not agree.

    Parameters
    ----------
    run
        Batch (N, …) → scores (N, K, …).
    x, other
        The input (1, …), and one or some that differ (n, …).
    alone
        The scores of the input.
    size
        Of the batch, at least 2.
    """
    place = min(1, size - 1)  # in the middle: a model may mix from the first on, or from the last
    rows = [other[[number % len(other)]] for number in range(size)]
    rows[place] = x
    try:
        mixed = run(torch.cat(rows))[place : place + 1]
    except Exception as error:
        try:
            equal = run(torch.cat([x] * size))
        except Exception:
            return _raising(size, error)
        return "" if _near(equal, alone, _ROUGHLY) else MIXES  # it is the other input that cannot be taken
    if mixed.shape != alone.shape:
        return GROWS
    if is_close(mixed, alone):
        return ""
    # Other sums in batches of another size are no mixing: a batch of the same size rounds in the same way.
    equal = run(torch.cat([x] * size))
    if is_close(mixed, equal[place : place + 1]) and _near(equal, alone, _ROUGHLY):
        return ""
    again = run(x)
    if not is_close(again, alone):
        return "" if _near(again, alone, _SINGLE) else RANDOM
    return MIXES


def other_texts(text: Text, number: int) -> list[Tensor]:
    """Codes (n, L) of about so many other texts for models that read strings; the same again, where they are few.

    Each lacks one word, token or sentence, whichever is asked about, or ends early; a single word is masked, too, if it
    can be, and removed. The last but one has half of the tokens, as a model that cuts long texts may fill up no longer
    ones; the last has one word and no sign beside it: the shortest, whatever the model takes for words.
    """
    words, tokens, sentences = (text.masker(unit, "remove") for unit in ("word", "token", "sentence"))
    count, wordy = len(tokens.names), _are_wordy(tokens)
    several = [(masker, _are_wordy(masker)) for masker in (words, tokens, sentences) if len(masker.names) > 1]
    ways = [(*of, hidden) for of in several for hidden in _parts(len(of[0].names))]
    ways = [ways[place] for place in np.linspace(0, len(ways) - 1, max(number - 2, 0) if ways else 0).astype(np.intp)]
    found = [codes for way in ways for codes in _lacking(*way)]
    if len(words.names) < 2:
        for hide, times in (("mask token", number), ("remove", 1)):
            with contextlib.suppress(ValueError):  # there is no such token, or nothing can be left
                found += [codes for _, codes in text.masker("word", hide).batches(np.zeros((1, 1)))] * times
    if count > 1:  # one after the other, as batches are ordered by their lengths
        first, half = np.arange(count) == wordy.argmax(), np.arange(count) < (count + 1) // 2
        found += _lacking(tokens, wordy, ~(half | first)) + _lacking(tokens, wordy, ~first)
    return found


def _lacking(masker: TextMasker, wordy: np.ndarray, hidden: Any) -> list[Tensor]:
    """Codes (1, L) of a text with some of it hidden; none where no word is left."""
    keep = np.ones((1, len(wordy)), dtype=bool)
    keep[0, hidden] = False
    return [codes for _, codes in masker.batches(keep)] if keep[0, wordy].any() else []


def _parts(count: int) -> Iterator[slice]:
    """Places of so many features: of each by itself, and of the last few."""
    yield from (slice(place, place + 1) for place in range(count))
    yield from (slice(kept, None) for kept in range(count - 1, (count + 1) // 2, -1))


def _are_wordy(masker: TextMasker) -> np.ndarray:
    """(features,) bool: which hold a word; all, where none does."""
    wordy = np.array([bool(words_in(name)) for name in masker.names])
    return wordy | ~wordy.any()


def of_some(run: Callable[[Tensor], Tensor], rows: Tensor, mixed: Tensor, number: int) -> str:
    """Why rows (N, …) do not have together the scores `mixed` that each has alone, or `""`.

    So many are asked alone: the last, as what is too much for a batch may be cut off at its end, the one whose scores
    are least like the others', the one that is itself least like them, and some in between.
    """
    unlike = (mixed - mixed.nan_to_num().mean(0)).nan_to_num().abs().flatten(1).amax(1)
    scale = mixed.where(mixed.isfinite(), 0).abs().amax(0, keepdim=True)  # of each score
    spread = np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ALONE)).astype(int).tolist()
    first = [len(rows) - 1, int(unlike.argmax()), *_least_alike(rows)]
    for place in [*dict.fromkeys([*first, *spread])][: min(number, _MOST_ALONE)]:
        row, own = rows[place : place + 1], mixed[place : place + 1]
        alone = answer(run, row)
        if alone is None:
            return MIXES
        if own.shape[1:] != alone.shape[1:]:
            return GROWS
        if is_close(own, alone) or _are_close(own, alone, scale):
            continue
        # Other sums in batches of another size are no mixing: one of the same size rounds in the same way.
        equal = answer(run, row.repeat(len(rows), *[1] * (rows.ndim - 1)))
        if equal is not None and is_close(own, equal[place : place + 1]) and _near(equal, alone, _ROUGHLY):
            return ""  # others do so as well
        if not is_close(run(rows), mixed) or not is_close(run(row), alone):
            return ""  # it draws random numbers, which is told by others
        return MIXES
    return ""


def _least_alike(rows: Tensor) -> list[int]:
    """Which of the rows (N, F) of a table has the most unusual value, which a model may treat as an outlier."""
    if rows.ndim != 2 or not rows.is_floating_point():
        return []
    far = (rows - rows.nan_to_num().mean(0)).abs() / rows.nan_to_num().std(0, correction=0)
    return [int(far.nan_to_num(0, 0).amax(1).argmax())]


def of_rows(
    run: Callable[[Tensor], Tensor], rows: Tensor, alone: Tensor, what: str = "row", *, outside: bool = True
) -> Batches | None:
    """Whether rows of a table, or texts, (N, F) are run one by one, and whether `run` is random; None if it raises.

    Held are the first, whose scores are `alone`, the last, and the one whose scores in the batch are furthest from the
    first's; one that is taken in the batch and not alone is mixed, too. A model `outside` torch says itself that it
    takes no batches.

    Raises
    ------
    ValueError
        If only the others of a batch tell its rows apart, of a model outside torch.
    """
    try:
        mixed = run(rows)
    except Exception as error:
        each_alone = not outside and all(answer(run, row[None]) is not None for row in rows)
        return Batches(_raising(len(rows), error)) if each_alone else None
    if mixed.shape[1:] != alone.shape[1:]:  # which whoever asks for them is told
        return Batches()
    last = answer(run, rows[-1:])
    if last is None:
        return Batches(MIXES)
    if last.shape[1:] != alone.shape[1:]:
        return Batches(GROWS)
    own_scores = {0: alone, len(rows) - 1: last}
    far = (mixed - alone).nan_to_num().abs().flatten(1).amax(1)  # what is mixed in may leave some rows as they are
    for place in dict.fromkeys((0, len(rows) - 1, int(far.argmax()))):
        if place not in own_scores and is_close(mixed[place : place + 1], alone):
            continue  # it tells none of them apart
        own = own_scores[place] if place in own_scores else answer(run, rows[place : place + 1])
        if own is None:
            return Batches(MIXES)
        others = torch.cat([rows[:place], rows[place + 1 :]])
        differs = not is_close(mixed[place : place + 1], own)
        why = problem(run, rows[place : place + 1], others, own, len(rows)) if differs else ""
        if why == RANDOM:
            return Batches(random=True)
        if why:  # also where it takes no row twice, by which rounding is told from mixing
            if not all(is_close(run(rows), mixed) for _ in range(_AGAIN)):  # what it draws was the same by chance
                return Batches(random=True)
            break
    else:
        return Batches()
    # spread, as those side by side are alike
    some = np.linspace(1, len(rows) - 1, min(len(rows), _ONE_BY_ONE) - 1).astype(np.intp)
    each = (answer(run, rows[place : place + 1]) for place in some)
    if outside and all(own is not None and is_close(own, alone) for own in each):
        score = "NaN" if bool(alone.isnan().any()) else "the same"
        softmax = "" if what == "row" else ", or divides by their sum (a softmax over the wrong axis)"
        raise ValueError(
            f"model: its score of a {what} depends on which {what}s are asked with it, and the score of each {what} "
            f"alone is {score}: it computes something of all {what}s that it gets, such as their mean{softmax}, or "
            f"fits to them (fit_transform); let it use what was learnt from the training {what}s, such as "
            f"{'scaler' if what == 'row' else 'vectorizer'}.transform"
        )
    return Batches(MIXES)


def answer(run: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor | None:
    """What a model says of rows, or None if it raises: whoever asks for such rows is told why."""
    try:
        return run(rows)
    except Exception:
        return None


def _raising(size: int, error: Exception) -> str:
    """What is said of a batch that raises."""
    said = str(error.__cause__ or error).strip().partition("\n")[0]
    return f"a batch of {size} raises {type(error.__cause__ or error).__name__} ({said})"


def is_close(scores: Tensor, wanted: Tensor) -> bool:
    """Whether they differ by no more than rounding."""
    if not wanted.is_floating_point():
        return _near(scores, wanted, 0.0)
    step = torch.finfo(wanted.dtype).eps
    return _near(scores, wanted, step * (_ROUNDED_IN_HALF if wanted.dtype.itemsize < 4 else _ROUNDED))


def _are_close(scores: Tensor, wanted: Tensor, scale: Tensor) -> bool:
    """Whether they differ by no more than rounding of scores that are as large as these."""
    if not wanted.is_floating_point():
        return False
    gap, most = (scores - wanted).abs(), _ROUNDED * torch.finfo(wanted.dtype).eps
    return bool(((gap <= most * scale) | (scores == wanted) | (scores.isnan() & wanted.isnan())).all())


def _near(scores: Tensor, wanted: Tensor, share: float) -> bool:
    wanted, scores = wanted.expand_as(scores), scores.to(wanted.dtype)
    # what is the same in both leaves no room to the others: −10⁹, say, which masks what is not to be chosen
    if wanted.dtype == torch.bool:
        wanted, scores = wanted.byte(), scores.byte()
    other = wanted[torch.isfinite(wanted) & (scores != wanted)]
    largest = float(other.abs().max()) if other.numel() else 0.0
    return math.isfinite(largest) and torch.allclose(scores, wanted, rtol=share, atol=share * largest, equal_nan=True)
