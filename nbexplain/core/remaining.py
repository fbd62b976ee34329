"""Which methods are left where one cannot be used: none that would fail on this model and input as well."""

from __future__ import annotations

import contextlib
from typing import Any

from nbexplain.core.explanation import Target
from nbexplain.core.layers import Layer, without_gradient
from nbexplain.core.predictor import Predictor
from nbexplain.core.registry import METHODS, Method
from nbexplain.core.subject import NoLayers, Subject


def default_layer(subject: Subject, chosen: Method) -> Layer:
    """The layer that is suggested for CAMs if the method can use it, else the last that it can use.

    Raises
    ------
    NoLayers, NoGradient
        If there is none.
    """
    rows = [row for row in subject.layers() if row.usable]
    if not rows:
        raise NoLayers("layer: this model has no layers that can be looked into")
    suggested = subject.suggested()
    fitting = [row for row in rows if not chosen.reason(row)]
    if fitting:
        return suggested if suggested in fitting else fitting[-1]
    if chosen.gradient and (behind := without_gradient(rows, grid=chosen.grid)):
        raise subject.no_gradient(behind)
    unclear = next((row for row in reversed(rows) if row.note and row.depends), None)
    reason = f"of {unclear.name!r} {unclear.note}" if chosen.grid and unclear else chosen.reason(rows[-1])
    raise NoLayers(f"layer: no layer of this model can be used for {chosen.key}: {reason}")


def remaining(subject: Subject, target: Any = None) -> str:
    """Keys of the methods that can be asked of a subject with this target and nothing but their defaults, as words."""
    try:
        subject.layers()
    except NoLayers:
        pass
    except (RuntimeError, TypeError, ValueError):  # the model cannot take this input at all
        return "none"
    explained: Target | None = None
    if target is not None:
        with contextlib.suppress(TypeError, ValueError):  # of a target that does not fit it is told where it is asked
            explained = subject.target(target)
            subject.score(explained)
    return ", ".join(repr(m.key) for m in METHODS.values() if _can_be_asked(subject, m, explained))


def _can_be_asked(subject: Subject, method: Method, target: Target | None) -> bool:
    given = subject.input
    if method.reason_for(given.kind) or ("channel" in method.needs and "channel" not in method.optional):
        return False
    if method.kinds and given.kind == "table" and getattr(given, "background", None) is None:
        return False
    if isinstance(subject.twin.module, Predictor) and "layer" in method.needs:
        return False
    if "target" not in method.needs:
        target = None
    if method.of_class and target is not None and not isinstance(target, int):
        return False
    if "layer" not in method.needs and method.gradient and not subject.gets_gradient(target=target):
        return False
    try:
        layer = default_layer(subject, method) if "layer" in method.needs else None
        if layer is not None and method.gradient and not subject.gets_gradient(layer, target):
            return False
        return method.unfit is None or not method.unfit(subject, layer)
    except (ValueError, RuntimeError):  # what it would be told as well
        return False
