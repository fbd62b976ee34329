"""list_layers: every layer tried once, with shape, channels, grid, and why it can't be used."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbexplain.core import hooks
from nbexplain.core.model import geometry
from nbexplain.core.model.geometry import Asking, Geometry
from nbexplain.core.twin import is_keras

_NOT_CLEAR = "which of its axes are channels and which are places is not clear (say it with axes=)"
_ELSEWHERE = "it does not depend on the input that is explained"


@dataclass(frozen=True)
class Layer:
    """One call of one module, as it was seen when the model ran on the input.

    Attributes
    ----------
    name
        Dotted module name; `name@2` is the second call of a module that is called several times, `name[1]` a further
        tensor that it returns.
    type
        Class name of the module.
    shape
        Output shape without the batch axis.
    axes
        What each axis of the output means, the batch axis first: `"n"` input, `"c"` channels, `"z"`, `"y"`, `"x"`
        depth, rows and columns, `"t"` tokens or time, `"."` neither.
    channels
        Number of channels.
    grid
        (depth, rows, columns), (rows, columns) or (places,) of the cells that span the input, or None where there is no
        spatial grid.
    prefix, suffix
        Tokens before and behind the grid (a class token, registers).
    order
        Sides of the grid in the order in which its tokens run over them, the last one fastest; `()` for row after row.
    calls
        How often the module is called.
    gradient
        Whether the gradient of the scores reaches this output.
    depends
        Whether it depends on the input that is explained.
    reason
        Why it cannot be used, or `""`.
    note
        Why it has no grid, where one might be expected, or `""`.
    """

    name: str
    type: str
    shape: tuple[int, ...] = ()
    axes: tuple[str, ...] = ()
    channels: int = 0
    grid: tuple[int, ...] | None = None
    prefix: int = 0
    suffix: int = 0
    order: tuple[int, ...] = ()
    calls: int = 0
    gradient: bool = False
    depends: bool = True
    reason: str = ""
    note: str = ""

    @property
    def usable(self) -> bool:
        return not self.reason

    @property
    def channel_axis(self) -> int | None:
        """Axis of the channels in the output (the batch axis is 0); None where no axis runs over channels."""
        return self.axes.index("c") if "c" in self.axes else None

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.axes, self.grid, self.prefix, self.suffix, self.order, self.note)

    @property
    def rows_and_columns(self) -> tuple[int, int]:
        """The grid that a cell (row, column) lies in; a signal has one row, a vector one cell."""
        rows, columns = (1, 1, *(self.grid or ()))[-2:]
        return rows, columns

    @property
    def call(self) -> int:
        """Which call of its module it is, from 0."""
        call = split(self.name)[1]
        return self.calls - 1 if call is None else call

    @property
    def key(self) -> tuple[str, int | None]:
        """The name and the call under which the output is recorded."""
        return split(self.name)

    def as_channels(self, output: Tensor) -> Tensor:
        """The layer's output (N, …) as (N, channels, *grid); without a grid as (N, channels, places)."""
        return self.geometry.arranged(output)


def describe(
    records: hooks.Records,
    modules: Mapping[str, nn.Module],
    asking: Asking,
    *,
    axes: Mapping[str, str],
    gradient: Container[hooks.Call],
    depends: Container[hooks.Call],
) -> tuple[Layer, ...]:
    """All calls of a pass, in the order in which they ended: their channels and their grids.

    Parameters
    ----------
    records
        What was recorded, with outputs of one input each.
    modules
        Name → module.
    asking
        What the network is asked by, where nothing else tells.
    axes
        Pattern of a layer's name → the user's letters for its axes.
    gradient, depends
        Calls that a gradient of the scores reaches, and those that depend on the explained input.
    """
    found = _geometries(records, modules, asking, axes, depends)
    rows = []
    for name, call in records.order:
        calls = len(records.calls[name])
        output = records.calls[name][call]
        label = name if calls == 1 else f"{name}@{call + 1}"
        known = found.get((name, call))
        reason = _reason(output) or ("" if known else _no_input_axis(output, (name, call) in depends))
        shape = tuple(output.shape[1:]) if output.ndim and output.shape[0] == 1 else tuple(output.shape)
        known = known if known is not None and not reason else Geometry(())
        channels = 0 if reason else geometry.channels(known, output.shape)
        rows.append(
            Layer(
                label,
                type(modules[plain_name(name, modules)]).__name__,
                shape=shape,
                axes=known.axes,
                channels=channels,
                grid=known.grid,
                prefix=known.prefix,
                suffix=known.suffix,
                order=known.order,
                calls=calls,
                gradient=(name, call) in gradient,
                depends=(name, call) in depends,
                reason=reason,
                note=known.note,
            )
        )
    return tuple(rows)


def _reason(output: Tensor) -> str:
    if not output.is_floating_point():
        return f"its output is {output.dtype}, not floating point"
    if output.numel() == 0:
        return "its output is empty"
    return ""


def _no_input_axis(output: Tensor, depends: bool) -> str:
    shape = tuple(output.shape)
    if not depends:
        return _ELSEWHERE
    if not shape:
        return "its output is a single number"
    return (
        f"its output of shape {shape} has no batch axis of one input: the first axis holds {shape[0]} parts of it, "
        "such as windows, frames or regions"
    )


def _geometries(
    records: hooks.Records,
    modules: Mapping[str, nn.Module],
    asking: Asking,
    axes: Mapping[str, str],
    depends: Container[hooks.Call],
) -> dict[hooks.Call, Geometry]:
    """The geometry of each call whose output has an axis of one input."""
    outputs = {call: records.calls[call[0]][call[1]] for call in records.order}
    usable = {call: out for call, out in outputs.items() if not _reason(out) and geometry.has_input_axis(out.shape)}
    asking.learn_source([out for call, out in usable.items() if out.ndim > 2 and call in depends][:_FIRST])
    found: dict[hooks.Call, Geometry] = {}
    shapes: dict[object, Geometry | None] = {}  # what is known of outputs of one shape
    tries: dict[object, int] = {}
    looked: set[object] = set()
    turned: set[object] = set()  # shapes and types of outputs whose sides are not those that the type says
    waiting: list[tuple[hooks.Call, Tensor, object]] = []
    for call, output in usable.items():
        module = modules[plain_name(call[0], modules)]
        known = _told(call[0], output, asking, axes)
        if known is None and call not in depends:
            known = geometry.plain(module, output.shape)
            if known is None or known.grid is not None:
                known = Geometry(geometry.by_convention(output.shape), note=_ELSEWHERE)
            found[call] = known
            continue
        known = known or _inherited(call, output, module, records, outputs, found)
        key: object = (tuple(output.shape), type(module))
        if known is None:
            known = geometry.plain(module, output.shape)
            if known is not None and len(known.grid or ()) > 1 and _is_fresh(call, module, records):
                # what it took may have been transposed or turned on the way
                if ("plain", key) not in looked:
                    looked.add(("plain", key))
                    if asking.contradicts(output, known):
                        turned.add(key)
                known = None if key in turned else known
        if known is None:
            known = shapes.get(tuple(output.shape)) or shapes.get(key)
            if known is not None and "t" in known.axes and _is_fresh(call, module, records) and key not in looked:
                looked.add(key)
                if not asking.puts_in_order(output, known):
                    shapes = {other: one for other, one in shapes.items() if one is not None and "t" not in one.axes}
                    known = None
        if known is None and tries.get(key, 0) < _TRIES:
            tries[key] = tries.get(key, 0) + 1
            known = asking.ask(output)
            if known is not None and "t" in known.axes and not asking.puts_in_order(output, known):
                known = None
        if known is None:
            waiting.append((call, output, key))
            continue
        found[call] = known
        asking.learn(output, known)
        shapes.setdefault(key, known)
        if geometry.is_unmistakable(known, output.shape):
            shapes.setdefault(tuple(output.shape), known)
    for call, output, key in waiting:
        alike = shapes.get(tuple(output.shape)) or shapes.get(key)
        alike = alike or next((g for k, g in shapes.items() if k[0] == tuple(output.shape)), None)  # type: ignore[index]
        found[call] = alike or Geometry(geometry.by_convention(output.shape), note=_NOT_CLEAR)
    return found


def _is_fresh(call: hooks.Call, module: nn.Module, records: hooks.Records) -> bool:
    """Whether what a module took was made by none: its tokens may stand in another order than before."""
    return call not in records.taken and next(module.children(), None) is None


_LEAST = 3  # cells a side, below which a map says little of where
_FIRST, _TRIES = 12, 4  # outputs that may tell the input's axes; of one shape and type, those that are asked


def _told(name: str, output: Tensor, asking: Asking, axes: Mapping[str, str]) -> Geometry | None:
    for pattern, letters in axes.items():
        if fnmatch.fnmatchcase(name, pattern):
            return asking.told(output, geometry.parsed(name, letters, output.shape))
    return None


def _inherited(
    call: hooks.Call,
    output: Tensor,
    module: nn.Module,
    records: hooks.Records,
    outputs: Mapping[hooks.Call, Tensor],
    found: Mapping[hooks.Call, Geometry],
) -> Geometry | None:
    """That of the very same tensor; or of what a module of torch took, as these keep their axes in order."""
    same, source = records.same.get(call), records.taken.get(call)
    if same is not None and same in found:
        return found[same]
    keeps = type(module).__module__.startswith("torch.nn.modules.") and not any(True for _ in module.children())
    if keeps and source is not None and source in found and outputs[source].shape == output.shape:
        return found[source]
    return None


class Reach:
    """Whether a backward pass from `scores` comes to a tensor."""

    def __init__(self, scores: Tensor) -> None:
        nodes = hooks.graph_nodes(scores)
        self._leaves = {id(node.variable) for node in nodes if hasattr(node, "variable")}
        self._numbers = {node._sequence_nr() for node in nodes if not hasattr(node, "variable")}

    def __call__(self, tensor: Tensor) -> bool:
        if tensor.grad_fn is None:
            return id(tensor) in self._leaves
        return tensor.grad_fn._sequence_nr() in self._numbers


def candidates(layers: Sequence[Layer]) -> list[Layer]:
    """Layers for CAMs: with a grid of 3 × 3 or more if there are any, channels, and a gradient; the last first."""
    fitting = [row for row in layers if row.usable and row.gradient and row.depends and row.grid is not None]
    large = [row for row in fitting if min(row.grid or ()) >= _LEAST]
    long = [row for row in fitting if max(row.grid or ()) >= _LEAST]
    return (large or long or fitting)[::-1]


def without_gradient(layers: Sequence[Layer], *, grid: bool) -> Layer | None:
    """The last layer that lacks nothing but the gradient, or None."""
    fitting = [
        row for row in layers if row.usable and row.depends and not row.gradient and (row.grid is not None or not grid)
    ]
    return fitting[-1] if fitting else None


def nearest(name: str, names: Iterable[str]) -> str:
    """A sentence with the nearest valid names, for error messages."""
    names = list(names)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[-3:]
    return "nearest: " + ", ".join(repr(n) for n in close) if close else "there are none"


def split(name: str) -> tuple[str, int | None]:
    """`"relu@2"` → (`"relu"`, 1); without `@` the call is None, which stands for the last."""
    plain, at, number = name.rpartition("@")
    return (plain, int(number) - 1) if at and number.isdigit() and int(number) > 0 else (name, None)


def unprefixed(name: str, modules: Container[str]) -> str:
    """Names of a wrapped model (`module.layer4`, `_orig_mod.layer4`) mean the same layer."""
    while split(name)[0] not in modules and name.startswith(("module.", "_orig_mod.")):
        name = name.split(".", 1)[1]
    return name


def plain_name(name: str, modules: Container[str]) -> str:
    """`"body[1]"` → `"body"`: the module that returns a tensor."""
    while name not in modules and "[" in name:
        name = name[: name.rindex("[")]
    return name


def module_names(model: nn.Module) -> dict[str, nn.Module]:
    """Name → module for every module that can be called; the model itself and mere containers are left out.

    A Keras model keeps its layers in a list, under names of their own.
    """
    if is_keras(model):
        return dict(_keras_layers(model))
    return {
        name: module
        for name, module in model.named_modules()
        if name and not isinstance(module, (nn.ModuleList, nn.ModuleDict, nn.ParameterList, torch.jit.ScriptModule))
    }


def _keras_layers(model: nn.Module, before: str = "") -> Iterable[tuple[str, nn.Module]]:
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, nn.Module) and isinstance(getattr(layer, "name", None), str):
            yield f"{before}{layer.name}", layer
            yield from _keras_layers(layer, f"{before}{layer.name}.")
