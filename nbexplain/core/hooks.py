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


def main_tensor(output: Any) -> Tensor | None:
    """The first floating-point tensor in a nested output, else the first of any kind, or None."""
    return next((t for _, t in tensors_in(output) if t.is_floating_point()), first_tensor(output))


def tensors_in(output: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors in a nested output, each with where it is: `"[1]"`, `"[pooler_output]"`, `"[1][0]"`."""
    if isinstance(output, Tensor):
        yield path, output
        return
    for key, part in _parts(output).items():
        yield from tensors_in(part, f"{path}[{key}]")


def in_transform() -> bool:
    """Whether a transform of functions runs (`torch.vmap`, `torch.func.grad`).

    Its tensors stand for others, cannot be used after it, and cannot begin a graph: calls in there are left alone, and
    are not counted.
    """
    return torch._C._functorch.peek_interpreter_stack() is not None


def replace(output: Any, old: Tensor, new: Tensor) -> Any:
    """`output` with a tensor replaced wherever it is; containers are rebuilt, never written to."""
    if isinstance(output, Tensor):
        return new if output is old else output
    parts = _parts(output)
    fresh = {key: replace(part, old, new) for key, part in parts.items()}
    if all(fresh[key] is part for key, part in parts.items()):
        return output
    if isinstance(output, Mapping):  # before dataclass: a ModelOutput is both, and takes keywords
        make: Any = type(output)
        return make(**fresh) if dataclasses.is_dataclass(output) else make(fresh)
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return dataclasses.replace(output, **{key: fresh[key] for key, part in parts.items() if fresh[key] is not part})
    items = list(fresh.values())
    return type(output)(*items) if hasattr(output, "_fields") else type(output)(items)


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


def own_functions(root: Tensor) -> bool:
    """Whether a `torch.autograd.Function` of the user's is in the graph, whose backward may do anything."""
    return any(isinstance(node, torch.autograd.function.BackwardCFunction) for node in graph_nodes(root))


def ends_of_gradient(root: Tensor, source: Source) -> list[Any]:
    """The autograd nodes on the way from `root` to `source` that take a gradient and hand on none: one backward pass.

    Raises
    ------
    Exception
        Whatever the backward pass raises.
    """
    found: list[Any] = []

    def look(node: Any) -> Callable[..., None]:
        def hook(handed_on: tuple[Tensor | None, ...], taken: tuple[Tensor | None, ...]) -> None:
            towards = [
                gradient
                for (parent, _), gradient in zip(node.next_functions, handed_on, strict=False)
                if parent is not None and source.node(parent)
            ]
            if any(gradient is not None for gradient in taken) and all(gradient is None for gradient in towards):
                found.append(node)

        return hook

    assert source.source is not None
    with _removing() as handles:
        for node in graph_nodes(root):
            if source.node(node) and not hasattr(node, "variable"):
                handles.append(node.register_hook(look(node)))
        torch.autograd.grad(root.sum(), source.source, allow_unused=True)
    return found


class Source:
    """Whether a tensor depends on another one, as far as its graph tells."""

    def __init__(self, source: Tensor | None = None) -> None:
        self.source = source
        self._known: dict[int, tuple[Any, bool]] = {}  # holding the node keeps its id valid

    def __call__(self, tensor: Tensor) -> bool:
        source = self.source
        if source is None or tensor.grad_fn is None:
            return tensor is source
        waiting = [tensor.grad_fn]
        while waiting:
            node: Any = waiting[-1]
            if id(node) in self._known:
                waiting.pop()
                continue
            before = parents(node)
            unknown = [parent for parent in before if id(parent) not in self._known]
            if unknown:
                waiting += unknown
                continue
            waiting.pop()
            begins = node is source.grad_fn or getattr(node, "variable", None) is source
            self._known[id(node)] = node, begins or any(self._known[id(parent)][1] for parent in before)
        return tensor is source or self._known[id(tensor.grad_fn)][1]

    def node(self, node: Any) -> bool:
        """Whether a node of a graph that was looked at leads to it."""
        return self._known.get(id(node), (None, False))[1]


Call = tuple[str, int]  # the name of a record, and which call of its module it is


@dataclasses.dataclass
class Records:
    """Outputs of named modules.

    Attributes
    ----------
    calls
        Per name, its output of each call: the first floating-point tensor. Where a module returns further tensors that
        no module inside it has returned, they stand under names of their own: `"body[1]"`, `"body[pooler_output]"`.
    order
        All calls, in the order in which they ended.
    versions
        The tensors' version counters at that moment: one that has moved on was overwritten in place.
    same, taken
        Per call: the earlier one that returned this very tensor, and the one whose tensor the module took first.
    several
        Names of modules that return several floating-point tensors, of which one may have been made of another.
    entries
        Calls of modules that took the explained input itself.
    """

    calls: dict[str, list[Tensor]] = dataclasses.field(default_factory=dict)
    order: list[Call] = dataclasses.field(default_factory=list)
    versions: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    same: dict[Call, Call] = dataclasses.field(default_factory=dict)
    taken: dict[Call, Call] = dataclasses.field(default_factory=dict)
    several: set[str] = dataclasses.field(default_factory=set)
    entries: list[Call] = dataclasses.field(default_factory=list)
    _first: dict[int, Call] = dataclasses.field(default_factory=dict)  # by the id of a tensor, which is held in `calls`

    def overwritten(self) -> set[str]:
        """Names of modules whose recorded output was changed in place after they returned it."""
        return {
            name
            for name, tensors in self.calls.items()
            if any(_version(t) != v for t, v in zip(tensors, self.versions[name], strict=True))
        }

    def add(self, name: str, tensor: Tensor, taken: Tensor | None, returned: Tensor) -> None:
        """One more call: what is recorded, what the module took first, and its own tensor that it returned."""
        calls = self.calls.setdefault(name, [])
        call = (name, len(calls))
        calls.append(tensor)
        self.versions.setdefault(name, []).append(_version(tensor))
        self.order.append(call)
        if (source := self._first.get(id(taken))) is not None:
            self.taken[call] = source
        if (earlier := self._first.get(id(returned))) is not None:
            self.same[call] = earlier
        self._first.setdefault(id(tensor), call)

    def knows(self, tensor: Tensor) -> bool:
        """Whether this very tensor is recorded."""
        return id(tensor) in self._first


@contextmanager
def recorded(
    modules: Mapping[str, nn.Module],
    *,
    separate: Collection[str] = (),
    leaf: tuple[str, int | None] | None = None,
    begin: bool = False,
    explained: Tensor | None = None,
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
        call None every call becomes a leaf, which leaves the last one with all that comes after it. Not where the
        module returns several tensors: what was made of this one inside it would not follow.
    begin
        Let the graph begin at every output that no graph leads to (behind token ids, behind a detach).
    explained
        The explained input, if it holds integers: which modules take it is noted.
    """
    records = Records()

    def hook(name: str) -> Callable[..., Any]:
        def record(_module: nn.Module, args: Any, keywords: Any, output: Any) -> Any:
            tensor = main_tensor(output)
            if tensor is None or in_transform():
                return None
            call = len(records.calls.get(name, ()))
            others = [(at, t) for at, t in tensors_in(output) if t is not tensor and t.is_floating_point()]
            if others:
                records.several.add(name)
            asked = leaf in ((name, call), (name, None)) and not others
            asked = asked or (begin and not tensor.requires_grad)
            given = first_tensor((args, keywords))
            if explained is not None and _is_same(given, explained):
                records.entries.append((name, call))
            changed = output
            for own, one in ((name, tensor), *((f"{name}{at}", t) for at, t in others)):
                if one is not tensor and records.knows(one):
                    continue
                kept, fresh = one, None
                if one is tensor and asked and one.is_floating_point():
                    with torch.inference_mode(False):
                        kept = (one.clone() if one.is_inference() else one.detach()).requires_grad_()
                    fresh = kept.clone()
                elif own in separate:
                    fresh = one.clone()
                records.add(own, kept, given, one)
                if fresh is not None:
                    changed = replace(changed, one, fresh)
            return None if changed is output else changed

        return record

    with _removing() as handles:
        for name, module in modules.items():
            handles.append(module.register_forward_hook(hook(name), with_kwargs=True))
        yield records


def _is_same(taken: Tensor | None, explained: Tensor) -> bool:
    return taken is not None and taken.shape == explained.shape and torch.equal(taken.to(explained), explained)


Change = Callable[[Tensor], Tensor]


@contextmanager
def replaced(module: nn.Module, call: int, change: Change) -> Iterator[None]:
    """Let one call of a module return something else: what `change` makes of its first floating-point tensor."""
    calls = 0

    def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
        nonlocal calls
        if in_transform():
            return None
        calls += 1
        tensor = main_tensor(output)
        if tensor is None or call != calls - 1:
            return None
        return replace(output, tensor, change(tensor))

    with _removing() as handles:
        handles.append(module.register_forward_hook(hook))
        yield


@contextmanager
def inside(module: nn.Module, call: int, mode: contextlib.AbstractContextManager[Any]) -> Iterator[None]:
    """Enter a context while one call of a module runs."""
    calls = 0
    with contextlib.ExitStack() as entered, _removing() as handles:

        def before(_module: nn.Module, _args: Any) -> None:
            if call == calls and not in_transform():
                entered.enter_context(mode)

        def after(_module: nn.Module, _args: Any, _output: Any) -> None:
            nonlocal calls
            if in_transform():
                return
            calls += 1
            if call == calls - 1:
                entered.close()

        handles.append(module.register_forward_pre_hook(before))
        handles.append(module.register_forward_hook(after))
        yield


@contextmanager
def embedded(module: nn.Module, change: Callable[[Call, nn.Embedding, Tensor], Tensor | None]) -> Iterator[None]:
    """Let `change` look at what each call of an `nn.Embedding` returns; what it returns itself stands in for that."""
    calls: dict[str, int] = {}

    def hook(name: str) -> Callable[..., Any]:
        def after(embedding: nn.Embedding, _args: Any, output: Any) -> Any:
            if in_transform() or not isinstance(output, Tensor):
                return None
            calls[name] = calls.get(name, -1) + 1
            return change((name, calls[name]), embedding, output)

        return after

    with _removing() as handles:
        for name, part in module.named_modules():
            if isinstance(part, nn.Embedding):
                handles.append(part.register_forward_hook(hook(name)))
        yield


class Reached(BaseException):
    """What is asked for is known: the rest of the pass need not run. No `Exception`, as with `Cancelled`."""


class OneByOne(BaseException):
    """The model calls a module once for each input of a batch, so that its calls cannot be told apart there."""


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
        if call == calls and not in_transform():
            taken = first_tensor(args)
            caught.taken = None if taken is None else taken.detach().clone()  # it may be overwritten in place

    def after(_module: nn.Module, _args: Any, output: Any) -> None:
        nonlocal calls
        if in_transform():
            return
        calls += 1
        if call == calls - 1:
            returned = main_tensor(output)
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
        if in_transform():
            survey.handed_on.append((None, module))
            return
        giver, given, version = last
        untouched = given is not None and args and args[0] is given and _version(given) == version
        survey.handed_on.append((giver if untouched else None, module))

    def after(module: nn.Module, _args: Any, output: Any) -> None:
        if in_transform():
            last[:] = None, None, 0  # such a tensor must not be looked at outside of the transform
            return
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
