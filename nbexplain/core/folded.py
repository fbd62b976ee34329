"""A twin for many inputs: batch norms folded into the convolutions before them, and weights in the order of oneDNN.

What a batch costs beside its convolutions is mostly memory: a batch norm reads and writes every output once more, and
plain weights are put in another order for every batch. Modules that look at their neighbourhood only also know how to
compute just what has changed, see `local`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from nbexplain.core import hooks, local
from nbexplain.core.memory import options
from nbexplain.core.twin import Twin, twin

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_EXACT = (torch.float32, torch.float64)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def folded(
    plain: Twin, handed_on: Sequence[tuple[nn.Module | None, nn.Module]], same: Callable[[Twin], bool]
) -> Twin | Literal[False]:
    """A second twin of the same model, faster for batches, or False where that cannot be had.

    The weights of its convolutions are copied, not shared: it goes when `plain` goes.

    Parameters
    ----------
    plain
        The twin.
    handed_on
        Which module of `plain` took the output of which, call by call; see `hooks.Survey`.
    same
        Whether a twin gives the scores that it should. It would not if the output of a folded convolution were used
        elsewhere too; nothing is folded then.
    """
    if not plain.copied:
        return False
    many = twin(plain.original, plain.stop, watched=False)
    counterpart: dict[Any, Any] = dict(zip(plain.module.modules(), many.module.modules(), strict=False))
    parts = [m for m in counterpart.values() if not (m._forward_hooks or m._forward_pre_hooks)]
    convolutions = [m for m in parts if type(m) in _CONVOLUTIONS and m.weight.dtype in _EXACT]
    norms = [m for m in parts if type(m) in _NORMS and m.running_mean is not None]
    size = sum(m.weight.nbytes for m in convolutions)
    if not many.copied or not convolutions or size > options.memory_budget // 4:
        return False
    times: Counter[Any] = Counter(taker for _, taker in handed_on)
    replaced: dict[Any, nn.Module] = {}
    for giver, taker in handed_on:
        convolution, norm = counterpart.get(giver), counterpart.get(taker)
        if convolution is None or norm is None:
            continue
        if convolution in convolutions and norm in norms and times[giver] == times[taker] == 1:
            convolution.weight, convolution.bias = fuse_conv_bn_weights(
                convolution.weight,
                convolution.bias,
                norm.running_mean,
                norm.running_var,
                norm.eps,
                norm.weight,
                norm.bias,
            )
            replaced[norm] = nn.Identity()
    try:
        replaced |= {convolution: _Packed(convolution) for convolution in convolutions if _can_be_packed(convolution)}
        for part in parts:
            if (near := local.localised(part, replaced.get(part, part))) is not None:
                replaced[part] = near
        for module in list(many.module.modules()):
            for name, child in module._modules.items():
                if child in replaced:
                    module._modules[name] = replaced[child]
        hooks.cancellable_for_good([many.module], many.stop)
        return many if same(many) else False
    except Exception:  # oneDNN cannot pack these, or the model asks a module for something that its replacement lacks
        return False


class _Packed(nn.Module):
    """A convolution whose weights are in the order that oneDNN wants; the results are the same to the last bit."""

    def __init__(self, plain: nn.Conv2d) -> None:
        super().__init__()
        self._how = (plain.padding, plain.stride, plain.dilation, plain.groups)
        self.bias = plain.bias
        self.register_buffer("weight", torch.ops.mkldnn._reorder_convolution_weight(plain.weight.detach(), *self._how))

    def forward(self, x: Tensor) -> Tensor:
        return self._convolved(x, *self._how)

    def bare(self, x: Tensor) -> Tensor:
        """Without the padding."""
        return self._convolved(x, (0, 0), *self._how[1:])

    def _convolved(self, x: Tensor, *how: Any) -> Tensor:
        packed: Tensor = torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *how, "none", [], "")
        return packed


def _can_be_packed(convolution: nn.Module) -> bool:
    return (
        type(convolution) is nn.Conv2d
        and convolution.padding_mode == "zeros"
        and isinstance(convolution.padding, tuple)
        and convolution.weight.dtype == torch.float32
        and convolution.weight.device.type == "cpu"
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )
