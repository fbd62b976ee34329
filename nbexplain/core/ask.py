"""ask: a question is checked against the model, put to a method, and its answers are completed."""

from __future__ import annotations

import dataclasses
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from torch import nn

from nbexplain.core import registry
from nbexplain.core import target as targets
from nbexplain.core.explanation import Explanation
from nbexplain.core.hooks import Cancelled
from nbexplain.core.layers import Layer, without_gradient
from nbexplain.core.methods.hiding import signs_note
from nbexplain.core.model.batches import is_close
from nbexplain.core.predictor import Predictor
from nbexplain.core.registry import Method
from nbexplain.core.remaining import default_layer, remaining
from nbexplain.core.subject import NoGradient, NoLayers, Subject
from nbexplain.core.table.labels import check_number

_DRAWS = "rich.style"  # the module of rich that draws when it is imported
_CHANGED = "what the callable makes of the same scores changed while this was computed, or is random: it mixes both"


def ask(
    subjects: Subject | Sequence[Subject],
    key: str,
    *,
    target: Any = None,
    layer: str | None = None,
    channel: int | None = None,
    cell: tuple[int, int] | None = None,
    params: Mapping[str, Any] | None = None,
) -> Iterator[Explanation]:
    """Check a question and answer it: one Explanation, or better and better ones.

    Methods that are asked of all inputs together get all subjects, the others the first.

    Raises
    ------
    TypeError, ValueError
        If the question does not fit the model, naming the argument.
    """
    chosen = registry.find(key)
    together = [subjects] if isinstance(subjects, Subject) else subjects
    subject = together[0]
    kind = subject.input.kind
    if reason := chosen.reason_for(kind):
        name, shape = registry.NAMES_OF_KINDS[kind], tuple(subject.input.tensor.shape)
        way = _as_row(subject) if "table" in chosen.kinds else ""
        left = remaining(subject, target)
        raise ValueError(f"x: {reason}, got {name} of shape {shape}{way}; methods that remain: {left}")
    checked = chosen.check_params(params or {}, kind, subject.places)
    passes = dict.fromkeys(subject.passes, 0)  # in our own steps: others may run between them
    begun_with = subject.twin
    started = time.perf_counter()
    steps: Iterator[Explanation] | None = None

    def begin() -> Iterator[Explanation]:
        with subject.undisturbed(), _counted(subject, passes), _random_kept():
            answer = chosen.function(together if chosen.over_inputs else subject, **arguments, **checked)
        return iter([answer]) if isinstance(answer, Explanation) else answer

    try:
        with subject.undisturbed(), _counted(subject, passes), _random_kept():
            arguments, row = _arguments(subject, chosen, target, layer, channel, cell)
            changed = _looked_anew(subject, arguments.get("target"))
        mixed = begun_with.mixed
        steps = begin()
        spent = time.perf_counter() - started
        while True:
            if subject.twin is not begun_with:
                raise Cancelled  # the weights are others now: going on would mix two networks in one answer
            resumed = time.perf_counter()
            with subject.undisturbed(), _counted(subject, passes), _random_kept():
                explanation = next(steps, None)
            if begun_with.mixed != mixed:  # what was seen until then holds scores of other inputs
                mixed = begun_with.mixed
                if hasattr(steps, "close"):
                    steps.close()
                subject.forget_kept()
                steps = begin()
                spent += time.perf_counter() - resumed
                continue
            with subject.undisturbed(), _counted(subject, passes), _random_kept():
                score = subject.score(arguments["target"]) if "target" in arguments else None
                signs: tuple[str, ...] = ()
                if explanation is not None and "unit" in checked and _is_whole(explanation):
                    signs = signs_note(subject, explanation, checked, arguments["target"])
                changes = changed()
                names = (
                    subject.score_name,
                    "score" if targets.is_function(arguments.get("target")) else subject.score_name,
                )
            if explanation is None:
                return
            spent += time.perf_counter() - resumed
            notes = explanation.warnings + signs + changes
            if not chosen.of_many_rows(checked):
                notes += _not_finite(explanation, score, names[1], chosen.gradient)
            yield dataclasses.replace(
                explanation,
                method=key,
                target=targets.asked(arguments.get("target")),
                layer=row.name if row else None,
                channel=arguments.get("channel"),
                cell=arguments.get("cell"),
                params=checked,
                score=score,
                score_name=names[1],
                quantity=explanation.quantity.replace(*names),  # what a function makes of probabilities may be anything
                warnings=(*subject.warnings, *_of_target(subject, arguments.get("target")), *notes),
                seconds=spent,
                passes=dict(passes),
            )
    except (NoGradient, NoLayers) as error:
        with subject.undisturbed():
            left = remaining(subject, target)
        outside = isinstance(subject.twin.module, Predictor)
        if outside and kind == "text":
            raise ValueError(
                f"method: {key!r} needs gradients, and none goes through a model that reads the text itself; methods "
                f"that remain: {left}"
            ) from error
        way = _as_row(subject) if outside else ""
        more = f"{way} with one of its methods" if way else ""
        raise ValueError(f"{error}; methods that remain: {left}{more}") from error
    finally:
        if steps is not None and hasattr(steps, "close"):
            steps.close()


def _looked_anew(subject: Subject, target: Any) -> Callable[[], tuple[str, ...]]:
    """Let nothing go on from what was kept of a callable, which may use what has changed since.

    Returns what says later whether it has changed again.
    """
    if not targets.is_function(target):
        return tuple
    subject.forget_of(target)
    clean = subject.scores()
    begun = targets.score(clean, target).detach()

    def changed() -> tuple[str, ...]:
        return () if is_close(targets.score(clean, target).detach(), begun) else (_CHANGED,)

    return changed


def _is_whole(explanation: Explanation) -> bool:
    """Whether it holds the last values of features."""
    return explanation.progress >= 1 and explanation.on == "features" and explanation.axes == ("feature",)


def _as_row(subject: Subject) -> str:
    """The call for an array (1, F) that may be a row of a table, or the ids of a text, or `""`."""
    given = subject.input
    whole = not given.tensor.is_floating_point() and not given.tensor.is_complex()
    if whole and given.tensor.ndim == 2 and any(isinstance(m, nn.Embedding) for m in subject.twin.module.modules()):
        return (
            "; if these are the ids of a text, try Text(text, tokenizer) with the text itself; if it is a row of a "
            "table, Tabular(x, background=table)"
        )
    return "; try Tabular(x, background=table)" if given.kind == "array" and given.tensor.ndim == 2 else ""


def _of_target(subject: Subject, target: Any) -> tuple[str, ...]:
    """What is said where one score of many is explained, and what the others are is not known."""
    if not isinstance(target, tuple) or subject.is_clear:
        return ()
    shape = tuple(subject.scores().shape[1:])
    return (f"which of the {shape} scores are classes and which places is not clear: the one at {target} is explained",)


def _not_finite(explanation: Explanation, score: float | None, name: str, gradient: bool) -> tuple[str, ...]:
    """What is said where the score of the input is no number, or the values are none that a gradient makes.

    In other answers NaN may stand for what is not known.
    """
    if score is not None and not np.isfinite(score):
        return (f"the {name} of this input is {'NaN' if np.isnan(score) else 'infinite'}, which no values explain",)
    if not gradient or explanation.progress < 1 or not (lost := int((~np.isfinite(explanation.values)).sum())):
        return ()
    made = "is NaN or infinite, as the gradient is of which it is made"
    many = "are NaN or infinite, as the gradients are of which they are made"
    return (f"{lost:,} of {explanation.values.size:,} values {made if lost == 1 else many}",)


@contextmanager
def _counted(subject: Subject, passes: dict[str, int]) -> Iterator[None]:
    """Add the passes that are run meanwhile."""
    before = dict(subject.passes)
    try:
        yield
    finally:
        for kind, count in subject.passes.items():
            passes[kind] += count - before[kind]


@contextmanager
def _random_kept() -> Iterator[None]:
    """Leave the numbers that Python's `random` draws next as they are where rich is imported, which draws some.

    scikit-learn imports it, when a method first needs that.
    """
    state = None if _DRAWS in sys.modules else random.getstate()
    try:
        yield
    finally:
        if state is not None and _DRAWS in sys.modules:
            random.setstate(state)


def _arguments(
    subject: Subject, chosen: Method, target: Any, layer: str | None, channel: Any, cell: Any
) -> tuple[dict[str, Any], Layer | None]:
    """The checked positional arguments of a method, and its layer."""
    arguments: dict[str, Any] = {}
    row: Layer | None = None
    if "layer" in chosen.needs:
        row = default_layer(subject, chosen) if layer is None else subject.layer(layer)
        reason = chosen.reason(row)
        if reason and chosen.gradient and without_gradient([row], grid=chosen.grid):
            raise subject.no_gradient(row)
        if reason:
            raise ValueError(f"layer: {row.name!r} cannot be used for {chosen.key}: {reason}")
        arguments["layer"] = row
    elif layer is not None:
        raise ValueError(f"layer: {chosen.key} does not look at a layer, got {layer!r}")
    elif chosen.gradient:
        subject.record()
    if "target" in chosen.needs:
        if chosen.labelled and target is None:
            check_number(subject)
        arguments["target"] = subject.target(target)
    elif target is not None:
        raise ValueError(f"target: {chosen.key} does not depend on what is explained, got {target!r}")
    if "channel" in chosen.needs:
        arguments["channel"] = _checked_channel(channel, row, optional="channel" in chosen.optional)
    elif channel is not None:
        raise ValueError(f"channel: {chosen.key} does not look at one channel, got {channel!r}")
    if "cell" in chosen.needs:
        assert row is not None, "a method that looks at a cell looks at its layer"
        arguments["cell"] = checked_cell(cell, row)
    elif cell is not None:
        raise ValueError(f"cell: {chosen.key} does not look at one cell, got {cell!r}")
    return arguments, row


def _checked_channel(channel: Any, row: Layer | None, *, optional: bool) -> int | None:
    count = row.channels if row else 0
    if channel is None and optional:
        return None
    if isinstance(channel, bool) or not isinstance(channel, (Integral, np.integer)):
        raise TypeError(f"channel: expected a whole number from 0 to {count - 1}, got {channel!r}")
    if not 0 <= int(channel) < count:
        raise ValueError(f"channel: {int(channel)} is out of range, expected 0 to {count - 1}")
    return int(channel)


def checked_cell(cell: Any, layer: Layer) -> tuple[int, int]:
    """(row, column) of a cell in the layer's grid; None stands for the one in the middle.

    Raises
    ------
    TypeError, ValueError
        If it is no pair of whole numbers, or lies outside the grid.
    """
    rows, columns = layer.rows_and_columns
    if cell is None:
        return rows // 2, columns // 2
    whole = isinstance(cell, (tuple, list)) and len(cell) == 2
    if not whole or any(isinstance(n, bool) or not isinstance(n, (Integral, np.integer)) for n in cell):
        raise TypeError(f"cell: expected (row, column), got {cell!r}")
    row, column = int(cell[0]), int(cell[1])
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(f"cell: ({row}, {column}) is outside the {rows}×{columns} cells of {layer.name!r}")
    return row, column
