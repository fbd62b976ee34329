"""Everything about a model, its input and the process that an explanation must leave as it was."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import sklearn.preprocessing  # noqa: F401  where rich is installed, its first import draws from Python's random numbers
import torch
from torch import Tensor, nn

from tests.networks import parts

_GLOBAL_HOOKS = [name for name in vars(torch.nn.modules.module) if name.startswith("_global_") and "hook" in name]


def snapshot(model: nn.Module, *tensors: Tensor) -> dict[str, Any]:
    """Path → value; two snapshots are equal where nothing was touched."""
    found: dict[str, Any] = {"hooks on all modules": _global_hooks(), **_process()}
    for number, module in enumerate(parts(model)):
        path = f"{number} {type(module).__name__}"
        found[f"{path} keys"] = list(module.__dict__)
        for key, value in module.__dict__.items():
            found.update(_value(f"{path}.{key}", value))
    for number, tensor in enumerate(tensors):
        found.update(_tensor(f"input {number}", tensor))
    return found


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Paths of what is no longer the same."""
    return [path for path in {**before, **after} if before.get(path, "missing") != after.get(path, "missing")]


def _value(path: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Tensor):
        return _tensor(path, value)
    if isinstance(value, dict):  # parameters, buffers, children, and every kind of hook
        found: dict[str, Any] = {path: (id(value), list(value), [id(v) for v in value.values()])}
        for key, part in value.items():
            if isinstance(part, Tensor):
                found.update(_tensor(f"{path}.{key}", part))
        return found
    if isinstance(value, (bool, int, float, str, type(None), tuple)):
        return {path: value}  # flags: training, inplace
    return {path: id(value)}


def _tensor(path: str, tensor: Tensor) -> dict[str, Any]:
    grad = tensor.grad if tensor.is_leaf else None
    return {
        f"{path} identity": (id(tensor), tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()),
        f"{path} version": None if tensor.is_inference() else tensor._version,
        f"{path} requires_grad": (tensor.requires_grad, tensor.is_leaf),
        f"{path} values": _bytes(tensor),
        f"{path} grad": None if grad is None else (id(grad), grad._version, _bytes(grad)),
        f"{path} hooks": (
            list(tensor._backward_hooks or ()),
            list(getattr(tensor, "_post_accumulate_grad_hooks", None) or ()),
        ),
    }


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _global_hooks() -> dict[str, list[Any]]:
    return {name: list(_items(getattr(torch.nn.modules.module, name))) for name in _GLOBAL_HOOKS}


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, Iterable) else [value]


def _process() -> dict[str, Any]:
    name, keys, *rest = np.random.get_state()
    return {
        "random numbers of torch": bytes(torch.get_rng_state().numpy()),
        "random numbers of numpy": (name, bytes(keys), rest),
        "random numbers of Python": random.getstate(),
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "autocast": torch.is_autocast_enabled("cpu"),
        "deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
        ),
        "anomaly": torch.is_anomaly_enabled(),
        "default dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "numpy errors": np.geterr(),
    }
