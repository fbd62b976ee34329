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
from typing import Any, cast

import numpy as np
import torch
import torch.utils.data
from torch import Tensor, nn

from nbexplain.core.model.names_used import names_used

_MOST_ITEMS = 1000  # containers longer than this are data sets and the like, not parts of a network
_MOST_OBJECTS = 100_000
_LARGE = 2**16  # bytes
_MOST_OWN = 2**24  # bytes: larger ones are tables and quantised weights, which a forward pass only reads
_DATA = (torch.utils.data.Dataset, torch.utils.data.DataLoader)
_ATOMIC = {type(None), bool, int, float, complex, str, bytes, type, torch.dtype, torch.device, types.ModuleType}
_TABLES = {dict, OrderedDict, set}
_CUSTOM = ("__deepcopy__", "__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__slots__")


class Lazy(ValueError):
    """A tensor has no shape yet."""


class Copier:
    """Copies one model.

    Attributes
    ----------
    closed_over
        Modules that functions of the tree hold on to. A copied tree would still call the user's own modules there.
    inplace, training
        Copied modules that write in place, and those that are in train mode.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._memo: dict[int, Any] = {}
        self._seen: set[int] = set()
        self._storages: dict[int, torch.UntypedStorage] = {}
        self.closed_over: list[nn.Module] = []
        self.inplace: list[nn.Module] = []
        self.training: list[nn.Module] = []

    @functools.cached_property
    def _tree(self) -> set[int]:
        return {id(part) for part in self._model.modules()}

    @functools.cached_property
    def _written(self) -> set[int]:
        """Where the storages of the buffers are, to which a forward pass may write."""
        buffers = {place for part in self._model.buffers() if (place := _place_of(part))}
        return buffers - {_place_of(part) for part in self._model.parameters()}

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
            self._hold(tuple(part for part in held if id(part) not in self._tree))  # those have their copies
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
        place = _place_of(data)
        if place not in self._written or type(data) is not Tensor or data.is_conj() or data.is_neg():
            return data
        if place not in self._storages:
            storage = data.untyped_storage()
            self._storages[place] = storage.clone() if storage.nbytes() <= _MOST_OWN else storage
        own = torch.empty(0, dtype=data.dtype, device=data.device)
        return own.set_(self._storages[place], data.storage_offset(), data.shape, data.stride())

    def _deeply(self, value: Any) -> Any:
        """`copy.deepcopy`, told beforehand of all tensors of the model, so that weights keep their storage."""
        for tensor in (*self._model.parameters(), *self._model.buffers()):
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
                if held.is_leaf and type(held) in (Tensor, nn.Parameter) and held.nbytes > _LARGE:
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
            elif isinstance(value, types.FunctionType):
                self._look_into(value)
            elif isinstance(value, types.MethodType):
                self._hold((value.__self__, value.__func__))
            elif isinstance(value, functools.partial):
                self._hold((value.func, *value.args, *value.keywords.values()))
            elif isinstance(value, (list, tuple)) and len(value) <= _MOST_ITEMS:
                self.closed_over.extend(part for part in value if isinstance(part, nn.Module))
            elif isinstance(value, dict) and len(value) <= _MOST_ITEMS:
                self.closed_over.extend(part for part in value.values() if isinstance(part, nn.Module))


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


def _place_of(tensor: Tensor) -> int:
    """Where the storage of a tensor is; 0 of one that has none, or one of its own kind."""
    plain = tensor.layout is torch.strided and not tensor.is_meta and not tensor.is_quantized
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
    """Modules and functions that a function looks up in its own file or notebook, where cells leave their names."""
    names, found, codes = function.__globals__, [], [function.__code__]
    for code in codes:
        codes.extend(inner for inner in code.co_consts if isinstance(inner, types.CodeType))
        known = {name: names[name] for name in code.co_names if name in names}
        fitting = [
            name
            for name, value in known.items()
            if isinstance(value, nn.Module) or (isinstance(value, types.FunctionType) and value.__globals__ is names)
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
