"""How far a mean over few draws may be off."""

from __future__ import annotations

import numpy as np

_NORMAL = 1.96  # standard errors on each side that charts draw: 95 % of a normal distribution
_LENT = 2  # draws' worth of variance that features lend each other


def error_of_mean(draws: np.ndarray, *, features: int | None = None, left: float = 1.0) -> np.ndarray:
    """Standard errors of the mean over the first axis: 95 % of the intervals ± 1.96 errors hold what it is the mean of.

    The errors of few draws are wider by what Student's t is wider than the normal distribution. What a feature adds
    in each of a few orders is often the same until a rare order comes: with `features`, variances are drawn towards
    their mean over that axis as by two more draws (a fixed weight, where Smyth 2004, doi:10.2202/1544-6115.1027,
    estimates it), which counts as one degree of freedom more, since features are off together.

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
    variance, freedom = draws.var(0, ddof=1), count - 1
    if features is not None:
        shared = variance.mean(features, keepdims=True)
        variance, freedom = (freedom * variance + _LENT * shared) / (freedom + _LENT), freedom + 1
    errors: np.ndarray = np.sqrt(variance * left / count) * widening(freedom)
    return errors


def widening(freedom: float) -> float:
    """By how much Student's t with so many degrees of freedom is wider than the normal distribution, at 95 %."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975)) / _NORMAL
