"""What one recorded pass tells of the layers: their axes, what depends on the input, and where a CAM begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbexplain.core import hooks, layers
from nbexplain.core import target as targets
from nbexplain.core.layers import Layer
from nbexplain.core.model.geometry import Asking, Geometry
from nbexplain.core.model.passages import Passages
from nbexplain.core.network import Network, Pass
from nbexplain.inputs import Array

_AT_ONCE = 8  # layers whose gradient is looked at together


@dataclass(frozen=True)
class LayerSurvey:
    """What is known of the layers of a model for inputs of one shape.

    Attributes
    ----------
    rows
        The layers, in the order in which they finish, and those that are not called.
    input_axes
        The roles of the axes of the explained input, where the network told them.
    suggested
        The layer to begin a CAM with: the last with a grid whose map is not empty for the highest class.
    raised
        Whether the backward pass that was tried for it raised.
    """

    rows: tuple[Layer, ...]
    input_axes: tuple[str, ...] | None
    suggested: Layer | None
    raised: bool


def axes_of_input(given: Array) -> tuple[str, ...] | None:
    """The role of each axis of an input; None where the network has to be asked, as of a signal or sequence."""
    sides, places = given.tensor.ndim, given.place_axes
    if sides == 2:
        return "n", "t"
    if sides == 3:
        return None
    roles = ["n", *"." * (sides - 1)]
    for axis, role in zip(places, "zyx"[-len(places) :], strict=False):
        roles[axis] = role
    rest = [axis for axis, role in enumerate(roles) if role == "."]
    if len(rest) == 1:
        roles[rest[0]] = "c"
    return tuple(roles)


def survey(
    network: Network,
    modules: Mapping[str, nn.Module],
    kept: Pass,
    overwritten: frozenset[str],
    axes: Mapping[str, str],
) -> LayerSurvey:
    """Ask a pass in which all modules are recorded; passes of the same shape in the same twin are asked once.

    Parameters
    ----------
    overwritten
        Names of records that were written over later; the gradient reaches a clone of them.
    axes
        Pattern of layer names → the user's letters.
    """
    records = kept.records
    known = network.twin.surveys
    signature = (network.way, tuple(axes.items()), _signature(kept))
    if signature not in known:
        reached = layers.Reach(kept.scores)
        gradient = {c for c in records.order if c[0] in overwritten or reached(records.calls[c[0]][c[1]])}
        source, geometry = _source(kept, network.given, modules)
        nodes = 0 if kept.batched or kept.input.ndim != 3 else kept.input.shape[1]
        asking = Asking(source, geometry, nodes)
        with network.computing(grad=True):
            depends = _depending(network, modules, kept, source)
            seen = kept.of_one_input()
            rows = layers.describe(seen, modules, asking, axes=axes, gradient=gradient, depends=depends)
            suggested, raised = _last_with_a_map(kept, rows, source)
        reason = "it is not called for this input, or returns no tensor"
        silent = [name for name in modules if name not in records.calls]
        rows = *rows, *(Layer(name, type(modules[name]).__name__, reason=reason) for name in silent)
        told = asking.geometry.axes if asking.geometry is not None and source is kept.input else None
        known[signature] = LayerSurvey(rows, told, suggested, raised)
    found: LayerSurvey = known[signature]
    return found


def _signature(kept: Pass) -> tuple[object, ...]:
    calls = ((c, *_kind(kept.records.calls[c[0]][c[1]])) for c in kept.records.order)
    return (*_kind(kept.input), *_kind(kept.scores), *calls)


def _kind(tensor: Tensor) -> tuple[object, ...]:
    return tuple(tensor.shape), tensor.dtype, tensor.requires_grad


def _source(kept: Pass, given: Array, modules: Mapping[str, nn.Module]) -> tuple[Tensor | None, Geometry | None]:
    """What the explained input is in the graph, and its geometry; None for that of a signal or sequence."""
    x = kept.input
    if x.requires_grad:
        roles = axes_of_input(given)
        if roles is None or "." in roles:
            return (x, None) if roles is None else (None, None)
        return x, Geometry(roles, tuple(x.shape[axis] for axis, role in enumerate(roles) if role in "zyxt"))
    return _embedded(kept, modules) if x.ndim == 2 else (None, None)


def _embedded(kept: Pass, modules: Mapping[str, nn.Module]) -> tuple[Tensor | None, Geometry | None]:
    """What stands for token ids (1, L) in the graph: their embedding, the largest table where none took them as is."""
    records, length = kept.records, kept.input.shape[1]
    outputs = {call: records.calls[call[0]][call[1]] for call in records.order}
    found = {call: out for call, out in outputs.items() if out.requires_grad and out.ndim == 3}
    tables: dict[hooks.Call, nn.Embedding] = {}
    for call in found:
        if isinstance(table := modules[layers.plain_name(call[0], modules)], nn.Embedding):
            tables[call] = table
    entered = [call for call in records.entries if call in found]
    by_size = sorted(tables, key=lambda call: -tables[call].num_embeddings)
    for call in [*(one for one in entered if one in tables), *by_size, *entered]:
        out = found[call]
        if out.shape[:2] == (length, 1) and length > 1:
            return out, Geometry(("t", "n", "c"), (length,))
        if len(out) != 1 or out.shape[1] < length:
            continue
        more = out.shape[1] - length
        if not more:
            return out, Geometry(("n", "t", "c"), (length,))
        if call not in tables or kept.input.max() >= tables[call].num_embeddings:
            continue
        rows = tables[call].weight.detach()[kept.input[0]]  # where they stand among what was put around them
        for before in range(more + 1):
            if torch.equal(out.detach()[0, before : before + length], rows.to(out)):
                return out, Geometry(("n", "t", "c"), (length,), before, more - before)
    return None, None


def _depending(
    network: Network, modules: Mapping[str, nn.Module], kept: Pass, source: Tensor | None
) -> set[hooks.Call]:
    """The calls whose output depends on the explained input; where the graph does not tell, another input does."""
    records = kept.records
    depends = hooks.Source(source) if source is not None else lambda _: False
    found = {call for call in records.order if depends(records.calls[call[0]][call[1]])}
    unknown = set(records.order) - found
    if not unknown:
        return found
    x = kept.input.detach()
    other = (
        x.flip(-1) + x.abs().amax() / 7 + 1 if x.dtype.is_floating_point else torch.full_like(x, int(x.flatten()[0]))
    )
    named = {name: modules[layers.plain_name(name, modules)] for name, _ in unknown}
    try:
        with hooks.recorded(named) as again:
            network.run(other, grad=False, clean=False)
    except Exception:  # an input that the model does not take: nothing is known
        return found | unknown
    return found | {
        call
        for call in unknown
        if call[1] >= len(again.calls.get(call[0], ()))
        or not _equal(again.calls[call[0]][call[1]], records.calls[call[0]][call[1]])
    }


def _equal(one: Tensor, other: Tensor) -> bool:
    one, other = (t.dequantize() if t.is_quantized else t.detach() for t in (one, other))
    return one.shape == other.shape and bool(torch.allclose(one, other, equal_nan=True))


def _last_with_a_map(kept: Pass, rows: tuple[Layer, ...], source: Tensor | None) -> tuple[Layer | None, bool]:
    """The last through which everything goes that its cells say of the score, where several of them say something.

    Everything goes through the output of a stage or a block. Where a head reads one token only, the other cells of the
    last block say nothing; inside that block, what they say goes through its first norm. Also whether the backward pass
    raised; then it is the last that fits.
    """
    fitting = layers.candidates(rows)
    if not fitting:
        return None, False
    fitting = _before_the_scores(kept, fitting) or fitting
    score = _usual_score(kept.scores)
    passed = Passages(score, source) if source is not None and score.grad_fn is not None else lambda _: True
    behind: list[tuple[Layer, Tensor]] = []  # those of which several cells count, but that something goes around
    for start in range(0, len(fitting), _AT_ONCE):
        group = fitting[start : start + _AT_ONCE]
        wanted = [kept.output(row) for row in group]
        try:
            gradients = torch.autograd.grad(score, wanted, retain_graph=True, allow_unused=True)
        except Exception:  # a backward pass that the model itself makes impossible: the layers are shown without one
            return fitting[0], True
        for row, gradient in zip(group, gradients, strict=True):
            if gradient is None or int(_cells(row, kept, gradient).any(1).sum()) < 2:
                continue
            if not passed(kept.output(row)):
                behind.append((row, gradient))
                continue
            whole = _cells(row, kept, gradient)
            return next((later for later, own in behind if _goes_through(later, own, row, whole, kept)), row), False
    return behind[0][0] if behind else fitting[0], False


def _before_the_scores(kept: Pass, fitting: list[Layer]) -> list[Layer]:
    """Those, the last first, without the scores themselves; of maps of scores also before they were enlarged."""
    classes = (kept.scores.shape[1], kept.scores.shape[-1]) if kept.scores.ndim > 2 else ()
    for at, row in enumerate(fitting):
        if kept.output(row) is not kept.scores and row.channels not in classes:
            return fitting[at:]
    return []


def _cells(row: Layer, kept: Pass, gradient: Tensor) -> Tensor:
    """(1, channels, cells)."""
    return row.as_channels(kept.one(gradient)).flatten(2)


def _goes_through(later: Layer, gradient: Tensor, row: Layer, whole: Tensor, kept: Pass) -> bool:
    """Whether all that the cells of a layer say of the score goes through one behind it."""
    (part,) = torch.autograd.grad(kept.output(later), kept.output(row), gradient, retain_graph=True, allow_unused=True)
    return part is not None and torch.allclose(
        _cells(row, kept, part), whole, rtol=1e-3, atol=1e-4 * float(whole.abs().max())
    )


def _usual_score(scores: Tensor) -> Tensor:
    try:
        return targets.score(scores, targets.resolve(None, scores.detach())).sum()
    except ValueError:  # such as those of a segmentation, which have no highest class
        return scores.sum()
