"""SHAP values of all examples add up to the score, within the gap that is stated."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from nbexplain import Image, Tabular, Text, explain
from nbexplain.examples.digits import digits
from nbexplain.examples.moons import moons
from nbexplain.examples.reviews import reviews
from nbexplain.examples.scenes import scenes
from nbexplain.examples.tumour import tumour

PERTURBING = ("kernel_shap", "partition_shap", "permutation_shap", "exact_shap")
GRADIENT = ("gradient_shap", "deep_shap")


@cache
def table() -> Any:
    return tumour()


def tumour_row() -> Tabular:
    return Tabular(table().rows[0], table().background, names=table().names)


def review() -> tuple[Any, Any]:
    found = reviews()
    return found.model, Text(found.texts[0], found.tokenizer)


def moon() -> tuple[Any, Any]:
    found = moons()
    return found.model, Tabular(found.rows[0], found.background, names=found.names)


def scene() -> tuple[Any, Any]:
    found = scenes()
    return found.model, Image(found.pictures[1], found.preprocess)


def digit() -> tuple[Any, Any]:
    found = digits(1)
    return found.model, Image(found.pictures[0], found.preprocess)


EXAMPLES: dict[str, tuple[Callable[[], tuple[Any, Any]], tuple[str, ...]]] = {
    "reviews": (review, PERTURBING),
    "tumour network": (lambda: (table().model, tumour_row()), (*PERTURBING[:3], *GRADIENT)),
    "tumour forest": (lambda: (table().forest, tumour_row()), (*PERTURBING[:3], "tree_shap")),
    "moons": (moon, (*PERTURBING, *GRADIENT)),
    "scenes": (scene, ("kernel_shap", "partition_shap", "permutation_shap", *GRADIENT)),
    "digits": (digit, (*PERTURBING, *GRADIENT)),
}
FEW: dict[str, dict[str, Any]] = {
    "kernel_shap": {"samples": 100},
    "partition_shap": {"evaluations": 60},
    "permutation_shap": {"permutations": 2},
    "gradient_shap": {"samples": 40},
}


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, (_, keys) in EXAMPLES.items() for key in keys])
def test_values_add_up_to_the_score_within_the_stated_gap(name: str, key: str) -> None:
    model, x = EXAMPLES[name][0]()
    options = dict(FEW.get(key, {}))
    if x.kind == "picture" and key in PERTURBING:
        options |= {"superpixels": 9, "segmentation": "grid"}
    if x.kind == "table":
        options["background"] = 20
    answer = explain(model, x, key, **options)
    assert answer.base is not None
    assert answer.gap is not None
    assert answer.score is not None
    scale = abs(answer.score) + abs(answer.base) + np.abs(answer.values).sum()
    np.testing.assert_allclose(answer.base + answer.values.sum() + answer.gap, answer.score, atol=1e-9 * scale)
    if key not in GRADIENT:
        assert abs(answer.gap) < 1e-5 * scale  # these promise it
    elif key == "deep_shap" and not answer.warnings:
        assert abs(answer.gap) < 0.011 * abs(answer.score - answer.base)  # more would have been said
    elif key == "gradient_shap":
        # samples of one line, or of lines to several rows: the sum errs no more than its parts together
        assert answer.standard_error is not None
        assert abs(answer.gap) < 4 * answer.standard_error.sum()
