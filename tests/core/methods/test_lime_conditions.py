"""The names of LIME's bars beside those that lime prints."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from lime.lime_tabular import LimeTabularExplainer

from nbexplain import Tabular, explain
from nbexplain.core.methods.lime_conditions import conditions

DRAW = np.random.default_rng(0)
ROWS = np.stack([DRAW.normal(size=50), DRAW.integers(0, 3, 50), DRAW.exponential(100, 50), np.ones(50)], 1)
NAMES = ["acid", "count", "worst concavity <= mean", "same"]


def plain(name: str) -> str:
    """As lime writes it."""
    return name.replace("≤", "<=").replace("−", "-").replace(NAMES[2], "long")


def parts(name: str) -> list[object]:
    """Words and signs of a condition, and its numbers as near to each other as lime's two decimals are."""
    number = re.compile(r"-?[\d.]+")
    return [pytest.approx(float(w), rel=1e-3, abs=0.006) if number.fullmatch(w) else w for w in plain(name).split()]


@pytest.mark.parametrize("number", range(8))
def test_they_are_those_of_lime(number: int) -> None:
    explainer = LimeTabularExplainer(ROWS, feature_names=NAMES, discretize_continuous=True, random_state=0)
    bins = explainer.discretizer.discretize(ROWS[number]).astype(int)
    theirs = [explainer.discretizer.names[place][bin_] for place, bin_ in enumerate(bins)]
    ours = conditions(Tabular(ROWS[number], ROWS, names=NAMES), "quartile")
    for own, their in zip(ours, theirs, strict=True):
        words = [float(word) if re.fullmatch(r"-?[\d.]+", word) else word for word in plain(own).split()]
        assert words == parts(their)


def test_categories_and_values_as_lime_names_them() -> None:
    frame = pd.DataFrame({"city": ["oslo", "rome"] * 10, "age": np.arange(20.0)})

    def model(x: pd.DataFrame) -> np.ndarray:
        return ((x["city"] == "oslo") + x["age"] / 20).to_numpy(float)

    x = Tabular(frame.iloc[[12]], frame)
    assert explain(model, x, "lime").names == ("city = oslo", "9.5 < age ≤ 14.25")
    assert explain(model, x, "lime", bins="value").names == ("city = oslo", "age")
    assert explain(model, x, "lime").features.tolist() == [0, 1]  # columns are linked by their place
    assert explain(model, x, "permutation_shap").names == ("city", "age")


def test_as_many_digits_as_tell_the_ends_apart() -> None:
    background = np.array([[1000.0001], [1000.0002], [1000.0003], [1000.0004], [1000.0005]])
    assert conditions(Tabular(np.array([1000.00025]), background, names=["a"]), "quartile") == (
        "1000.0002 < a ≤ 1000.0003",
    )
    small = np.array([[-2e-5], [-1e-5], [3e-5], [4e-5], [5e-5]])
    assert conditions(Tabular(small[0], small, names=["a"]), "quartile") == ("a ≤ −1e−05",)


@pytest.mark.parametrize(
    ("quartiles", "said"),
    [
        ([9500, 34150, 47050], "34150 < a ≤ 47050"),
        ([-99999.75, -12345.6, 1], "−99999.8 < a ≤ −12346"),
        ([5, 123456.7, 123456.9], "123456.7 < a ≤ 123456.9"),
        ([5, 123456789012.4, 999999999999999.0], "123456789012 < a ≤ 999999999999999"),
        ([5, 1e15, 2.5e16], "1e+15 < a ≤ 2.5e+16"),
    ],
)
def test_large_numbers_have_no_power_of_ten(quartiles: list[float], said: str) -> None:
    low, middle, high = quartiles
    background = np.array([[low - 1], [low], [middle], [high], [high + 1e9]])
    row = [low, middle] if said.startswith("−") else [middle, high]
    assert conditions(Tabular(np.array([sum(row) / 2]), background, names=["a"]), "quartile") == (said,)


def test_times_are_written_as_such() -> None:
    days = pd.to_datetime("2020-01-01") + pd.to_timedelta([0, 10, 21, 33, 60, 91], unit="D")
    frame = pd.DataFrame({"day": days, "at": days + pd.Timedelta("6h"), "month": days.to_period("M")})
    frame["span"] = pd.to_timedelta([0, 12, 30, 36, 48, 72], unit="h")
    frame["soon"] = pd.to_datetime("2020-01-01") + pd.to_timedelta([0, 1, 2, 3, 4, 5], unit="ms")
    at = [conditions(Tabular(frame.iloc[[row]], frame), "quartile") for row in (0, 2, 5)]
    # quartiles of the days: 12.75, 27 and 53.25 after the first
    assert [names[0] for names in at] == ["day ≤ 2020-01-13", "2020-01-13 < day ≤ 2020-01-28", "day > 2020-02-23"]
    assert at[1][1] == "2020-01-14 < at ≤ 2020-01-28 06:00"
    assert [names[2] for names in at] == ["month ≤ 2020-01", "month ≤ 2020-01", "month > 2020-02"]
    assert at[1][3] == "16.5 h < span ≤ 1.375 d"
    assert at[1][4] == "2020-01-01T00:00:00.001 < soon ≤ 2020-01-01T00:00:00.002"


def test_a_missing_value_is_said() -> None:
    x = Tabular([np.nan, 1.0], np.array([[1.0, 2.0], [np.nan, 1.0]]), names=["a", "b"])
    assert conditions(x, "quartile")[0] == "a is missing"
