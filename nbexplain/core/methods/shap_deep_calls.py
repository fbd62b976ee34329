"""Calls: every activation and max pooling of a pass as a module of its own, which is where DeepLIFT's rules apply."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nbexplain.core.model.model_errors import Said

_NAMES = (
    "abs celu clamp clamp_max clamp_min cos elu erf exp expm1 gelu hardsigmoid hardswish hardtanh leaky_relu log "
    "log1p log_softmax logsigmoid mish prelu reciprocal relu relu6 rrelu rsqrt selu sigmoid silu sin softmax softplus "
    "softsign sqrt square tanh tanhshrink threshold"
)
# their output at a place depends on the input there (in a softmax also on others: shap's rule for it is the same)
_ELEMENTWISE = {
    getattr(room, name + end): name
    for room in (torch, F, Tensor)
    for name in _NAMES.split()
    for end in ("", "_")
    if hasattr(room, name + end)
}
_POOLS = {getattr(F, f"{kind}max_pool{n}d") for kind in ("", "adaptive_") for n in (1, 2, 3)}
_POWERS = {torch.pow, Tensor.pow, Tensor.__pow__}
# what depends on the input in a way that no rule is known for, and where more than one factor does
_NO_RULE = (
    "amax amin cummax cumprod group_norm gru instance_norm layer_norm local_response_norm lstm max min norm normalize "
    "multi_head_attention_forward prod rms_norm rnn_relu rnn_tanh sort std topk var"
)
_PRODUCTS = (
    "__imul__ __matmul__ __mul__ __rmul__ __rtruediv__ __truediv__ addmm baddbmm bilinear bmm div div_ divide einsum "
    "matmul maximum minimum mm mul mul_ multiply scaled_dot_product_attention"
)


class Elementwise(nn.Module):
    """One call of an activation."""

    call: Callable[[Tensor], Tensor]

    def forward(self, x: Tensor) -> Tensor:
        return self.call(x)


class Pool(nn.Module):
    """One call of a max pooling."""

    call: Callable[..., Any]

    def forward(self, x: Tensor) -> Any:
        return self.call(x)


class Calls:
    """The calls of a pass that need a rule, in their order.

    Parameters
    ----------
    rules
        Filled by the first pass, with a module for each call.
    network
        What is run.

    Attributes
    ----------
    without_rule
        What depends on the input without a rule: the function and the layer that called it.
    """

    def __init__(self, rules: nn.ModuleList, network: nn.Module) -> None:
        self._rules = rules
        self._names = {id(module): name for name, module in network.named_modules() if name}
        self._recorded = False
        self._next = 0
        self.without_rule: dict[str, None] = {}

    @contextmanager
    def begun(self) -> Iterator[None]:
        """A pass of the network."""
        self._next = 0
        with _Routed(self):
            yield
        self._recorded = True

    def rule(self, kind: type[Elementwise] | type[Pool], call: Callable[..., Any]) -> nn.Module:
        """The module that stands for the next call."""
        if not self._recorded:
            self._rules.append(kind())
        if self._next >= len(self._rules) or type(self._rules[self._next]) is not kind:
            raise Said("model: deep_shap needs the same calls in each pass, and this model makes others each time")
        module: Any = self._rules[self._next]
        module.call = call
        self._next += 1
        return module  # type: ignore[no-any-return]

    def note(self, function: str) -> None:
        """A function without a rule, called by the innermost layer that is running."""
        frame: Any = sys._getframe(2)
        while frame is not None:
            name = self._names.get(id(frame.f_locals.get("self")))
            if name is not None:
                self.without_rule[f"{function.strip('_')} in {name!r}"] = None
                return
            frame = frame.f_back
        self.without_rule[function.strip("_")] = None


class _Routed(TorchFunctionMode):  # type: ignore[misc, unused-ignore]
    """Sends calls that need a rule through modules; while one runs, what it calls itself is left alone."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        power = func in _POWERS and not isinstance(args[1], Tensor) if len(args) > 1 else False
        if func in _ELEMENTWISE or power:
            return self._elementwise(func, args, kwargs)
        if func in _POOLS and not kwargs.get("return_indices"):
            return self._calls.rule(Pool, lambda x, **more: func(x, *args[1:], **{**kwargs, **more}))(args[0]).clone()
        varying = sum(isinstance(arg, Tensor) and arg.requires_grad for arg in (*args, *kwargs.values()))
        if (varying and name in _NO_RULE.split()) or (varying > 1 and name in _PRODUCTS.split()):
            self._calls.note(name)
        return func(*args, **kwargs)

    def _elementwise(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        x = args[0] if args else kwargs.pop("input")
        writes = bool(kwargs.pop("inplace", False)) or func.__name__.endswith("_")
        rest = args[1:]
        if isinstance(x, Tensor) and "inplace" in _names_of(func):
            place = _names_of(func).index("inplace")
            if len(args) > place:  # handed on by position
                writes, rest = writes or bool(args[place]), (*args[1:place], False, *args[place + 1 :])
        if not writes:  # what a hook watches must not be written into later
            return self._calls.rule(Elementwise, lambda x: func(x, *rest, **kwargs))(x).clone()
        rule = self._calls.rule(Elementwise, lambda x: func(x.clone(), *rest, **kwargs))
        return x.copy_(rule(x.clone()))


def _names_of(func: Any) -> tuple[str, ...]:
    code = getattr(func, "__code__", None)
    return tuple(code.co_varnames[: code.co_argcount]) if code else ()


def maxpool(module: Any, grad_input: Any, grad_output: Any) -> tuple[Tensor, ...]:
    """shap's rule for max pooling, with windows that may overlap: their shares add up."""
    x, y = module.x, module.y
    mine, reference = x.chunk(2)
    delta = mine - reference
    y_mine, y_reference = y.chunk(2)
    highest = torch.maximum(y_mine, y_reference)
    pulls = grad_output[0] * torch.cat([highest - y_reference, y_mine - highest])
    with torch.no_grad():
        _, places = module.call(x.detach(), return_indices=True)
    spread = torch.zeros_like(x).flatten(2).scatter_add(2, places.flatten(2), pulls.flatten(2)).view_as(x)
    share = sum(spread.chunk(2))
    slope = torch.where(delta.abs() < 1e-7, torch.zeros_like(delta), share / delta)
    return (torch.cat([slope, slope]),)
