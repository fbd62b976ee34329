"""What tells whether a network is still what it was: its tree of modules, its weights, and what it holds besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nbexplain.core.predictor import Predictor
from nbexplain.core.tensor_bytes import has_bytes, spread, sum_of_words

_WHOLE = 2**11  # values: smaller tensors are compared as a whole, ...
_MOST_SUMMED = 2**24  # ... larger ones by what they add up to, the smallest of so many bytes of each kind (1 ms), ...
_SAMPLES = 8  # ... and by so many of their values

_Key = tuple[int, str]  # the number of a module on our way through the tree, and a name in it


class Fingerprint(NamedTuple):
    """What is equal as long as nothing has changed.

    Attributes
    ----------
    tree
        The modules and hooks, and what a fit changes in estimators.
    weights, others
        Identity, place, version and values of each parameter, and of all other tensors; None of one that is gone.
    """

    tree: list[Any]
    weights: dict[_Key, Any]
    others: dict[_Key, Any]

    def written(self, after: Fingerprint) -> set[_Key]:
        """What beside weights is another tensor later, or holds something else."""
        keys = self.others.keys() | after.others.keys()
        found = {key for key in keys if self.others.get(key) != after.others.get(key)}
        return {key for key in found if key[0] >= 0 or after.others[key] is not None}  # one gone is no write


def fingerprint(
    *models: nn.Module, beyond: Sequence[Callable[[], Tensor | None]] = (), summed: bool = True
) -> Fingerprint:
    """The fingerprint of networks, and of tensors `beyond` the trees of their modules.

    Compares unequal after optimizer steps (fused ones too), `load_state_dict`, writes through `.data`, replaced
    tensors, replaced modules and new hooks. 0.1–0.8 ms for the usual networks, and 2 ms for each 10 million weights
    that are `summed`.
    """
    tree: list[Any] = []
    weights: dict[_Key, Tensor] = {}
    others: dict[_Key, Tensor] = {}
    waiting, seen, number = [*models], {id(model) for model in models}, 0
    while waiting:  # one walk of our own: `named_modules`, `parameters` and `buffers` would each make one
        module = waiting.pop()
        names = [(name, id(child)) for name, child in module._modules.items()]
        for child in module._modules.values():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
        tree.append((names, *map(tuple, hooks)))
        if isinstance(module, Predictor):
            tree.append((module.state(),))
        weights.update(((number, name), p) for name, p in module._parameters.items() if p is not None)
        others.update(((number, name), b) for name, b in module._buffers.items() if b is not None)
        number += 1
    gone: dict[_Key, Any] = {}
    for place, held in enumerate(beyond):
        tensor, key = held(), (-1 - place, "")
        if tensor is None:
            gone[key] = None
        else:
            (weights if isinstance(tensor, nn.Parameter) else others)[key] = tensor
    with torch.inference_mode(False), torch.no_grad():
        told = _values([*weights.values(), *others.values()], summed=summed)
    rows = [(*_place(tensor), value) for tensor, value in zip([*weights.values(), *others.values()], told, strict=True)]
    return Fingerprint(
        tree,
        dict(zip(weights, rows[: len(weights)], strict=True)),
        dict(zip(others, rows[len(weights) :], strict=True)) | gone,
    )


def _place(tensor: Tensor) -> tuple[int, int, int]:
    place = tensor.data_ptr() if has_bytes(tensor) else 0
    return id(tensor), place, 0 if tensor.is_inference() else tensor._version


def _values(tensors: list[Tensor], *, summed: bool) -> list[Any]:
    """What tells the values of each tensor: all or some of them, and sums, of weights where they are `summed`."""
    groups: dict[Any, list[tuple[int, Tensor]]] = {}
    large: list[tuple[int, int, Tensor]] = []
    for place, tensor in enumerate(tensors):
        if not has_bytes(tensor) or not tensor.numel():
            continue
        whole = tensor.numel() <= _WHOLE
        sample = spread(tensor, _WHOLE if whole else _SAMPLES)
        groups.setdefault((tensor.dtype, tensor.device), []).append((place, sample))
        if not whole and (summed or not isinstance(tensor, nn.Parameter)):
            large.append((tensor.nbytes, place, tensor))
    found: list[Any] = [None] * len(tensors)
    for samples in groups.values():
        held = torch.cat([sample for _, sample in samples])
        bits, size, begin = held.view(torch.uint8).cpu().numpy().tobytes(), held.element_size(), 0
        for place, sample in samples:
            found[place] = bits[begin : begin + size * len(sample)]
            begin += size * len(sample)
    sums: dict[torch.device, list[tuple[int, Tensor]]] = {}
    upto = {True: 0, False: 0}
    for size, place, tensor in sorted(large, key=lambda entry: entry[:2]):
        upto[isinstance(tensor, nn.Parameter)] += size
        if upto[isinstance(tensor, nn.Parameter)] > _MOST_SUMMED:
            continue
        for total in sum_of_words(tensor):
            sums.setdefault(tensor.device, []).append((place, total))
    for totals in sums.values():
        for (place, _), total in zip(totals, torch.stack([total for _, total in totals]).tolist(), strict=True):
            found[place] = (found[place], total)
    return found
