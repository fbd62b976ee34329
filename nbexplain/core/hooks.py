"""The only file that registers a hook. Every hook here is removed when its context ends, whatever happened inside.

Module backward hooks are not used at all: an in-place operation behind one raises. Gradients are asked of
`torch.autograd.grad`, which also leaves every `.grad` alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Cancelled(BaseException):
    """A run was told to stop. Not an `Exception`, so that no model's own `except Exception` can swallow it."""


class Stop:
    """The flag that cancels the run of one twin: the hooks below read it, the runner sets its event."""

    def __init__(self) -> None:
        self.event: threading.Event | None = None

    def check(self, *_: Any) -> None:
        if self.event is not None and self.event.is_set():
            raise Cancelled


def first_tensor(output: Any) -> Tensor | None:
    """The first tensor in a nested output (tuple, list, mapping, dataclass), or None."""
    if isinstance(output, Tensor):
        return output
    for part in _parts(output).values():
        found = first_tensor(part)
        if found is not None:
            return found
    return None


def replace_first(output: Any, new: Tensor) -> Any:
    """`output` with its first tensor replaced; containers are rebuilt, never written to."""
    if isinstance(output, Tensor):
        return new
    for key, part in _parts(output).items():
        if first_tensor(part) is None:
            continue
        part = replace_first(part, new)
        if isinstance(output, Mapping):  # before dataclass: a ModelOutput is both, and takes keywords
            parts = {**output, key: part}
            make: Any = type(output)
            return make(**parts) if dataclasses.is_dataclass(output) else make(parts)
        if dataclasses.is_dataclass(output) and not isinstance(output, type):
            return dataclasses.replace(output, **{key: part})
        items = [part if i == key else item for i, item in enumerate(output)]
        return type(output)(*items) if hasattr(output, "_fields") else type(output)(items)
    return output


def _parts(output: Any) -> dict[Any, Any]:
    if isinstance(output, Mapping):
        return dict(output)
    if isinstance(output, (tuple, list)):
        return dict(enumerate(output))
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return {f.name: getattr(output, f.name) for f in dataclasses.fields(output)}
    return {}


@contextmanager
def cancellable(roots: Iterable[nn.Module], stop: Stop) -> Iterator[None]:
    """Before each module of `roots` runs, look whether the run has been told to stop."""
    with _removing() as handles:
        for module in _modules(roots):
            handles.append(module.register_forward_pre_hook(stop.check))
        yield


def cancellable_for_good(roots: Iterable[nn.Module], stop: Stop) -> None:
    """The same for a twin, whose modules are ours alone: the hooks go when the twin goes."""
    for module in _modules(roots):
        module.register_forward_pre_hook(stop.check)


def cancellable_graph(root: Tensor, stop: Stop) -> None:
    """Let backward passes through the graph of `root` be cancelled between two of its nodes.

    The hooks live in the graph and go with it.
    """
    for node in graph_nodes(root):
        if not hasattr(node, "variable"):  # the node that ends at a parameter is shared with the user's own graphs
            node.register_prehook(stop.check)


def graph_nodes(root: Tensor) -> list[Any]:
    """All autograd nodes that a backward pass from `root` can reach."""
    found: dict[int, Any] = {}
    waiting = [root.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in found:
            continue
        found[id(node)] = node  # holding the node keeps its id valid
        waiting.extend(parents(node))
    return list(found.values())


def parents(node: Any) -> list[Any]:
    """The autograd nodes that a node hands gradients to; none, where its operation has no derivative."""
    if "NotImplemented" in node.name():  # such as those on quantised weights
        return []
    return [parent for parent, _ in node.next_functions if parent is not None]


@dataclasses.dataclass
class Records:
    """Outputs of named modules, in the order in which their calls ended.

    Attributes
    ----------
    calls
        Per module name, its first output tensor of each call.
    versions
        The tensors' version counters at that moment: one that has moved on was overwritten in place.
    """

    calls: dict[str, list[Tensor]] = dataclasses.field(default_factory=dict)
    versions: dict[str, list[int]] = dataclasses.field(default_factory=dict)

    def overwritten(self) -> set[str]:
        """Names of modules whose recorded output was changed in place after they returned it."""
        return {
            name
            for name, tensors in self.calls.items()
            if any(_version(t) != v for t, v in zip(tensors, self.versions[name], strict=True))
        }


@contextmanager
def recorded(
    modules: Mapping[str, nn.Module],
    *,
    separate: Collection[str] = (),
    leaf: tuple[str, int | None] | None = None,
    begin: bool = False,
) -> Iterator[Records]:
    """Record what the named modules return.

    Parameters
    ----------
    modules
        Name → module.
    separate
        Names whose output is handed on as a clone, so that later in-place operations leave the record alone.
    leaf
        (name, call): that output becomes a leaf of the graph that requires grad; nothing before it is recorded by
        autograd. This is what a gradient with respect to one layer needs, and it also serves frozen models. With
        call None every call becomes a leaf, which leaves the last one with all that comes after it.
    begin
        Let the graph begin at every output that no graph leads to (behind token ids, behind a detach).
    """
    records = Records()

    def hook(name: str) -> Callable[..., Any]:
        def record(_module: nn.Module, _args: Any, output: Any) -> Any:
            tensor = first_tensor(output)
            if tensor is None:
                return None
            calls = records.calls.setdefault(name, [])
            fresh = None
            asked = leaf in ((name, len(calls)), (name, None)) or (begin and not tensor.requires_grad)
            if asked and tensor.is_floating_point():
                tensor = (tensor.clone() if tensor.is_inference() else tensor).detach().requires_grad_()
                fresh = tensor.clone()
            elif name in separate:
                fresh = tensor.clone()
            calls.append(tensor)
            records.versions.setdefault(name, []).append(_version(tensor))
            return None if fresh is None else replace_first(output, fresh)

        return record

    with _removing() as handles:
        for name, module in modules.items():
            handles.append(module.register_forward_hook(hook(name)))
        yield records


@contextmanager
def switched_off(module: nn.Module, call: int, keep: Tensor, axis: int) -> Iterator[None]:
    """Let one call of a module return zeros in the channels where `keep` (N, channels) is False."""
    calls = 0

    def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
        nonlocal calls
        calls += 1
        tensor = first_tensor(output)
        if tensor is None or call != calls - 1:
            return None
        shape = [1] * tensor.ndim
        shape[0], shape[axis] = keep.shape
        return replace_first(output, torch.where(keep.view(shape), tensor, 0))

    with _removing() as handles:
        handles.append(module.register_forward_hook(hook))
        yield


@contextmanager
def neutral_embedding(module: nn.Module, neutral: Tensor) -> Iterator[None]:
    """Let the first embedding that is asked for (N, L) ids return its mean row where `neutral` (N, L) is True."""
    found = False

    def hook(embedding: nn.Module, args: Any, output: Any) -> Any:
        nonlocal found
        if found or not isinstance(output, Tensor) or first_tensor(args) is None:
            return None
        if output.shape[:2] != neutral.shape or output.ndim != 3:
            return None
        found = True
        assert isinstance(embedding.weight, Tensor)
        mean = embedding.weight.mean(0)
        return torch.where(neutral.to(output.device)[..., None], mean.to(output.dtype), output)

    with _removing() as handles:
        handles += [m.register_forward_hook(hook) for m in module.modules() if isinstance(m, nn.Embedding)]
        if not handles:
            raise ValueError("hide: the model has no nn.Embedding whose rows could be made neutral")
        yield
        if not found:
            raise ValueError(
                "hide: no nn.Embedding of the model was asked for the tokens, so none could be made neutral"
            )


class Reached(BaseException):
    """What is asked for is known: the rest of the pass need not run. No `Exception`, as with `Cancelled`."""


@dataclasses.dataclass
class Caught:
    """What one call of a module took and returned."""

    taken: Tensor | None = None
    returned: Tensor | None = None

    @staticmethod
    def together(caught: Sequence[Caught]) -> Caught:
        """What was caught of single inputs, as of one batch."""
        taken, returned = (
            [t for t in parts if t is not None] for parts in zip(*((c.taken, c.returned) for c in caught), strict=True)
        )
        return Caught(torch.cat(taken) if taken else None, torch.cat(returned) if returned else None)


@contextmanager
def caught(module: nn.Module, call: int) -> Iterator[Caught]:
    """Catch the first tensors that one call of a module takes and returns, and end the pass there."""
    caught = Caught()
    calls = 0

    def before(_module: nn.Module, args: tuple[Any, ...]) -> None:
        if call == calls:
            taken = first_tensor(args)
            caught.taken = None if taken is None else taken.detach().clone()  # it may be overwritten in place

    def after(_module: nn.Module, _args: Any, output: Any) -> None:
        nonlocal calls
        calls += 1
        if call == calls - 1:
            returned = first_tensor(output)
            caught.returned = None if returned is None else returned.detach().clone()
            raise Reached

    with _removing() as handles:
        handles.append(module.register_forward_pre_hook(before))
        handles.append(module.register_forward_hook(after))
        with contextlib.suppress(Reached):
            yield caught


@dataclasses.dataclass
class Survey:
    """What a pass over leaf modules showed.

    Attributes
    ----------
    largest, total
        Bytes of the largest output and of all outputs together, for planning chunks.
    handed_on
        Each call: the module that had just returned the very tensor that is taken, untouched since (else None), and
        the module called.
    """

    largest: int = 0
    total: int = 0
    handed_on: list[tuple[nn.Module | None, nn.Module]] = dataclasses.field(default_factory=list)


@contextmanager
def surveyed(root: nn.Module) -> Iterator[Survey]:
    """Look at every call of a leaf module of `root`."""
    survey = Survey()
    last: list[Any] = [None, None, 0]

    def before(module: nn.Module, args: tuple[Any, ...]) -> None:
        giver, given, version = last
        untouched = given is not None and args and args[0] is given and _version(given) == version
        survey.handed_on.append((giver if untouched else None, module))

    def after(module: nn.Module, _args: Any, output: Any) -> None:
        tensor = first_tensor(output)
        last[:] = module, tensor, _version(tensor)
        if tensor is not None:
            nbytes = tensor.numel() * tensor.element_size()
            survey.largest = max(survey.largest, nbytes)
            survey.total += nbytes

    with _removing() as handles:
        for module in _modules([root]):
            if not any(True for _ in module.children()):
                handles.append(module.register_forward_pre_hook(before))
                handles.append(module.register_forward_hook(after))
        yield survey


def _version(tensor: Tensor | None) -> int:
    return 0 if tensor is None or tensor.is_inference() else tensor._version


@contextmanager
def _removing() -> Iterator[list[torch.utils.hooks.RemovableHandle]]:
    handles: list[torch.utils.hooks.RemovableHandle] = []
    try:
        yield handles
    finally:
        for handle in handles:
            handle.remove()


def _modules(roots: Iterable[nn.Module]) -> list[nn.Module]:
    unique = {id(module): module for root in roots for module in root.modules()}
    return [module for module in unique.values() if not isinstance(module, torch.jit.ScriptModule)]


@contextmanager
def followed(
    root: nn.Module,
    before: Callable[[nn.Module], None],
    after: Callable[[nn.Module, tuple[Any, Any], Any], Any],
) -> Iterator[None]:
    """Follow every call of a module of `root`.

    `before(module)` ahead of it; `after(module, (args, keywords), output)` behind it, which may return another output.
    """

    def enter(module: nn.Module, _args: Any) -> None:
        before(module)

    def leave(module: nn.Module, args: Any, keywords: Any, output: Any) -> Any:
        return after(module, (args, keywords), output)

    with _removing() as handles:
        for module in _modules([root]):
            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave, with_kwargs=True))
        yield


def all_tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in a nested value (tuple, list, mapping, dataclass)."""
    if isinstance(value, Tensor):
        yield value
    for part in _parts(value).values():
        yield from all_tensors(part)
