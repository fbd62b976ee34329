"""Where a gradient ends: found by one more pass that is followed call by call, not guessed.

The pass begins at a leaf (the input, or a layer's output). Every call of a torch function is seen, with what it takes
and returns: a value that comes from the leaf, but to which autograd's graph no longer leads, was cut just there.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from nbexplain.core import hooks
from nbexplain.core.model.batches import differing
from nbexplain.core.model.cut import Cut
from nbexplain.core.network import Network
from nbexplain.core.predictor import Predictor

_LEAVING = ("numpy", "item", "tolist", "__float__", "__int__", "__bool__", "__index__", "__complex__", "__array__")


class Follower(TorchFunctionMode):
    """Follows what comes from a leaf through the calls of a pass.

    Parameters
    ----------
    root
        What runs.
    layer
        (module, call) whose output is the leaf; None where it is the input, see `begin`.
    """

    def __init__(self, root: nn.Module, layer: tuple[nn.Module, int] | None) -> None:
        super().__init__()
        self._names = {id(module): name for name, module in reversed([*root.named_modules()])}
        self._layer = layer
        self._calls = 0
        self.source = hooks.Source()
        self._seen: dict[int, tuple[Tensor, tuple[Cut, ...]]] = {}  # what comes from the leaf: holding it keeps its id
        self._running: list[tuple[nn.Module, bool, bool]] = []  # with the modes that it was called in
        self._behind = ""
        self._open: list[Cut] = []  # whose `ahead` is not known yet
        self.left: list[Cut] = []
        self.opaque: list[str] = []

    def begin(self, leaf: Tensor) -> None:
        """Follow what comes from `leaf`, which requires grad."""
        self.source.source = leaf
        self._seen[id(leaf)] = leaf, ()

    def cuts(self, tensor: Tensor) -> tuple[Cut, ...] | None:
        """Where the gradient was cut on the way to a tensor, first first; None if it does not come from the leaf."""
        found = self._seen.get(id(tensor))
        return None if found is None else found[1]

    def reaches(self, tensor: Tensor) -> bool:
        """Whether autograd's graph leads from a tensor to the leaf."""
        return self.source(tensor)

    # Calls of modules

    def before(self, module: nn.Module) -> None:
        name = self._names.get(id(module), "")
        for cut in self._open:
            cut.ahead = name
        self._open.clear()
        self._running.append((module, torch.is_grad_enabled(), torch.is_inference_mode_enabled()))

    def after(self, module: nn.Module, taken: tuple[Any, Any], output: Any) -> Any:
        handed_on = None
        if self._layer is not None and module is self._layer[0] and not hooks.in_transform():
            self._calls += 1
            returned = hooks.main_tensor(output)
            if self._calls == self._layer[1] + 1 and returned is not None:
                leaf = (returned.clone() if returned.is_inference() else returned).detach().requires_grad_()
                self.begin(leaf)
                handed_on = hooks.replace(output, returned, leaf.clone())
        elif len(self._running) > 1 and self._comes(taken) and not self._comes(output):
            self.opaque.append(self._names.get(id(module), ""))
        self._running.pop()
        self._behind = self._names.get(id(module), "")
        return handed_on

    def _comes(self, value: Any) -> bool:
        """Whether a tensor in it comes from the leaf."""
        return any(id(one) in self._seen for one in _tensors(value))

    # Calls of functions

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        given = [self._seen[id(one)] for one in _tensors([*args, kwargs or {}]) if id(one) in self._seen]
        if not given:
            return output
        name = (resolve_name(func) or getattr(func, "__name__", "")).rpartition(".")
        short = name[0].rpartition(".")[2] if name[2] in ("__get__", "__set__") else name[2]
        taken = [one for one in given if not (_shape_only(short) and one[0] is args[0])]
        if not taken:
            return output
        for _, cuts in given:
            for cut in cuts:
                if cut.function and not torch.is_grad_enabled() and not _function():
                    cut.function = ""  # what is computed with it is cut as well: it was called that way
        made = list(_tensors(output))
        if short == "__setitem__" or not made:
            made = [one for one in args[:1] if isinstance(one, Tensor)] if _writes(short) else []
        if short in _LEAVING:
            self.left.append(self._cut(short, name, None))
        earlier = tuple(dict.fromkeys(cut for one, cuts in taken if not self.reaches(one) for cut in cuts))
        reached = any(self.reaches(one) for one, _ in taken)
        for tensor in made:
            if self.reaches(tensor):
                self._seen[id(tensor)] = tensor, ()
            elif reached:
                self._seen[id(tensor)] = tensor, (self._cut(short, name, tensor.dtype), *earlier)
            else:
                self._seen[id(tensor)] = tensor, earlier
        return output

    def _cut(self, short: str, name: tuple[str, str, str], dtype: torch.dtype | None) -> Cut:
        names = [self._names.get(id(module), "") for module, *_ in self._running]
        off = ""
        if not torch.is_grad_enabled():
            off = "torch.inference_mode()" if torch.is_inference_mode_enabled() else "torch.no_grad()"
        # the innermost module that was itself called with gradients on is the one that switched them off
        level = max((n for n, (_, grad, _) in enumerate(self._running) if grad), default=-1)
        module = self._running[-1][0] if self._running else None
        quantised = ".quantized" in type(module).__module__ or "quantized" in name[0].split(".")
        cut = Cut(
            call=".data" if short == "data" else f".{short}()" if "Tensor" in name[0].split(".") else f"{short}()",
            off=off,
            inside=names[-1] if names else "",
            switching=names[level] if level >= 0 else "",
            part=next((part for part in names[level + 1 :] if part), ""),
            behind=self._behind,
            function=_function() if off else "",
            dtype=dtype,
            quantised=_described(module) if quantised else "",
        )
        self._open.append(cut)
        return cut


def reason(network: Network, layer: tuple[nn.Module, int] | None) -> str:
    """Why no gradient of the scores reaches the input or a layer, as a part of a sentence.

    Parameters
    ----------
    network
        What runs.
    layer
        (module, call), or None for the input.
    """
    module = network.twin.module
    if isinstance(module, Predictor):
        return f"{type(module.estimator).__name__} is no torch module"
    follower = Follower(module, layer)
    x = network.clean()
    if layer is None:
        follower.begin(x.requires_grad_())
    with hooks.followed(module, follower.before, follower.after), follower:
        scores = network.run(x, grad=True, inplace=False)
    if follower.reaches(scores):
        try:
            with network.computing(grad=True):
                ends = hooks.ends_of_gradient(scores, follower.source)
        except Exception as error:
            return raised(error)
        functions = dict.fromkeys(_name_of(node) for node in ends)
        if functions:
            several = len(functions) > 1
            named = " and ".join(functions)
            return f"the backward{'s' * several} of {named} hand{'s' * (not several)} on no gradient"
        return "the target that is made of the scores does not depend on it, or has no gradient"
    cuts = follower.cuts(scores)
    if cuts:
        more = len(cuts) - 1
        return str(cuts[0]) + (f" (and is cut in {more} more place{'s' * (more > 1)})" if more else "")
    if not _depends(network, layer):
        return "the score does not depend on it"
    if follower.left:
        return str(follower.left[0])
    if follower.opaque:
        return f"it ends in {follower.opaque[0]!r}, whose output no graph leads to"
    return "the model computes the scores from it outside of autograd's graph"


def raised(error: Exception) -> str:
    """Why no gradient arrives where the backward pass raises, as a part of a sentence."""
    words = str(error).partition(" Hint:")[0]  # torch's hints are about its own tools
    if "modified by an inplace operation" in words:
        return f"the model overwrites in place what its own gradient needs (torch: {words})"
    trace, where = error.__traceback__, "the backward pass"
    while trace is not None:  # torch runs the backward of a Function from there
        node = trace.tb_frame.f_locals.get("self")
        if _is_function(node):
            where = f"the backward of {_name_of(node)}"
        trace = trace.tb_next
    return f"{where} raises {type(error).__name__}: {words}"


def _name_of(node: Any) -> str:
    """Of a node of the graph: how its `torch.autograd.Function` is called, or torch's own operation."""
    return str(node.name()).removesuffix("Backward") if _is_function(node) else str(node.name())


def _is_function(node: Any) -> bool:
    return isinstance(node, torch.autograd.function.BackwardCFunction)


def _depends(network: Network, layer: tuple[nn.Module, int] | None) -> bool:
    """Whether the scores become others with other values there."""
    calls = 0

    def replace(module: nn.Module, _taken: Any, output: Any) -> Any:
        nonlocal calls
        if layer is None or module is not layer[0]:
            return None
        calls += 1
        returned = hooks.main_tensor(output)
        if calls != layer[1] + 1 or returned is None:
            return None
        return hooks.replace(output, returned, differing(returned))

    x = network.clean()
    scores = network.run(x, grad=False)
    with hooks.followed(network.twin.module, lambda _module: None, replace):
        other = network.run(x if layer else differing(x), grad=False)
    return not torch.equal(scores, other)


def _shape_only(name: str) -> bool:
    """Whether a function looks at the shape of its first argument, not at its values."""
    return name.endswith("_like") or (name.startswith("new_") and name != "new_tensor")


def _writes(name: str) -> bool:
    return name == "__setitem__" or (name.endswith("_") and not name.endswith("__"))


def _function() -> str:
    """Name of the `torch.autograd.Function` in whose forward we are, or `""`."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code is not reason.__code__:  # what runs around us is not the model's
        if frame.f_code.co_name == "apply" and frame.f_globals.get("__name__") == "torch.autograd.function":
            return str(frame.f_locals["cls"].__name__)
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def _described(module: nn.Module | None) -> str:
    return "" if module is None else f"{type(module).__module__.partition('.modules')[0]}.{type(module).__name__}"


def _tensors(value: Any) -> list[Tensor]:
    return [tensor for _, tensor in hooks.tensors_in(value)]
