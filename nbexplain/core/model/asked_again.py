"""Whether a model answers the same input alike when it is asked again, and what it keeps from call to call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nbexplain.core.model.batches import is_close
from nbexplain.core.predictor import Predictor

_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_MOST_NAMED = 3
DRAWS = "or draws random numbers"


def held(module: nn.Module) -> dict[str, tuple[Any, Any]]:
    """What a module and its parts hold beside weights, by name: each with what tells whether it was written to."""
    found: dict[str, tuple[Any, Any]] = {}
    for path, part in module.named_modules():
        if isinstance(part, Predictor):
            continue
        own = {name: value for name, value in vars(part).items() if name not in _OF_EVERY_MODULE}
        for name, value in (own | dict(part._buffers)).items():
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
    if isinstance(value, Tensor):
        return None if value.is_inference() else value._version
    return len(value) if isinstance(value, (list, dict, set, tuple)) else None


def _changed(before: tuple[Any, Any] | None, now: tuple[Any, Any]) -> bool:
    if before is None or before[1] != now[1]:
        return True
    plain = isinstance(now[0], (int, float, str, tuple, type(None)))
    return before[0] is not now[0] and not (plain and type(before[0]) is type(now[0]) and before[0] == now[0])
