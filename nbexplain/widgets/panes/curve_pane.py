"""ROC and precision–recall curve beside each other, with one threshold (twin of ``js/src/curve_pane.ts``)."""

from __future__ import annotations

import numpy as np
import traitlets

from nbexplain.widgets.panes.threshold import Threshold
from nbexplain.widgets.wire import Array, Bundled, reference

_STEPS = 1000  # of the threshold's slider, about
_POINTS = 600  # of a curve that are drawn


class CurvePane(Bundled):
    """Both curves, and the point of a threshold on them, which the page finds by itself.

    ``roc`` and ``precision_recall`` are arrays (2, points), the places of the curves; ``curve`` is (2, steps), the true
    and false positives at each step of the slider, and says in its ``meta`` what the steps are: `steps_of`. ``rates``
    are the words over the curves. All but the threshold are written by the kernel.
    """

    _bundle = "curve_pane"

    title = traitlets.Unicode("").tag(sync=True)
    roc = reference(Array)
    precision_recall = reference(Array)
    curve = reference(Array)
    threshold = reference(Threshold)
    rates = traitlets.List(traitlets.Unicode()).tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)


def thinned(points: np.ndarray) -> np.ndarray:
    """At most 600 of the points (2, P) of a curve, evenly spread along it, the first and the last among them."""
    if points.shape[1] <= _POINTS:
        return points
    along = np.append(0, np.cumsum(np.abs(np.diff(points)).sum(0)))
    chosen = np.searchsorted(along, np.linspace(0, along[-1], _POINTS))
    chosen[-1] = points.shape[1] - 1
    return points[:, np.unique(chosen)]


def steps_of(low: float, high: float) -> tuple[int, int, int, int]:
    """Round steps from a low to a high threshold: first, how many, and step = times / parts.

    The k-th threshold is (first + k) · times / parts, one of which is 1; in floats it is the same here and in the page.
    """
    rough = max(high - low, 1e-12) / _STEPS
    power = int(np.floor(np.log10(rough)))
    digit = next(d for d in (1, 2, 5, 10) if d * 10.0**power >= rough * (1 - 1e-9))
    times, parts = (digit * 10**power, 1) if power >= 0 else (1, 10**-power // digit)
    first, last = int(np.floor(low * parts / times)), int(np.ceil(high * parts / times))
    return first, last - first + 1, times, parts


def at_steps(
    scores_at: np.ndarray, true: np.ndarray, false: np.ndarray, steps: tuple[int, int, int, int]
) -> np.ndarray:
    """True and false positives (2, steps) at each step.

    Parameters
    ----------
    scores_at, true, false
        (P,): thresholds downwards from infinity, and the counts from each on, as `counts_by_threshold` gives them.
    """
    first, count, times, parts = steps
    thresholds = (first + np.arange(count)) * times / parts
    # the lowest score that is not below: with thresholds turned upwards, the first one that is at least as high
    place = len(scores_at) - 1 - np.searchsorted(scores_at[::-1], thresholds, side="left")
    return np.stack([true[place], false[place]])
