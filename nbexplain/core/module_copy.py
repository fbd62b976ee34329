"""A copy of a module tree that shares its weights, several times faster than `copy.deepcopy`.

Plain modules and containers are copied attribute by attribute; whatever says itself how it wants to be copied, and
every object that is not known here, goes through `copy.deepcopy`.
"""

from __future__ import annotations

import copy
import dis
import functools
import types
from collections import OrderedDict
from collections.abc import Iterator, Set
from itertools import accumulate
from typing import Any, cast

import numpy as np
import torch
import torch.utils.data
from torch import Tensor, nn

from nbexplain.core.model.names_used import names_used

_MOST_ITEMS = 1000  # containers longer than this are data sets and the like, not parts of a network
_MOST_OBJECTS = 100_000
_LARGE = 2**16  # bytes
_MOST_OWN = 2**24  # bytes, together: the largest are tables and quantised weights, which a forward pass only reads
_DATA = (torch.utils.data.Dataset, torch.utils.data.DataLoader)
_ATOMIC = {type(None), bool, int, float, complex, str, bytes, type, torch.dtype, torch.device, types.ModuleType}
_TABLES = {dict, OrderedDict, set}
_CUSTOM = ("__deepcopy__", "__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__slots__")


class Lazy(ValueError):
    """A tensor has no shape yet."""


class Copier:
    """Copies one model.

    Parameters
    ----------
    kept
        Where storages of buffers are that are to stay the model's.

    Attributes
    ----------
    closed_over
        Modules that functions of the tree hold on to. A copied tree would still call the user's own modules there.
    tensors
        What was met of the user's tensors: those that are shared, or of which the copy has others.
    shares
        Whether the copy has tensors beside weights that are the user's, to which a pass may write.
    inplace, training
        Copied modules that write in place, and those that are in train mode.
    """

    def __init__(self, model: nn.Module, kept: Set[int] = frozenset()) -> None:
        self._model = model
        self._kept = kept
        self._memo: dict[int, Any] = {}
        self._seen: set[int] = set()
        self._storages: dict[int, torch.UntypedStorage] = {}
        self.closed_over: list[nn.Module] = []
        self.tensors: list[Tensor] = []
        self.shares = False
        self._held: set[int] = set()
        self.inplace: list[nn.Module] = []
        self.training: list[nn.Module] = []

    @property
    def parted(self) -> set[int]:
        """Where buffers are that a function of the tree holds on to, and of which the copy has others."""
        return self._held & self._storages.keys()

    @functools.cached_property
    def _tree(self) -> set[int]:
        return {id(part) for part in self._model.modules()}

    @functools.cached_property
    def _buffers(self) -> list[Tensor]:
        return [buffer for part in _modules_in(self._model) for buffer in part._buffers.values() if buffer is not None]

    @functools.cached_property
    def _written(self) -> set[int]:
        """Where the storages of the buffers are to which a forward pass may write: the smallest, `_MOST_OWN` in all.

        None of a tree with hooks, which may write to a buffer of the user's model by way of whatever they hold on to.
        """
        if any(_has_hooks(part) for part in _modules_in(self._model)):
            return set()
        sizes = {place: part.untyped_storage().nbytes() for part in self._buffers if (place := _place_of(part))}
        for place in (*map(_place_of, self._model.parameters()), *self._kept):
            sizes.pop(place, None)
        places = sorted(sizes, key=sizes.__getitem__)
        return {place for place, upto in zip(places, accumulate(map(sizes.__getitem__, places))) if upto <= _MOST_OWN}

    @functools.cached_property
    def _used(self) -> frozenset[str] | None:
        return names_used(self._model)

    def copy(self, value: Any) -> Any:
        """A copy of a module, a container or anything else that a module holds."""
        if type(value) in _ATOMIC or isinstance(value, type):
            return value
        if id(value) in self._memo:
            return self._memo[id(value)]
        kind = type(value)
        if isinstance(value, Tensor):
            new: Any = self._tensor(value)
        elif isinstance(value, nn.Module):
            return self._module(value)
        elif kind in (dict, OrderedDict) and len(value) <= _MOST_ITEMS:
            new = self._memo[id(value)] = kind()
            for key, part in value.items():
                new[key] = self.copy(part)
        elif kind is list and len(value) <= _MOST_ITEMS:
            new = self._memo[id(value)] = []
            new.extend(self.copy(part) for part in value)
        elif kind in (tuple, set) and len(value) <= _MOST_ITEMS:
            new = kind(self.copy(part) for part in value)
        elif kind is types.FunctionType:
            self._look_into(value)
            new = value
        elif kind is types.MethodType:
            new = types.MethodType(value.__func__, self.copy(value.__self__))
        elif kind is functools.partial:
            held = (value.func, *value.args, *value.keywords.values())
            own = self._tree | {id(part) for part in held if isinstance(part, Tensor)}
            self._hold(tuple(part for part in held if id(part) not in own))  # those have their copies
            function, *parts = (self.copy(part) for part in (value.func, *value.args))
            new = functools.partial(
                function, *parts, **{name: self.copy(part) for name, part in value.keywords.items()}
            )
            new.__dict__.update((name, self.copy(part)) for name, part in value.__dict__.items())
        else:
            new = self._deeply(value)
        self._memo[id(value)] = new
        return new

    def _tensor(self, tensor: Tensor) -> Tensor:
        """A tensor with the same storage; with one of its own if it is a buffer, or shows a part of one."""
        data = shared(tensor)
        self.tensors.append(tensor)
        place = _place_of(data)
        if place not in self._written or type(data) is not Tensor:
            self.shares |= type(data) is not nn.Parameter
            return data
        if data.is_conj():
            return self._tensor(data.conj()).conj()
        if data.is_neg():
            return torch._neg_view(self._tensor(torch._neg_view(data)))
        if place not in self._storages:
            self._storages[place] = data.untyped_storage().clone()
        with torch.inference_mode(False):  # a tensor of the caller's own mode keeps no record for a backward pass
            own = torch.empty(0, dtype=data.dtype, device=data.device)
            return own.set_(self._storages[place], data.storage_offset(), data.shape, data.stride())

    def _deeply(self, value: Any) -> Any:
        """`copy.deepcopy`, told beforehand of all tensors of the model, so that weights keep their storage."""
        for tensor in (*self._model.parameters(), *self._buffers):
            if id(tensor) not in self._memo:
                self._memo[id(tensor)] = self._tensor(tensor)
        self._share_data(value)
        return copy.deepcopy(value, self._memo)

    def _share_data(self, value: Any) -> None:
        """Let what holds data be shared: large tensors and arrays, data sets and their loaders, wherever they are held.

        A trainer that a model refers to holds all of them, and offloaded weights are held by the hooks that load them.
        """
        waiting, seen = [value], set(self._memo)
        while waiting and len(seen) < _MOST_OBJECTS:
            held = waiting.pop()
            if id(held) in seen or type(held) in _ATOMIC or isinstance(held, (type, types.FunctionType)):
                continue
            seen.add(id(held))
            if isinstance(held, Tensor):
                known = held.is_leaf and held.nbytes > _LARGE
                if type(held) in (Tensor, nn.Parameter) and (known or _place_of(held) in self._written):
                    self._memo[id(held)] = self._tensor(held)
            elif isinstance(held, _DATA) or (isinstance(held, np.ndarray) and held.nbytes > _LARGE):
                self._memo[id(held)] = held
            elif isinstance(held, dict):
                waiting += held.values()
            elif isinstance(held, (list, tuple, set, frozenset)):
                waiting += held
            elif not hasattr(held, "__deepcopy__"):  # which says itself what of it is copied
                waiting += getattr(held, "__dict__", {}).values()

    def _module(self, module: nn.Module) -> nn.Module:
        for base in type(module).__mro__:
            if base is nn.Module:
                break
            self._look_into_class(base)
        kind: Any = type(module)
        if not _is_plain(kind):
            for part in module.modules():
                for value in part.__dict__.values():
                    if isinstance(value, types.FunctionType):
                        self._look_into(value)
            copied = cast(nn.Module, self._deeply(module))
            for part in copied.modules():
                self._note(part)
            return copied
        new: nn.Module = kind.__new__(kind)
        self._memo[id(module)] = new
        attributes = new.__dict__
        attributes.update(module.__dict__)
        for name, value in module.__dict__.items():  # most of them are flags, sizes and empty tables of hooks
            held = type(value)
            if held in _ATOMIC or (held is tuple and _ATOMIC.issuperset(map(type, value))):
                continue
            attributes[name] = held() if held in _TABLES and not value else self._attribute(name, value)
        self._note(new)
        return new

    def _attribute(self, name: str, value: Any) -> Any:
        """A copy of an attribute; the attribute itself where it cannot be copied, and computes nothing."""
        known = len(self._memo)
        try:
            return self.copy(value)
        except Exception as error:
            parts = isinstance(value, (Tensor, nn.Module, dict, list, tuple, set))
            if isinstance(error, Lazy) or parts or self._used is None or name in self._used:
                raise
            for key in list(self._memo)[known:]:  # half of it may have been copied
                del self._memo[key]
            self._memo[id(value)] = value
            return value

    def _note(self, copied: nn.Module) -> None:
        if copied.__dict__.get("inplace") is True:
            self.inplace.append(copied)
        if getattr(copied, "training", False):  # which a frozen ScriptModule lacks
            self.training.append(copied)

    def _look_into_class(self, kind: type) -> None:
        if id(kind) in self._seen or kind.__module__.startswith("torch."):
            return
        self._seen.add(id(kind))
        for name, value in vars(kind).items():
            # __init__ has run: what its defaults hold is in the tree by now
            if name != "__init__" and isinstance(value, types.FunctionType):
                self._look_into(value)

    def _look_into(self, function: types.FunctionType) -> None:
        if id(function) in self._seen:
            return
        self._seen.add(id(function))
        cells = [cell.cell_contents for cell in function.__closure__ or () if _is_bound(cell)]
        defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        self._hold((*cells, *defaults, *_globals_used(function)))

    def _hold(self, held: tuple[Any, ...]) -> None:
        for value in held:
            if isinstance(value, nn.Module):
                self.closed_over.append(value)
            elif isinstance(value, Tensor):
                self._held.add(_place_of(value))
                self.tensors.append(value)
                self.shares = True
            elif isinstance(value, types.FunctionType):
                self._look_into(value)
            elif isinstance(value, types.MethodType):
                self._hold((value.__self__, value.__func__))
            elif isinstance(value, functools.partial):
                self._hold((value.func, *value.args, *value.keywords.values()))
            elif isinstance(value, (list, tuple, dict)) and len(value) <= _MOST_ITEMS:
                parts = value.values() if isinstance(value, dict) else value
                self._hold(tuple(part for part in parts if isinstance(part, (nn.Module, Tensor))))


def shared(tensor: Tensor) -> Tensor:
    """The same storage, outside every graph; a Parameter stays one, since some layers test for that.

    Through `.data`, which has a version counter of its own: an optimizer step between our forward and our backward pass
    must not make the latter raise. The next question sees the step in the fingerprint.

    What was made in inference mode keeps no record for a backward pass, so that it is copied to what does.
    """
    if isinstance(tensor, (nn.UninitializedParameter, nn.UninitializedBuffer)):
        raise Lazy("model: it has lazy layers that have not seen an input yet; run it once, then explain it")
    data = tensor.data
    if tensor.is_inference():
        with torch.inference_mode(False), torch.no_grad():
            data = data.clone()
    return nn.Parameter(data, requires_grad=False) if type(tensor) is nn.Parameter else data


def _modules_in(model: nn.Module) -> Iterator[nn.Module]:
    """The modules of a tree, and those that they hold in plain lists and the like, of which it knows nothing."""
    waiting: list[Any] = [model]
    seen: set[int] = set()
    while waiting:
        held = waiting.pop()
        if id(held) in seen:
            continue
        seen.add(id(held))
        if isinstance(held, nn.Module):
            yield held
            waiting += held.children()
            waiting += (value for value in vars(held).values() if type(value) in (list, tuple, dict) and value)
        elif len(held) <= _MOST_ITEMS:
            parts = held.values() if isinstance(held, dict) else held
            waiting += (part for part in parts if isinstance(part, (nn.Module, list, tuple, dict)))


def _has_hooks(module: nn.Module) -> bool:
    """Whether a module has hooks that are neither torch's own nor ours."""
    hooks = (*getattr(module, "_forward_hooks", {}).values(), *getattr(module, "_forward_pre_hooks", {}).values())
    homes = [getattr(hook, "__module__", None) or type(hook).__module__ for hook in hooks]
    return any(home.partition(".")[0] not in ("torch", "nbexplain") for home in homes)


def _place_of(tensor: Tensor) -> int:
    """Where the storage of a tensor is; 0 of one that has none, or one of its own kind."""
    plain = tensor.layout is torch.strided and not (tensor.is_meta or tensor.is_quantized or tensor.is_nested)
    try:
        return tensor.untyped_storage().data_ptr() if plain else 0
    except (NotImplementedError, RuntimeError):  # a subclass that holds its data in other tensors
        return 0


@functools.cache
def _is_plain(kind: type) -> bool:
    """Whether copying the attributes copies the module: nobody but torch's simple layers says how to copy it."""
    if kind.__module__ == "torch.nn.modules.rnn":  # weak references to their own weights
        return False
    for name in _CUSTOM:
        owner = next((k for k in kind.__mro__ if name in vars(k)), object)
        if owner is not object and not owner.__module__.startswith("torch.nn.modules."):
            return False
        if owner.__module__ == "torch.nn.modules.rnn":
            return False
    return True


def _globals_used(function: types.FunctionType) -> list[Any]:
    """Modules, tensors and functions that a function looks up in its own file or notebook, whose cells leave names."""
    names, found, codes = function.__globals__, [], [function.__code__]
    for code in codes:
        codes.extend(inner for inner in code.co_consts if isinstance(inner, types.CodeType))
        known = {name: names[name] for name in code.co_names if name in names}
        fitting = [
            name
            for name, value in known.items()
            if isinstance(value, (nn.Module, Tensor))
            or (isinstance(value, types.FunctionType) and value.__globals__ is names)
        ]
        if fitting:  # names of attributes are among co_names as well
            found += [known[name] for name in fitting if name in _looked_up(code)]
    return found


@functools.cache
def _looked_up(code: types.CodeType) -> frozenset[str]:
    return frozenset(str(i.argval) for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"))


def _is_bound(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:  # an empty cell: the name has no value yet
        return False
    return True
