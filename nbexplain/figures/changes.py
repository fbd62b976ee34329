"""Counterfactuals as lines of words: what changes, and what becomes of the score. All lengths are points."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from nbexplain.core.explanation import Explanation
from nbexplain.figures.text import GREY, INK, LINE_HEIGHT, wrap, write
from nbexplain.figures.words import rounded
from nbexplain.inputs import Array, Tabular

AXES = ("counterfactual", "feature")
_SIZE, _GAP = 8.5, 3.0


def lines_of(explanation: Explanation, x: Array | None) -> tuple[str, ...]:
    """A line for each counterfactual, or one that says that there is none.

    Raises
    ------
    ValueError
        If it is one of a row, and the row is not given.
    """
    lines = []
    for number, values in enumerate(explanation.values):
        if explanation.quantity != "value":
            what = "without " + ", ".join(f"“{explanation.names[n]}”" for n in np.flatnonzero(values == 0))
        elif isinstance(x, Tabular) and x.names == explanation.names:
            here = x.tensor[0].tolist()
            changed = [n for n, value in enumerate(values.tolist()) if value != here[n]]
            said = [(x.columns[n].name, *x.columns[n].said_apart([here[n], values[n]])) for n in changed]
            what = ", ".join(f"{name} {old} → {new}" for name, old, new in said)
        else:
            raise ValueError("x: the row that was explained is needed, to tell what changes; give figure(…, x=row)")
        lines.append(f"{number + 1}   {what}   ({_score(explanation, number)})")
    return tuple(lines) or ("none found",)


def _score(explanation: Explanation, number: int) -> str:
    assert explanation.scores is not None
    scores, target = explanation.scores[number], explanation.target
    after = float(scores[target] if isinstance(target, int) and target < len(scores) else scores[0])
    return f"{explanation.score_name} {rounded(explanation.score or 0.0)} → {rounded(after)}"


def changes_height(lines: tuple[str, ...], width: float) -> float:
    """How high they are at a width."""
    return sum(len(wrap(line, width, _SIZE)) * _SIZE * LINE_HEIGHT + _GAP for line in lines)


def draw_changes(figure: Figure, left: float, top: float, width: float, lines: tuple[str, ...]) -> None:
    """Each below the other."""
    for line in lines:
        cut = wrap(line, width, _SIZE)
        write(figure, left, top, cut, _SIZE, colour=GREY if line == "none found" else INK)
        top += len(cut) * _SIZE * LINE_HEIGHT + _GAP
