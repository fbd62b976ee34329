"""explain: the whole thing without a widget."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor, nn

import nbexplain.core.dataset
import nbexplain.core.inside
import nbexplain.core.methods
import nbexplain.core.table  # noqa: F401  registers the methods
from nbexplain.core import registry
from nbexplain.core.ask import ask
from nbexplain.core.explanation import Explanation
from nbexplain.core.layers import Layer
from nbexplain.core.price import price_of
from nbexplain.core.subject import Subject
from nbexplain.core.subjects import Subjects
from nbexplain.core.target import called_like
from nbexplain.core.twin import twin
from nbexplain.inputs import Key, as_input
from nbexplain.inputs.source import Source

_LONG = 10.0  # seconds: answers that take longer say before what they will cost


def explain(
    model: nn.Module,
    x: Any,
    method: str = "grad_cam",
    *,
    target: Any = None,
    layer: str | None = None,
    channel: int | None = None,
    cell: tuple[int, int] | None = None,
    preprocess: Callable[[Any], Any] | None = None,
    part: Key | None = None,
    forward: Callable[[nn.Module, Any], Any] | None = None,
    scores: Callable[[Any], Tensor] | str | None = None,
    axes: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    **params: Any,
) -> Explanation:
    """Explain one input with one method.

    Parameters
    ----------
    model
        A `torch.nn.Module`. It comes out untouched: modes, hooks, gradients and statistics stay as they were.
    x
        A picture (PIL, path, array), a tensor (1, …), or a dict or tuple of tensors; for methods that are asked of
        all inputs together, a list of these, a folder of images or a data set, as for `Session`.
    method
        A key of `METHODS`.
    target
        What is explained: a class, by its number or its name in `classes`, or as True or False where these are the
        classes; a `Region` of a map of scores, where a class alone stands for the mean of its scores where it is
        predicted; a tuple of indices into a larger output, a mask of its shape, or a callable scores (N, K, …) → (N,),
        which is asked anew by each question, as it may use what has changed.
        None stands for the class with the highest score, of a map for the class that has it at most places.
    layer
        Dotted module name; None stands for the last layer with a spatial grid.
    channel
        For methods that look at one channel.
    cell
        (row, column) in the layer's grid, for methods that look at one cell. None stands for the one in the middle.
    part
        Which of several inputs is explained: key of the dict, index of the tuple. None stands for the one that looks
        like an image, else like a text, else the first of floating point; `warnings` say which.
    preprocess, forward, scores
        The user's transform of `x`, call and way to the scores; see `Subject`. `scores="sigmoid"` where an input may
        have several labels or none: each score is then the probability of one by itself, made of a logit by a sigmoid
        unless it is one already. A tensor (1, C, H, W) is no longer put
        through `preprocess`, which is then asked where black and white lie; any other tensor is.
    axes
        Layer names → letters for the axes of their outputs, where the network does not tell them; see `Subject`.
    classes
        Names of the scores; two, for a model that gives one number, make both classes of it; see `Subject`.
    **params
        Parameters of the method.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit, naming the argument, what came and what was expected.
    """
    if not isinstance(method, str) and (key := next((k for k in (model, x) if _is_key(k)), None)) is not None:
        raise TypeError(f"method: {key!r} came before the others; the order is explain(model, x, {key!r})")
    if not isinstance(method, str):
        raise TypeError(f"method: expected a key of METHODS, got {method!r}")
    chosen = registry.find(method)
    chosen.check_params(params)
    seen = twin(model, watched=False)
    ways: dict[str, Any] = {"forward": forward, "scores": scores, "axes": axes, "classes": classes}
    subjects: Subject | Subjects
    if chosen.over_inputs:
        subjects = Subjects(
            Source(x, "x"),
            lambda one: as_input(one, preprocess, part),
            lambda taken: Subject(seen, taken, **ways),
        )
    else:
        subjects = Subject(seen, x, preprocess=preprocess, part=part, **ways)
    if isinstance(subjects, Subject):
        _say_price(subjects, chosen, target, params)
    steps = ask(subjects, method, target=target, layer=layer, channel=channel, cell=cell, params=params)
    answer = next(steps)
    for answer in steps:  # noqa: B007  only the last one is the answer, and no other is kept
        pass
    if isinstance(subjects, Subject) and isinstance(target, (int, np.integer)):
        return replace(answer, warnings=(*answer.warnings, *_ambiguous(int(target), subjects)))
    return answer


def _ambiguous(target: int, subject: Subject) -> list[str]:
    """What is said where a class is asked for by a number that another one is called."""
    with subject.undisturbed():
        names = () if len(subject.scores().shape) != 2 else subject.names
    other = called_like(target, names)
    if other is None:
        return []
    return [f"target: {target} is the class at that place, {names[target]!r}; target={other!r} asks for the other one"]


def _say_price(subject: Subject, chosen: registry.Method, target: Any, params: Mapping[str, Any]) -> None:
    """Say on stderr, as shap's progress bars are, what an answer that takes long will cost."""
    if chosen.price is None or chosen.reason_for(subject.input.kind):
        return
    with subject.undisturbed():
        checked = chosen.check_params(params, subject.input.kind, subject.places)
        price = price_of(subject, chosen, target, checked, least=_LONG)
    if price is not None:
        sys.stderr.write(f"{chosen.label}: {price}\n")
        sys.stderr.flush()


def list_layers(
    model: nn.Module,
    x: Any,
    *,
    preprocess: Callable[[Any], Any] | None = None,
    part: Key | None = None,
    forward: Callable[[nn.Module, Any], Any] | None = None,
    scores: Callable[[Any], Tensor] | None = None,
    axes: Mapping[str, str] | None = None,
) -> Layers:
    """Every layer of `model`, tried once on `x`, in the order in which they finish.

    Returns
    -------
    Layers
        A sequence of `Layer` with name, type, output shape, axes, spatial grid, calls, whether the gradient reaches it,
        and the reason why it cannot be used. `.suggested` is the name of the one to begin a CAM with.
    """
    subject = Subject(model, x, preprocess=preprocess, part=part, forward=forward, scores=scores, axes=axes)
    suggested = subject.suggested()
    return Layers(subject.layers(), suggested.name if suggested else None)


class Layers(tuple[Layer, ...]):
    """A sequence of layers that prints as a table; `suggested` is the name of the one to begin a CAM with, or None."""

    suggested: str | None

    def __new__(cls, rows: Iterable[Layer], suggested: str | None = None) -> Layers:
        made = super().__new__(cls, rows)
        made.suggested = suggested
        return made

    def __repr__(self) -> str:
        rows = [("layer", "type", "output", "axes", "channels", "grid", "gradient", "")]
        for row in self:
            shape, grid = ("×".join(map(str, part or ())) for part in (row.shape, row.grid))
            mark = row.reason or row.note or ("← suggested for CAMs" if row.name == self.suggested else "")
            reached = "yes" if row.gradient else "no"
            rows.append((row.name, row.type, shape, " ".join(row.axes), str(row.channels), grid, reached, mark))
        widths = [max(len(row[i]) for row in rows) for i in range(7)]
        return "\n".join(
            "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[7]]).rstrip() for row in rows
        )


def _is_key(given: Any) -> bool:
    return isinstance(given, str) and given in registry.METHODS
