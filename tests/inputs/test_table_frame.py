"""What a model outside torch gets for the rows of a data frame: the user's own labels, values and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from nbexplain import Subject, explain
from nbexplain.inputs import Tabular

FRAMES = {
    "integers": {"a": [1, 2, 4]},
    "floats": {"a": [1.5, np.nan, 4]},
    "integers and floats": {"a": [1, 2, 4], "b": [1.5, np.nan, 4]},
    "small numbers": {
        "a": np.array([1, -2, 4], "int8"),
        "b": np.array([1, 2, 4], "uint64"),
        "c": np.float32([0.1, 2, 4]),
    },
    "booleans": {"a": [True, False, True], "b": [True, True, True]},
    "strings": {"a": ["x", None, "y"], "b": ["x", "z", "y"]},
    "objects": {"a": pd.Series(["x", None, "y"], dtype=object), "b": pd.Series(["x", np.nan, "y"], dtype=object)},
    "categories": {
        "a": pd.Categorical(["x", None, "z"], ["z", "y", "x"]),
        "b": pd.Categorical([3, 1, 3], ordered=True),
    },
    "intervals": {"a": pd.cut([1, 5, 9], 3)},
    "times": {"a": pd.to_datetime(["2024-01-02", None, "2023-01-01"]), "b": pd.to_timedelta([1, 2, 3], unit="D")},
    "times of a zone": {"a": pd.to_datetime(["2024-01-02", None, "2023-01-01"], utc=True)},
    "pandas' integers": {"a": pd.array([5, pd.NA, 40], "Int64"), "b": pd.array([5, 3, 4], "UInt8")},
    "pandas' others": {"a": pd.array([True, pd.NA, False], "boolean"), "b": pd.array([1.5, pd.NA, 2], "Float64")},
    "pandas' strings": {"a": pd.array(["x", pd.NA, "y"], "string")},
    "labels that are numbers": {0: [1.5, 2, 4], 1: ["x", "y", "x"], 2: [1, 2, 3]},
    "labels of two levels": {("p", 1): [1, 2, 3], ("q", 2): ["x", "y", "x"]},
}


@pytest.mark.parametrize("of", ["DataFrame", "Series", "dict"])
@pytest.mark.parametrize("columns", FRAMES.values(), ids=FRAMES)
def test_the_users_own_frame_comes_back(columns: dict[Any, Any], of: str) -> None:
    frame = pd.DataFrame(columns)
    for number in range(len(frame)):
        own = frame.iloc[[number]]
        row = Tabular({"DataFrame": own, "Series": frame.iloc[number], "dict": frame.iloc[number].to_dict()}[of], frame)
        assert row.names == tuple(map(str, frame.columns))
        pd.testing.assert_frame_equal(row.outside(row.tensor), own.reset_index(drop=True))
        assert row.background is not None
        pd.testing.assert_frame_equal(row.outside(torch.from_numpy(row.background)), frame)
        assert not any("does not occur" in note for note in row.notes)


def test_a_dtype_gives_way_to_values_that_it_cannot_hold() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": pd.array([1, 2], "Int64"), "c": pd.array([1, 2], "int8"), "d": [3, 4]})
    row = Tabular(frame.iloc[0], frame)
    made = row.outside(torch.tensor([[1.5, 2.5, 300, 3], [2, np.nan, 4, 4]]).double())
    pd.testing.assert_frame_equal(made, pd.DataFrame({"a": [1.5, 2], "b": [2.5, np.nan], "c": [300.0, 4], "d": [3, 4]}))
    alike = Tabular(frame[["a", "d"]].iloc[0], frame[["a", "d"]])  # of one dtype
    made = alike.outside(torch.tensor([[1.5, 3], [2, 4]]).double())
    pd.testing.assert_frame_equal(made, pd.DataFrame({"a": [1.5, 2], "d": [3, 4]}))


def test_a_value_that_the_background_has_not() -> None:
    frame = pd.DataFrame({"a": [True, False], "b": ["x", "y"]})
    row = Tabular({"a": None, "b": "z"}, frame)
    pd.testing.assert_frame_equal(
        row.outside(row.tensor), pd.DataFrame({"a": pd.Series([None], dtype=object), "b": ["z"]})
    )
    assert row.notes[1:] == (
        "'missing' of 'a' does not occur in the background",
        "'z' of 'b' does not occur in the background",
    )


def test_a_row_that_is_a_frame_tells_dtypes_where_the_background_does_not() -> None:
    own = pd.DataFrame({"a": [1], "b": [2.5]})
    row = Tabular(own, [[3, 4], [5, 6]])
    pd.testing.assert_frame_equal(row.outside(row.tensor), own)


def test_a_model_writes_into_a_frame_of_its_own() -> None:
    frame = pd.DataFrame({"a": [1.0, 2], "b": [3.0, 4]})
    batch = torch.tensor([[1.0, 3], [2, 4]]).double()
    made = Tabular(frame.iloc[0], frame).outside(batch)
    made.loc[0, "a"] = 99.0
    assert made.loc[0, "a"] == 99
    assert batch[0, 0] == 1


def test_missing_values_of_arrays_are_the_users_own() -> None:
    for missing in (None, np.nan):
        row = Tabular([1, "x"], [[1, "x"], [2, missing], [3, "y"]])
        assert row.background is not None
        given = row.outside(torch.from_numpy(row.background))
        assert given[:, 0].tolist() == [1, 2, 3]
        assert given[0, 1] == "x"
        assert given[1, 1] is missing


@pytest.mark.parametrize("unknown", ["ignore", "error"])
def test_a_pipeline_that_knows_a_missing_category(unknown: str) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draw.normal(size=60), "city": draw.choice(["A", "B"], 60)})
    frame.loc[:20, "city"] = np.nan
    encoder = make_column_transformer((OneHotEncoder(handle_unknown=unknown), ["city"]), remainder="passthrough")
    model = make_pipeline(encoder, LogisticRegression()).fit(frame, np.arange(60) <= 20)
    answer = explain(model, Tabular(frame.iloc[3], frame), "exact_shap", target=1)
    assert answer.score == model.predict_proba(frame.iloc[[3]])[0, 1]
    assert abs(answer.values.sum() + answer.base - answer.score) < 1e-12
    assert answer.base == pytest.approx(model.predict_proba(frame)[:, 1].mean())


def test_a_pipeline_that_makes_strings_of_integers() -> None:
    frame = pd.DataFrame({"zip": np.tile([1001, 1002, 1003], 20), "x": np.linspace(-1, 1, 60)})
    words = FunctionTransformer(lambda rows: rows[["zip"]].astype(str))
    model = make_pipeline(words, OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model.fit(frame, frame["zip"] == 1001)
    subject = Subject(model, Tabular(frame.iloc[0], frame))
    np.testing.assert_array_equal(subject.scores().numpy(), model.predict_proba(frame.iloc[[0]]))
    hidden = subject.hidden(subject.input.masker(), np.array([[0, 0]]))
    np.testing.assert_allclose(hidden[0].numpy(), model.predict_proba(frame).mean(0))


def test_rows_of_other_frames_do_not_go_together() -> None:
    whole, half = pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1.0, 2.0]})
    renamed = pd.DataFrame({0: [1, 2]})
    family = Tabular(whole.iloc[[0]], whole).family
    assert Tabular(whole.iloc[[1]], whole).family == family
    assert Tabular(half.iloc[[0]], half).family != family
    assert Tabular(renamed.iloc[[0]], renamed).family != Tabular(np.array([1.0]), names=["0"]).family


@pytest.mark.parametrize("dtype", ["uint64", "UInt64"])
def test_whole_numbers_that_no_int64_holds_come_back(dtype: str) -> None:
    frame = pd.DataFrame({"x": np.arange(3.0), "id": pd.Series([2**63 + number for number in range(3)], dtype=dtype)})
    got: list[pd.DataFrame] = []
    table = Tabular(frame.iloc[[1]], frame)
    subject = Subject(lambda rows: (got.append(rows), rows["x"].to_numpy())[1], table)
    subject.evaluate(torch.from_numpy(table.placed(table.background)))
    pd.testing.assert_frame_equal([rows for rows in got if len(rows) == 3][-1].reset_index(drop=True), frame)
