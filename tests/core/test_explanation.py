"""An explanation is checked when it is made, and cannot be written to."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from nbexplain import Explanation

LABELS = np.array([[0, 0], [1, 2]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"axes": ("y",)}, r"axes: 1 names \('y',\) for values of shape \(2, 3\)"),
        ({"on": "pixels"}, "on: expected one of 'input', 'layer', .*, got 'pixels'"),
        ({"standard_error": np.zeros(2)}, r"standard_error: shape \(2,\) for values of shape \(2, 3\)"),
        ({"values": np.zeros(2), "axes": ("feature",), "on": "features"}, "features: a map from places to features"),
        (
            {"values": np.zeros(2), "axes": ("feature",), "on": "features", "features": LABELS},
            r"features: label 2 has no value \(there are 2\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Explanation(**{"values": np.zeros((2, 3)), "axes": ("y", "x"), **given})


def test_nothing_of_it_can_be_written_to() -> None:
    ours = Explanation(
        values=np.zeros(3), axes=("feature",), on="features", features=LABELS.copy(), standard_error=np.ones(3)
    )
    for array in (ours.values, ours.features, ours.standard_error):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        ours.progress = 0.5  # type: ignore[misc]
    assert ours.nbytes == 24 + 24 + ours.features.nbytes  # type: ignore[union-attr]


def test_not_a_number_stays() -> None:
    assert np.isnan(Explanation(values=np.array([np.nan]), axes=("feature",)).values).all()


def test_its_name_says_what_it_is() -> None:
    ours = Explanation(
        values=np.zeros((2, 3)),
        axes=("y", "x"),
        method="grad_cam",
        target=4,
        layer="conv2",
        score=1.23456,
        score_name="logit",
        progress=0.5,
    )
    assert repr(ours) == "<Explanation grad_cam {'y': 2, 'x': 3} target=4 layer='conv2' logit=1.235 progress=50%>"
