"""A twin of the user's model: the same weights in a module tree of our own.

Hooks, modes and flags are set on the twin only, so the user may train, predict or hook in another cell meanwhile.
"""

from __future__ import annotations

import copy
import functools
import threading
import types
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn

from nbexplain.core import hooks

_WALK_LIMIT = 1000  # containers longer than this are data sets and the like, not parts of a network
_SAMPLES = 8  # values of each tensor that the fingerprint looks at


@dataclass(eq=False)
class Twin:
    """What runs in place of the user's model.

    Attributes
    ----------
    module
        The copy, in eval mode and with no in-place modules, or the user's own model where it could not be copied.
    original
        The user's model, without the wrapper of `torch.compile` or `DataParallel`.
    reason
        Why the model is explained in place, or `""` for a true copy.
    """

    module: nn.Module
    original: nn.Module
    reason: str
    roots: list[nn.Module]
    stop: hooks.Stop
    lock: Any = field(default_factory=threading.RLock)
    _print: Any = None

    @property
    def copied(self) -> bool:
        return not self.reason

    @contextmanager
    def ready(self) -> Iterator[nn.Module]:
        """The module in eval mode with in-place off, for one pass. A model explained in place is put back after."""
        with self.lock if self.copied else _lock_of(self.original):
            if self.copied:
                yield self.module
                return
            training = [(m, m.training) for root in self.roots for m in root.modules()]
            inplace = [m for m, _ in training if _writes_in_place(m)]
            try:
                for module, _ in training:
                    module.training = False
                for module in inplace:
                    setattr(module, "inplace", False)  # noqa: B010  not an attribute of every nn.Module
                with hooks.cancellable(self.roots, self.stop):
                    yield self.module
            finally:
                for module, flag in training:
                    module.training = flag
                for module in inplace:
                    setattr(module, "inplace", True)  # noqa: B010

    def changed(self) -> bool:
        """Whether the user's model is no longer what it was when this twin was made."""
        return bool(fingerprint(self.original) != self._print)


_locks: weakref.WeakKeyDictionary[nn.Module, Any] = weakref.WeakKeyDictionary()


def _lock_of(model: nn.Module) -> Any:
    """One lock per user model, for those that are explained in place (by whichever session)."""
    return _locks.setdefault(model, threading.RLock())


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside `torch.compile`, `DataParallel` and `DistributedDataParallel`: the one on which hooks fire."""
    while True:
        if hasattr(model, "_orig_mod"):
            model = cast(nn.Module, model._orig_mod)
        elif isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        else:
            return model


def twin(model: nn.Module, stop: hooks.Stop | None = None) -> Twin:
    """Copy the module tree and keep the weights.

    Parameters
    ----------
    model
        Any `torch.nn.Module`.
    stop
        The flag that its hooks read; a new twin of the same model goes on with the old one's.

    Returns
    -------
    Twin
        Its tensors share storage with the model's, so that weights are seen live. Where the tree cannot be copied
        the twin holds the model itself and `reason` says why.

    Raises
    ------
    TypeError
        If `model` is not a module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
    model = unwrap(model)
    if any(isinstance(t, (nn.UninitializedParameter, nn.UninitializedBuffer)) for t in _tensors(model)):
        raise ValueError("model: it has lazy layers that have not seen an input yet; run it once, then explain it")
    stop = stop or hooks.Stop()
    taken = fingerprint(model)
    found = _walk(model)
    if isinstance(model, torch.jit.ScriptModule):
        return Twin(
            model, model, "it is a ScriptModule, whose layers cannot be looked into", [model], stop, _print=taken
        )
    if found.closed_over:
        names = ", ".join(sorted({type(m).__name__ for m in found.closed_over}))
        reason = f"a function in it closes over a module ({names})"
        return Twin(model, model, reason, [model, *found.closed_over], stop, _print=taken)
    memo: dict[int, Any] = {id(t): _shared(t) for t in found.tensors}
    try:
        module = copy.deepcopy(model, memo)
    except Exception as error:  # whatever a user's attribute raises, the model can still be explained in place
        reason = f"it could not be copied ({type(error).__name__}: {error})"
        return Twin(model, model, reason, [model], stop, _print=taken)
    module.eval()
    for part in module.modules():
        if _writes_in_place(part):
            setattr(part, "inplace", False)  # noqa: B010
    result = Twin(module, model, "", [module], stop, _print=taken)
    hooks.cancellable_for_good(result.roots, result.stop)
    return result


def _writes_in_place(module: nn.Module) -> bool:
    return getattr(module, "inplace", None) is True and not isinstance(module, torch.jit.ScriptModule)


def _shared(tensor: Tensor) -> Tensor:
    """The same storage, outside every graph; a Parameter stays one, since some layers test for that.

    Through `.data`, which has a version counter of its own: an optimizer step between our forward and our backward pass
    must not make the latter raise. The next question sees the step in the fingerprint.
    """
    view = tensor.data
    return nn.Parameter(view, requires_grad=False) if type(tensor) is nn.Parameter else view


@dataclass
class _Walk:
    tensors: list[Tensor] = field(default_factory=list)
    closed_over: list[nn.Module] = field(default_factory=list)


def _walk(model: nn.Module) -> _Walk:
    """Find every tensor of the tree, also in plain lists and caches, and modules that functions close over."""
    found = _Walk()
    seen: set[int] = set()

    def visit(value: Any) -> None:
        if isinstance(value, (str, bytes, int, float, bool, type(None), type, types.ModuleType)) or id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, Tensor):
            found.tensors.append(value)
        elif isinstance(value, nn.Module):
            for part in value.__dict__.values():
                visit(part)
            for kind in type(value).__mro__:
                if kind is nn.Module:
                    break
                if not kind.__module__.startswith("torch."):  # of those we know that they close over nothing
                    for name, part in vars(kind).items():
                        if name != "__init__":  # it has run: what its defaults hold is in the tree by now
                            visit(part)
        elif isinstance(value, dict):
            if len(value) <= _WALK_LIMIT:
                for part in value.values():
                    visit(part)
        elif isinstance(value, (list, tuple, set)):
            if len(value) <= _WALK_LIMIT:
                for part in value:
                    visit(part)
        elif isinstance(value, types.MethodType):
            visit(value.__self__)
        elif isinstance(value, functools.partial):
            visit_held((value.func, *value.args, *value.keywords.values()))
        elif isinstance(value, types.FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or () if _is_bound(cell)]
            visit_held((*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()))

    def visit_held(held: tuple[Any, ...]) -> None:
        """What a function holds on to: a copy of the tree would still call the user's own modules there."""
        found.closed_over.extend(part for part in held if isinstance(part, nn.Module))
        for part in held:
            visit(part)

    visit(model)
    return found


def _is_bound(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:  # an empty cell: the name has no value yet
        return False
    return True


def fingerprint(model: nn.Module) -> Any:
    """Identities, places, versions and a few values of all tensors, and the modules and hooks of the tree.

    Compares unequal after optimizer steps (fused ones too), `load_state_dict`, writes through `.data`, replaced
    tensors, replaced modules and new hooks. 0.1–0.8 ms for the usual networks.
    """
    modules = tuple(
        (name, id(m), tuple(m._forward_hooks), tuple(m._forward_pre_hooks))
        for name, m in model.named_modules(remove_duplicate=False)
    )
    places: list[tuple[int, int, int]] = []
    groups: dict[Any, list[Tensor]] = {}
    with torch.inference_mode(False), torch.no_grad():
        for tensor in _tensors(model):
            if tensor.is_meta or tensor.is_quantized or tensor.layout is not torch.strided:
                places.append((id(tensor), 0, tensor._version))
                continue
            version = 0 if tensor.is_inference() else tensor._version
            places.append((id(tensor), tensor.data_ptr(), version))
            if tensor.numel():
                groups.setdefault((tensor.dtype, tensor.device), []).append(_sample(tensor.detach()))
        values = tuple(
            (str(key), torch.cat(samples).view(torch.uint8).cpu().numpy().tobytes()) for key, samples in groups.items()
        )
    return modules, tuple(places), values


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def _sample(tensor: Tensor) -> Tensor:
    """A few values spread over the storage, as a view (`reshape` would copy channels-last weights)."""
    count = min(tensor.numel(), _SAMPLES)
    span = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)) + 1
    return torch.as_strided(tensor, (count,), (max(span // count, 1),), tensor.storage_offset())
