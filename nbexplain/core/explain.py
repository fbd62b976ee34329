"""explain: the whole thing without a widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

import nbexplain.core.dataset
import nbexplain.core.inside
import nbexplain.core.methods  # noqa: F401  registers the methods
from nbexplain.core import registry
from nbexplain.core.ask import ask
from nbexplain.core.explanation import Explanation
from nbexplain.core.layers import Layer
from nbexplain.core.subject import Subject
from nbexplain.core.subjects import Subjects
from nbexplain.core.twin import twin
from nbexplain.inputs import as_input
from nbexplain.inputs.source import Source


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
    forward: Callable[[nn.Module, Any], Any] | None = None,
    scores: Callable[[Any], Tensor] | None = None,
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
        What is explained: a class index, a tuple of indices into a larger output, a mask of its shape, or a callable
        scores (N, K, …) → (N,). None stands for the class with the highest score.
    layer
        Dotted module name; None stands for the last layer with a spatial grid.
    channel
        For methods that look at one channel.
    cell
        (row, column) in the layer's grid, for methods that look at one cell. None stands for the one in the middle.
    preprocess, forward, scores
        The user's transform, call and way to the scores; see `Subject`.
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
    if not isinstance(method, str):
        raise TypeError(f"method: expected a key of METHODS, got {method!r}")
    chosen = registry.find(method)
    chosen.check_params(params)
    seen = twin(model, watched=False)
    subjects: Subject | Subjects
    if chosen.over_inputs:
        subjects = Subjects(
            Source(x, "x"),
            lambda one: as_input(one, preprocess),
            lambda taken: Subject(seen, taken, forward=forward, scores=scores),
        )
    else:
        subjects = Subject(seen, x, preprocess=preprocess, forward=forward, scores=scores)
    steps = ask(subjects, method, target=target, layer=layer, channel=channel, cell=cell, params=params)
    answer = next(steps)
    for answer in steps:  # noqa: B007  only the last one is the answer, and no other is kept
        pass
    return answer


def list_layers(
    model: nn.Module,
    x: Any,
    *,
    preprocess: Callable[[Any], Any] | None = None,
    forward: Callable[[nn.Module, Any], Any] | None = None,
    scores: Callable[[Any], Tensor] | None = None,
) -> Sequence[Layer]:
    """Every layer of `model`, tried once on `x`, in the order in which they finish.

    Returns
    -------
    Layers
        A sequence of `Layer` with name, type, output shape, channel axis, spatial grid, calls, whether the gradient
        reaches it, and the reason why it cannot be used. `.suggested` is the one to begin a CAM with.
    """
    return Layers(Subject(model, x, preprocess=preprocess, forward=forward, scores=scores).layers())


class Layers(tuple[Layer, ...]):
    """A sequence of layers that prints as a table."""

    @property
    def suggested(self) -> str | None:
        """Name of the last layer with a spatial grid that the gradient reaches."""
        from nbexplain.core.layers import suggest

        found = suggest(self)
        return found.name if found else None

    def __repr__(self) -> str:
        rows = [("layer", "type", "output", "channels", "grid", "gradient", "")]
        for row in self:
            shape, grid = ("×".join(map(str, part or ())) for part in (row.shape, row.grid))
            mark = row.reason or ("← suggested for CAMs" if row.name == self.suggested else "")
            rows.append((row.name, row.type, shape, str(row.channels), grid, "yes" if row.gradient else "no", mark))
        widths = [max(len(row[i]) for row in rows) for i in range(6)]
        return "\n".join(
            "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[6]]).rstrip() for row in rows
        )
