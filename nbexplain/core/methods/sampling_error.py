"""How far a mean over few draws may be off."""

from __future__ import annotations

import numpy as np

from nbexplain.core.formatting import counted

_NORMAL = 1.96  # standard errors on each side that charts draw: 95 % of a normal distribution
_FEW_ORDERS = 5  # with fewer, intervals of features that act in rare orders miss in up to half of the draws
_ALONE = 0.9  # of the most that a single one of some draws can make of their variance: hardly any other differs
_FEW_TOLD = 8  # of fewer draws a single one often stands out by chance, but where all others are equal
_ONLY = 1 - 1e-9  # of that most: all others are equal
_MISSED_LESS = 12  # draws from which on what acts rarely is missed in a fifth of the draws; in two fifths before
_ALIKE = 0.5  # of the way to their mean: variances that go so far tell more than their own draws do
_FAR = 4  # times their mean: a variance that is as large is not like the others
_MATTERS = 0.02  # of the largest value: smaller errors are no reason for a warning
_HUGE = 1e60
_MISSED = 0.05  # probability that the largest share which may be missed is
_FEW_ROWS = 50  # with fewer, those of means that a few rows make miss in up to a fifth


def error_of_mean(draws: np.ndarray, *, features: int | None = None, left: float = 1.0) -> np.ndarray:
    """Standard errors of the mean over the first axis: 95 % of the intervals ± 1.96 errors hold what it is the mean of.

    The errors of few draws are wider by what Student's t is wider than the normal distribution. What a feature adds
    in each of a few orders is often the same until a rare order comes, which few orders do not show, but those of the
    other features do: with `features`, variances below their mean over that axis are drawn towards it, all the way
    where they differ by no more than such draws make them differ (see `_lent`), which counts as one degree of freedom
    more. Those above stay, since they are of the features that matter.

    Parameters
    ----------
    draws
        (n, …). Of a single one the errors are NaN.
    features
        The axis of the features in what is returned.
    left
        Share of all that could be drawn that was not, where nothing is drawn twice.
    """
    count = len(draws)
    if not left:
        return np.zeros(draws.shape[1:])
    if count < 2:
        return np.full(draws.shape[1:], np.nan)
    unit = unit_of(draws)
    draws = draws if unit == 1 else draws / unit
    variance, freedom = draws.var(0, ddof=1), count - 1
    if features is not None and variance.shape[features] > 1:
        variance, freedom = _lent(draws, variance, features), count
    errors: np.ndarray = np.sqrt(variance * left / count) * widening(freedom) * unit
    return errors


def _lent(draws: np.ndarray, variance: np.ndarray, axis: int) -> np.ndarray:
    """Variances (…) of the draws (n, …), those below their mean over an axis drawn towards it; see `_share`."""
    shared = variance.mean(axis, keepdims=True)
    lent: np.ndarray = variance + _share(draws, variance, axis) * np.maximum(shared - variance, 0)
    return lent


def _share(draws: np.ndarray, variance: np.ndarray, axis: int) -> np.ndarray:
    """How much of the way to their mean over an axis the variances (…) of draws (n, …) go: all, where they are alike.

    By the share Σ Var(variance) / Σ (variance − mean)², at most 1, which makes the expected square of what they are
    off the least (Opgen-Rhein and Strimmer 2007, doi:10.2202/1544-6115.1252). How much the variance of n draws varies
    is told by the draws, but taken to be no less than that of normal ones, which few draws would hide.
    """
    count, shared = len(draws), variance.mean(axis, keepdims=True)
    squares = (draws - draws.mean(0)) ** 2
    of_these = squares.var(0) * count**2 / (count - 1) ** 3
    of_normal = 2 * variance**2 / (count + 1)
    noise = np.maximum(of_these.sum(axis, keepdims=True), of_normal.sum(axis, keepdims=True))
    apart = ((variance - shared) ** 2).sum(axis, keepdims=True)
    share: np.ndarray = noise / np.maximum(np.maximum(apart, noise), np.finfo(float).tiny)
    return share


def error_of_mean_size(values: np.ndarray, errors: np.ndarray, shrunk: np.ndarray | None = None) -> np.ndarray:
    """Standard errors (features,) of the mean of |value| over rows, each value with an error of its own.

    The errors make |value| larger on average: the mean square of the values is too large by that of their errors. What
    this makes of the root of the mean square is taken for what it makes of the mean, and counts besides the spread
    over the rows.

    Parameters
    ----------
    values, errors
        (n, features) each.
    shrunk
        (n, features): the part of each error that makes a value smaller, and is known.
    """
    unit = unit_of(values)
    values, errors = values / unit, errors / unit
    shrunk = np.zeros(values.shape) if shrunk is None else shrunk / unit
    sizes = np.abs(values)
    square = np.maximum((values**2).mean(0), np.finfo(float).tiny)
    noise = (errors**2 - shrunk**2).mean(0)
    more = sizes.mean(0) * (1 - np.sqrt(np.maximum(1 - noise / square, 0)))
    found: np.ndarray = np.sqrt(error_of_mean(sizes) ** 2 + more**2 + np.abs(shrunk).mean(0) ** 2)
    return found * unit


def unit_of(values: np.ndarray) -> float:
    """A power of two in which no product of four of these is too large for a float; 1 for usual numbers."""
    largest = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
    return float(2.0 ** np.floor(np.log2(largest))) if _HUGE < largest < np.inf else 1.0


def error_of_share(hits: np.ndarray, of: np.ndarray | np.float64) -> np.ndarray:
    """Standard errors of the shares hits / of: share ± 1.96 errors hold Wilson's interval (1927), NaN of none.

    A few draws that all hit do not tell that every one would: near 0 and 1 the error is larger than √(p(1 − p)/n), and
    where it is told, it is called "standard error, Wilson".
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        share, more = hits / of, _NORMAL**2 / of
        half = _NORMAL * np.sqrt(share * (1 - share) / of + more / of / 4)
        errors: np.ndarray = (half + np.abs(0.5 - share) * more) / (1 + more) / _NORMAL
    return errors


def few_orders(count: int) -> tuple[str, ...]:
    """What must be said of errors that so few orders tell."""
    if count >= _FEW_ORDERS:
        return ()
    if count == 1:
        return ("one order does not tell how far the values may be off; two or more do",)
    return (
        f"{count} orders may be too few for the error bars, which miss more often than the 5 % they promise where a "
        f"feature acts in rare orders only; {_FEW_ORDERS} or more do better",
    )


def rare_orders(draws: np.ndarray, what: str) -> tuple[str, ...]:
    """What must be said where single ones of the draws (orders, features) make all of an error; see `error_of_mean`.

    `what` is one of the features, in words.
    """
    if not (found := int(are_rare(draws).sum())):
        return ()
    return (f"the error bars of {counted(found, what)} rest on {of_one(len(draws), each=found > 1)}",)


def are_rare(draws: np.ndarray) -> np.ndarray:
    """Of which features (features,) a single one of the draws (orders, features) makes all of the error.

    A feature that differs in one of 15 orders would differ in two or in none of others as well: how often it does is
    hardly known. Not where the features are alike and lend each other what they vary by.
    """
    count = len(draws)
    if count < _FEW_ORDERS:  # which is said by itself
        return np.zeros(draws.shape[1:], bool)
    draws = draws / unit_of(draws)
    squares = (draws - draws.mean(0)) ** 2
    whole = squares.sum(0)
    alike = (whole < _FAR * whole.mean()) & (_share(draws, whole / (count - 1), 0) > _ALIKE)
    matters = np.sqrt(whole) / count > _MATTERS * np.abs(draws.mean(0)).max(initial=0.0)
    most = (count - 1) / count * whole
    rare: np.ndarray = matters & ~alike & (squares.max(0) > (_ALONE if count >= _FEW_TOLD else _ONLY) * most)
    return rare


def of_one(count: int, *, each: bool) -> str:
    """What error bars rest on that `are_rare`, and what follows."""
    return (
        f"a single one of {count} orders{' each' * each}: of what acts in rare orders only they miss more often than "
        f"the 5 % they promise, some in {'a fifth' if count >= _MISSED_LESS else 'two fifths'} of the draws; more do "
        "better"
    )


def few_rows(count: int, among: int) -> tuple[str, ...]:
    """What must be said of errors of a mean over so few rows, drawn among others."""
    if count >= min(_FEW_ROWS, among):
        return ()
    return (
        f"{count:,} of {among:,} rows may be too few for error bars of means over them, which miss more often than the "
        f"5 % they promise where a few rows make most of a mean; {min(_FEW_ROWS, among):,} or more do better",
    )


def all_equal(count: int, among: int) -> tuple[str, ...]:
    """What must be said of rows, drawn among others, that are all alike, so that an error of their mean is 0.

    What happens in a share p of the rows is missed by all of n draws with probability (1 − p)ⁿ, in 5 % of the draws at
    the share that is said.
    """
    if count == among:
        return ()
    share = 1 - _MISSED ** (1 / count)
    return (
        f"all {count:,} rows that were drawn of {among:,} give the same: what happens in fewer than {share:.2g} of "
        "the rows may be missed, and the error bars cannot show it",
    )


def widening(freedom: float) -> float:
    """By how much Student's t with so many degrees of freedom is wider than the normal distribution, at 95 %."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975)) / _NORMAL
