"""A twin of the user's model: the same weights in a module tree of our own.

Hooks, modes, flags and what a forward pass writes to buffers are on the twin only, so the user may train, predict or
hook in another cell meanwhile.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from nbexplain.core import hooks
from nbexplain.core.model.batches import Batches
from nbexplain.core.model.lookups import Lookups
from nbexplain.core.model.other_pipelines import refuse_other
from nbexplain.core.model.padding import Padding
from nbexplain.core.module_copy import Copier, Lazy
from nbexplain.core.predictor import Predictor
from nbexplain.core.tensor_bytes import has_bytes, spread

_SAMPLES = 8  # values of each tensor that the fingerprint looks at


@dataclass(eq=False)
class Twin:
    """What runs in place of the user's model.

    Attributes
    ----------
    module
        The copy, in eval mode and with in-place modules off, or the user's own model where it could not be copied.
    original
        The user's model, without the wrapper of `torch.compile` or `DataParallel`.
    reason
        Why the model is explained in place, or `""` for a true copy.
    inplace
        The modules of the copy that write in place where nothing is recorded.
    many
        A second copy, faster for batches; None until one is needed, False where there is none. See `folded`.
    surveys
        What is known of its layers, by what a pass looks like; see `model.layer_survey`.
    batches
        How batches are handed to it, for each shape of input that was tried.
    mixed
        How often a batch was found, while a method ran, that gave its inputs other scores than they have alone.
    paddings
        How texts of several lengths are brought to one, likewise.
    lookups
        Which embeddings look up the tokens of a text, likewise.
    dtypes
        In what it computes if it has no parameters, likewise.
    """

    module: nn.Module
    original: nn.Module
    reason: str
    roots: list[nn.Module]
    stop: hooks.Stop
    inplace: list[nn.Module] = field(default_factory=list)
    many: Twin | Literal[False] | None = None
    surveys: dict[Any, Any] = field(default_factory=dict)
    batches: dict[Any, Batches] = field(default_factory=dict)
    mixed: int = 0
    paddings: dict[Any, Padding | None] = field(default_factory=dict)
    lookups: dict[Any, Lookups] = field(default_factory=dict)
    dtypes: dict[Any, torch.dtype] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)
    _print: Any = None

    @property
    def copied(self) -> bool:
        return not self.reason

    @property
    def watched(self) -> bool:
        """Whether runs can be stopped and changed weights be noticed."""
        return self._print is not None

    @contextmanager
    def ready(self, *, inplace: bool) -> Iterator[nn.Module]:
        """The module in eval mode, for one pass. A model explained in place is put back after.

        Without `inplace`, modules that write in place are off: they would overwrite what hooks record. Elsewhere they
        are as the user has them, since writing in place saves time.
        """
        with self.lock if self.copied else _lock_of(self.original):
            if self.copied:
                with _switched(self.inplace if inplace else [], to=True):
                    yield self.module
                return
            modules = (m for root in self.roots for m in root.modules())
            training = [(m, m.training) for m in modules if hasattr(m, "training")]  # which a frozen ScriptModule lacks
            writing = [] if inplace else [m for m, _ in training if _writes_in_place(m)]
            try:
                for module, _ in training:
                    module.training = False
                with _switched(writing, to=False), hooks.cancellable(self.roots, self.stop):
                    yield self.module
            finally:
                for module, flag in training:
                    module.training = flag

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


def is_keras(module: nn.Module) -> bool:
    """Whether a module is a model or layer of Keras, whose package need not be there."""
    return any(kind.__module__.startswith("keras.") for kind in type(module).__mro__)


def twin(model: nn.Module, stop: hooks.Stop | None = None, *, watched: bool = True) -> Twin:
    """Copy the module tree and keep the weights.

    Parameters
    ----------
    model
        Any `torch.nn.Module`; or what `Predictor` takes.
    stop
        The flag that its hooks read; a new twin of the same model goes on with the old one's.
    watched
        Whether its runs can be stopped and changes of the weights be noticed; a single `explain` needs neither.

    Returns
    -------
    Twin
        Its parameters share storage with the model's, so that weights are seen live. Where the tree cannot be copied
        the twin holds the model itself and `reason` says why.

    Raises
    ------
    TypeError
        If `model` is neither.
    """
    if not isinstance(model, nn.Module):
        refuse_other(model)
        model = Predictor(model)
    model = unwrap(model)
    stop = stop or hooks.Stop()
    copier = Copier(model)
    module, reason = model, ""
    if isinstance(model, torch.jit.ScriptModule):
        reason = "it is a ScriptModule, whose layers cannot be looked into"
    elif any(is_keras(part) for part in model.modules()):  # trying would draw random numbers and write on the model
        reason = "Keras makes a copy by building another model"
    else:
        try:
            module = copier.copy(model)
            if copier.parted:  # a function in it would go on with the user's buffer, and the copy with its own
                copier = Copier(model, copier.parted)
                module = copier.copy(model)
        except Lazy:
            raise
        except Exception as error:  # whatever a user's attribute raises, the model can still be explained in place
            reason = f"it could not be copied ({type(error).__name__}: {error})"
    taken = fingerprint(model) if watched else None
    if reason:
        return Twin(model, model, reason, [model], stop, _print=taken)
    if copier.closed_over:
        names = ", ".join(sorted({type(m).__name__ for m in copier.closed_over}))
        reason = f"a function in it closes over a module ({names})"
        return Twin(model, model, reason, [model, *copier.closed_over], stop, _print=taken)
    for part in reversed(copier.training):  # the whole first, which mostly turns its parts as well
        if part.training:
            part.eval()
    for part in copier.inplace:
        setattr(part, "inplace", False)  # noqa: B010  not an attribute of every nn.Module
    if watched:
        hooks.cancellable_for_good([module], stop)
    return Twin(module, model, "", [module], stop, copier.inplace, _print=taken)


@contextmanager
def _switched(modules: list[nn.Module], *, to: bool) -> Iterator[None]:
    """In-place modules on or off for a while."""
    try:
        for module in modules:
            setattr(module, "inplace", to)  # noqa: B010
        yield
    finally:
        for module in modules:
            setattr(module, "inplace", not to)  # noqa: B010


def _writes_in_place(module: nn.Module) -> bool:
    return getattr(module, "inplace", None) is True and not isinstance(module, torch.jit.ScriptModule)


def fingerprint(model: nn.Module) -> Any:
    """Identities, places, versions and a few values of all tensors, and the modules and hooks of the tree.

    Compares unequal after optimizer steps (fused ones too), `load_state_dict`, writes through `.data`, replaced
    tensors, replaced modules and new hooks. 0.1–0.8 ms for the usual networks.
    """
    rows: list[tuple[Any, ...]] = []
    tensors: list[Tensor] = []
    waiting, seen = [model], {id(model)}
    while waiting:  # one walk of our own: `named_modules`, `parameters` and `buffers` would each make one
        module = waiting.pop()
        names = [(name, id(child)) for name, child in module._modules.items()]
        for child in module._modules.values():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)
        rows.append((names, tuple(module._forward_hooks), tuple(module._forward_pre_hooks)))
        if isinstance(module, Predictor):
            rows.append((module.state(),))
        tensors.extend(p for p in module._parameters.values() if p is not None)
        tensors.extend(b for b in module._buffers.values() if b is not None)
    places: list[tuple[int, int, int]] = []
    groups: dict[Any, list[Tensor]] = {}
    with torch.inference_mode(False), torch.no_grad():
        for tensor in tensors:
            if not has_bytes(tensor):
                places.append((id(tensor), 0, tensor._version))
                continue
            version = 0 if tensor.is_inference() else tensor._version
            places.append((id(tensor), tensor.data_ptr(), version))
            if tensor.numel():
                groups.setdefault((tensor.dtype, tensor.device), []).append(spread(tensor, _SAMPLES))
        values = tuple(
            (str(key), torch.cat(samples).view(torch.uint8).cpu().numpy().tobytes()) for key, samples in groups.items()
        )
    return rows, places, values
