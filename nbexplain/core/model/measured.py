"""What stands for the weights of a part that keeps its identity when it is trained on: arrays, networks, boosters."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

_WHOLE = 2048  # bytes: smaller arrays are looked at as a whole
_SAMPLES = 64  # values of a larger one
_WIDE = 10_000  # columns
_FEW_LEAVES = 200_000  # CatBoost copies the values of all leaves to tell them


def of_array(array: np.ndarray) -> tuple[Any, ...]:
    """Shape and values, of a large array a few that are spread over it."""
    if array.nbytes <= _WHOLE:
        return array.shape, array.dtype.str, array.tobytes()
    step = max(array.size // _SAMPLES, 1)
    if array.flags.c_contiguous or array.flags.f_contiguous:  # others would be copied
        chosen = array.reshape(-1, order="C" if array.flags.c_contiguous else "F")[::step]
    else:
        chosen = array.flat[np.arange(0, array.size, step)]
    return array.shape, array.dtype.str, chosen.tobytes()


def of_network(part: nn.Module | Tensor) -> Any:
    """The fingerprint of a network, or of one tensor."""
    from nbexplain.core.fingerprint import fingerprint  # which itself looks into estimators

    if isinstance(part, nn.Module):
        return fingerprint(part)
    holder = nn.Module()
    holder._buffers["tensor"] = part
    return fingerprint(holder)


def booster_of(kind: type) -> str:
    """Whose booster a class is: `"xgboost"`, `"lightgbm"`, `"catboost"`, or `""`."""
    for base in kind.__mro__:
        package = base.__module__.partition(".")[0].lstrip("_")
        if (package, base.__name__) in (("xgboost", "Booster"), ("lightgbm", "Booster"), ("catboost", "_CatBoost")):
            return package
    return ""


def of_booster(package: str, booster: Any) -> tuple[Any, ...]:
    """What changes when a booster is trained on, or loads another model: about 0.2 ms for xgboost's, less for others.

    xgboost tells its trees in milliseconds, so the margins of two rows stand for them.
    """
    if package == "xgboost":
        import xgboost

        own = xgboost.Booster  # not what a class made of it has in its place
        width = own.num_features(booster)
        rows: Any = np.stack([np.zeros(width, np.float32), np.ones(width, np.float32)]) if width <= _WIDE else None
        if rows is None:  # megabytes; one row without values
            from scipy.sparse import csr_matrix

            rows = csr_matrix((1, width), dtype=np.float32)
        margins = own.predict(booster, xgboost.DMatrix(rows), output_margin=True, validate_features=False)
        return own.num_boosted_rounds(booster), margins.tobytes()
    if package == "lightgbm":
        import lightgbm

        trained = lightgbm.Booster
        return trained.num_trees(booster), trained.lower_bound(booster), trained.upper_bound(booster)
    told = booster._get_tree_count(), booster._get_scale_and_bias()
    if booster._get_tree_leaf_counts().sum() > _FEW_LEAVES:
        return told
    return *told, of_array(booster._get_leaf_values())


def is_network(kind: type) -> bool:
    """Whether instances of a class are networks or tensors."""
    return any(base in (nn.Module, Tensor) for base in kind.__mro__)
