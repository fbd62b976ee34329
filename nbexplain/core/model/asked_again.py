"""Whether a model answers the same input alike when it is asked again, and what it keeps from call to call."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core.model.batches import is_close
from nbexplain.core.model.measured import of_array
from nbexplain.core.predictor import Predictor
from nbexplain.core.tensor_bytes import bytes_of, has_bytes

_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_MOST_NAMED = 3
_WHOLE = 2**14  # values: larger tensors are not looked at as a whole
_MOST_LOOKED_INTO = 100  # parts of a container
DRAWS = "or draws random numbers"
UNCLEAR = (
    f"two calls with the same input gave different scores: the model keeps something from call to call, {DRAWS}, which "
    "all values hold, too"
)


def generators() -> Any:
    """The states of the generators from which a model may draw without our help."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    kind, keys, *place = np.random.get_state()
    drawn = tuple(map(bytes_of, (torch.get_rng_state(), *devices)))
    return drawn, random.getstate(), (kind, np.asarray(keys).tobytes(), *place)


def held(module: nn.Module) -> dict[str, tuple[Any, Any]]:
    """What a module and its parts hold, by name: each with what tells whether it was written to."""
    found: dict[str, tuple[Any, Any]] = {}
    for path, part in module.named_modules():
        if isinstance(part, Predictor):
            continue
        own = {name: value for name, value in vars(part).items() if name not in _OF_EVERY_MODULE}
        for name, value in (own | dict(part._buffers) | dict(part._parameters)).items():
            found[f"{path}.{name}".lstrip(".")] = (value, _written(value))
    return found


def note_of(first: Tensor, again: Tensor, before: Mapping[str, tuple[Any, Any]], module: nn.Module, what: str) -> str:
    """What is said where scores (1, K, …) are others when they are asked again; `""` where they are the same.

    Parameters
    ----------
    before
        What the module held before it was asked again.
    what
        What the input is called: a text, a row.
    """
    if first.shape == again.shape and is_close(again, first):
        return ""
    by = ""
    if first.shape == again.shape:
        by = f" (by up to {float(torch.nan_to_num(again.double() - first.double(), nan=torch.inf).abs().max()):.2g})"
    changed = [name for name, now in held(module).items() if _changed(before.get(name), now)]
    named = ", ".join(map(repr, changed[:_MOST_NAMED])) + (" and more" if len(changed) > _MOST_NAMED else "")
    keeps = f"keeps {named} from call to call" if changed else f"keeps something from call to call, {DRAWS}"
    return (
        f"the model, asked twice about the same {what}, gives other scores{by}: it {keeps}, so values depend on what "
        "was asked before; let each call begin anew"
    )


def _written(value: Any) -> Any:
    """What a write changes: of tensors also the values, as `.data` and compiled kernels write past the version."""
    if isinstance(value, Tensor):
        version = None if value.is_inference() else value._version
        plain = type(value) in (Tensor, nn.Parameter) and has_bytes(value)
        return version, bytes_of(value, _WHOLE) if plain else None
    if isinstance(value, np.ndarray):
        return of_array(value)
    if isinstance(value, (list, tuple, dict)) and len(value) <= _MOST_LOOKED_INTO:
        parts = value.values() if isinstance(value, dict) else value
        return len(value), [_written(part) for part in parts if isinstance(part, (Tensor, np.ndarray))]
    return len(value) if isinstance(value, (list, dict, set, tuple)) else None


def _changed(before: tuple[Any, Any] | None, now: tuple[Any, Any]) -> bool:
    if before is None or before[1] != now[1]:
        return True
    plain = isinstance(now[0], (int, float, str, tuple, type(None)))
    return before[0] is not now[0] and not (plain and type(before[0]) is type(now[0]) and before[0] == now[0])
