"""What a person reads of an answer: the status line's words."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from nbexplain.core.dataset.importance import of_target
from nbexplain.core.explanation import Explanation
from nbexplain.core.formatting import HUGE
from nbexplain.core.question import Answer, Question
from nbexplain.core.registry import METHODS
from nbexplain.core.table.matching import NoRows
from nbexplain.core.target import key_of, name_of
from nbexplain.inputs import Text
from nbexplain.inputs.table_column import numbers_apart
from nbexplain.session import Session

_LONG = 1e9  # from here on a number is written with its power of ten
_ON_AXES = ("x_low", "x_high", "y_low", "y_high")  # ends of a plane, which its picture shows
_ROUNDING = 1e-9  # of the largest value: a standard error below is none


def target_name(target: Any, session: Session, among: Sequence[Any] = ()) -> str:
    """The name of a class, with the region that it is explained over, or a description of another target.

    Where several `among` those that are compared are called alike, as two lambdas are, they are numbered.
    """
    x = session.inputs[session.selection.input]
    called = partial(name_of, classes=session.classes, places=x.tokens if isinstance(x, Text) else ())
    name, key = called(target), key_of(target)
    alike = list(dict.fromkeys(key_of(other) for other in among if called(other) == name))
    return f"{name} {alike.index(key) + 1}" if len(alike) > 1 and key in alike else name


def change_of(session: Session, target: int, before: np.ndarray, after: np.ndarray) -> str:
    """`brick heart 9.31 → 9.28`, with as many more decimals as it takes to tell the two apart.

    Of the scores (C,) of all classes; where another class is predicted than before, that is said: `, now palette 9.30`.
    """
    said = change_of_score(session, target, before[target], after[target])
    first = int(after.argmax())
    if session.facts.without_classes or session.facts.independent or first == before.argmax():
        return said
    return f"{said}, now predicted" if first == target else f"{said}, now {score_of(session, first, after[first])}"


def change_of_score(session: Session, target: Any, before: float, after: float) -> str:
    """`brick heart 9.31 → 9.28`, of any target."""
    was, now = numbers_apart([before, after], 2, lambda score, decimals: f"{score:.{decimals}f}")
    return f"{target_name(target, session)} {_minus(was)} → {_minus(now)}"


def score_of(session: Session, target: int, score: float) -> str:
    """`brick heart 9.31`."""
    return f"{target_name(target, session)} {_minus(f'{score:.2f}')}"


def summary(explanation: Explanation, session: Session, stopped: bool = False) -> str:
    """What was computed, for what, where, in how long and with how many passes; what was `stopped` is not going on."""
    parts = [METHODS[explanation.method].label + about(explanation, session)]
    if explanation.layer is not None:
        parts[0] += f" at {explanation.layer}"
    if explanation.channel is not None:
        parts[0] += f", channel {explanation.channel}"
    parts += [f"{name} {number(value)}" for name, value in explanation.details.items() if name not in _ON_AXES]
    if explanation.standard_error is not None:
        largest = explanation.standard_error.max()
        if not largest <= _ROUNDING * np.abs(explanation.values).max():  # else nothing was left to chance
            parts.append("error not known yet" if largest != largest else f"standard error up to {number(largest, 2)}")
    left = "" if stopped else time_left(explanation)
    parts.append(duration(explanation.seconds) + (f", about {left} left" if left else ""))
    parts.append(passes(explanation.passes))
    parts += ["stopped"] * stopped
    return " · ".join(parts)


def without_rows(question: Question, session: Session) -> str:
    """What is asked, where no row matches its filter."""
    of = "" if question.target is None else f" for {target_name(question.target, session)}"
    return f"{METHODS[question.method].label}{of}: no row matches the filter; the panes stay as they were"


def about(explanation: Explanation, session: Session) -> str:
    """` for dear (probability 0.93)`, ` for the prediction 6.45`; nothing where no score is explained.

    What is about the rows of a background is not about the score of one row.
    """
    if explanation.target is None or not of_target(explanation):
        return ""
    name = target_name(explanation.target, session)
    kind = "independent " * session.facts.independent + explanation.score_name
    if METHODS[explanation.method].over_rows:
        return f" for the {name}" if name == kind else f" for {name} ({kind})"
    score = "" if explanation.score is None else _minus(f" {explanation.score:.2f}")
    return f" for the {name}{score}" if name == kind else f" for {name}" + f" ({kind}{score})" * bool(score)


def number(value: float, digits: int = 3) -> str:
    """With so many digits; of hundreds and more, as far as they are read at a glance, those before the point."""
    whole = 100 <= abs(value) < _LONG or (float(value).is_integer() and abs(value) < HUGE)
    return _minus(f"{value:,.0f}" if whole else f"{value:.{digits}g}")


def _minus(number: str) -> str:
    """With the sign that the charts and the colour bars use."""
    return number.replace("-", "−")


def passes(taken: Mapping[str, int]) -> str:
    """How many passes of each kind it took, in words."""
    counts = [(taken.get(kind, 0), kind) for kind in ("forward", "backward")]
    said = [f"{count:,} {kind}" for count, kind in counts if count]
    many = sum(count for count, _ in counts) > 1
    return f"{' and '.join(said)} pass{'es' * many}" if said else "no pass: it was known"


def time_left(explanation: Explanation) -> str:
    """How long the rest will take at the pace so far; nothing for an answer."""
    done = explanation.progress
    return duration(explanation.seconds * (1 - done) / done) if 0 < done < 1 else ""


def duration(seconds: float) -> str:
    """`3.2 ms`, `240 ms`, `1.2 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f} ms"


def failure(answer: Answer) -> tuple[str, str]:
    """The error of an answer in a sentence, and its traceback."""
    assert answer.error is not None
    if isinstance(answer.error, NoRows):
        return f"{sentence(answer.error)}; the panes stay as they were", ""
    return sentence(answer.error), "".join(traceback.format_exception(answer.error))


def notice(answer: Answer) -> str:
    """What a pane says of its answer: why there is none, or no whole one.

    Of a filter that no row matches the filter bar tells.
    """
    if answer.state == "stopped":
        return stopped(answer.explanation)
    return "" if answer.error is None or isinstance(answer.error, NoRows) else sentence(answer.error)


def is_news(answer: Answer) -> bool:
    """Whether what a pane said of earlier answers is over, or it has something else to say."""
    return bool(notice(answer)) or answer.explanation is not None or answer.state == "running"


def missing(answer: Answer) -> str:
    """What a map says that is of an earlier question, or of none; how far it came stands beside its title."""
    return "" if answer.state == "stopped" and answer.explanation is not None else notice(answer)


def remark(answer: Answer) -> str:
    """The same in few words, beside a pane that says why there is no answer."""
    return "not answered, so it stays as it was" if notice(answer) and answer.error else notice(answer)


def stopped(explanation: Explanation | None) -> str:
    """How far an answer had come when it was stopped."""
    return "stopped before the first picture" if explanation is None else f"stopped at {explanation.progress:.0%}"


def sentence(error: Exception) -> str:
    """The message of an error, with its kind where that says more."""
    return str(error) if isinstance(error, (ValueError, TypeError, RuntimeError)) and str(error) else repr(error)
