"""A twin of the user's model: the same weights in a module tree of our own.

Hooks, modes, flags and what a forward pass writes to buffers are on the twin only, so the user may train, predict or
hook in another cell meanwhile.
"""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from nbexplain.core import hooks
from nbexplain.core.fingerprint import Fingerprint, fingerprint
from nbexplain.core.model.batches import Batches
from nbexplain.core.model.lookups import Lookups
from nbexplain.core.model.other_pipelines import refuse_other
from nbexplain.core.model.padding import Padding
from nbexplain.core.module_copy import Copier, Lazy
from nbexplain.core.predictor import Predictor


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
    _print: Fingerprint | None = None
    _beyond: list[weakref.ref[Tensor]] = field(default_factory=list)  # tensors of the user's that no module tells
    _shares: bool = True  # some of these, or buffers, with the module
    _written: set[Any] = field(default_factory=set)  # what our own passes write there, ...
    _left: dict[Any, Any] = field(default_factory=dict)  # ... as the last of them has left it

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
        before, now = self._print, self._looked()
        if before is None:
            return True
        before = before._replace(others=before.others | self._left)
        return now.tree != before.tree or now.weights != before.weights or bool(before.written(now))

    def left(self) -> None:
        """After a pass of ours: what such passes write to the user's model is from now on as it is."""
        if self._written:
            others = self._looked(summed=False).others
            self._left = {key: others.get(key) for key in self._written}

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Around a pass of ours: what it writes to the user's model beside weights is no change by the user.

        It writes there where the model has hooks or is explained in place, and to tensors in plain attributes.
        """
        before = self._looked(summed=False) if self.watched and self._shares else None
        yield
        if before is not None:
            after = self._looked(summed=False)
            if (before.tree, before.weights) == (after.tree, after.weights):  # else somebody trains it meanwhile
                self._written |= before.written(after)
            self.left()

    def _looked(self, *, summed: bool = True) -> Fingerprint:
        originals = [self.original] if self.copied else self.roots
        return fingerprint(*originals, beyond=self._beyond, summed=summed)


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
    roots = [model]
    if copier.closed_over and not reason:
        names = ", ".join(sorted({type(m).__name__ for m in copier.closed_over}))
        reason = f"a function in it closes over a module ({names})"
        roots += copier.closed_over
    taken, beyond = None, []
    if watched:
        known = {id(tensor) for root in roots for tensor in (*root.parameters(), *root.buffers())}
        others = (tensor for tensor in copier.tensors if type(tensor) in (Tensor, nn.Parameter))
        beyond = [weakref.ref(tensor) for tensor in others if id(tensor) not in known]
        taken = fingerprint(*roots, beyond=beyond)
    if reason:
        return Twin(model, model, reason, roots, stop, _print=taken, _beyond=beyond)
    other = {type(part) for part in copier.training if not _switches(type(part))}
    for part in reversed(copier.training):  # the whole first, which mostly turns its parts as well
        if part.training and other.isdisjoint(map(type, part.modules() if other else ())):
            part.eval()
        elif part.training:
            part.training = False
    for part in copier.inplace:
        setattr(part, "inplace", False)  # noqa: B010  not an attribute of every nn.Module
    if watched:
        hooks.cancellable_for_good([module], stop)
    return Twin(module, model, "", [module], stop, copier.inplace, _print=taken, _beyond=beyond, _shares=copier.shares)


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


def _switches(kind: type[nn.Module]) -> bool:
    """Whether its `train` and `eval` take what torch's take; a class may give these names to something else."""
    if kind.train is nn.Module.train and kind.eval is nn.Module.eval:
        return True
    try:
        train, more = (list(inspect.signature(way).parameters.values())[1:] for way in (kind.train, kind.eval))
    except (TypeError, ValueError):  # written in C++, say
        return True
    anything = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    takes_mode = bool(train) and (train[0].name == "mode" or train[0].kind in anything)
    wants_more = any(one.kind not in anything and one.default is one.empty for one in train[1:])
    return takes_mode and not wants_more and all(one.kind in anything for one in more)


def _writes_in_place(module: nn.Module) -> bool:
    return getattr(module, "inplace", None) is True and not isinstance(module, torch.jit.ScriptModule)
