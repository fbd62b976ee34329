"""Every kind of table reaches a model as it came: values, dtypes, labels; and comes out untouched."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal
from scipy import sparse

from nbexplain import explain
from nbexplain.core.dataset.by_group import groups_of
from nbexplain.inputs import Tabular

N = 30
DRAW = np.random.default_rng(0)
NANOSECONDS = DRAW.integers(0, 1_700_000_000_000_000_000, N)


def objects(*values: Any) -> pd.Series:
    return pd.Series([values[number % len(values)] for number in range(N)], dtype=object)


PANDAS: dict[str, Any] = {
    "nanoseconds": pd.to_datetime(NANOSECONDS),
    "seconds": pd.date_range("2024-01-01", periods=N, freq="37s").as_unit("s"),
    "a summer time": pd.date_range("2024-03-30 01:30", periods=N, freq="h", tz="Europe/Berlin"),
    "spans": pd.to_timedelta(NANOSECONDS % 10**15),
    "months": pd.period_range("2020-01", periods=N, freq="M"),
    "quarters": pd.period_range("2020Q1", periods=N, freq="Q"),
    "dates": objects(*[dt.date(2024, 1, 1) + dt.timedelta(n) for n in range(N)]),
    "moments": objects(dt.datetime(2024, 1, 1, 5), dt.datetime(2024, 1, 2, 5, 6, 7, 8)),
    "times of the day": objects(dt.time(5), dt.time(6, 7, 8, 9)),
    "decimals": objects(*[Decimal(n) / Decimal(7) for n in range(N)], None),
    "ints as objects": objects(1, 2, 3),
    "mixed": objects(1, 1.5, "x"),
    "yes or no, or nothing": objects(True, False, None),
    "yes and one": objects(True, 1, 0, False),
    "one and yes": objects(1, True),
    "several kinds of nothing": objects("x", None, np.nan, pd.NA, "y"),
    "numbers and several kinds of nothing": objects(1.5, np.nan, None, 2.5, pd.NA),
    "days and several kinds of nothing": objects(None, dt.date(2024, 1, 1), pd.NaT, dt.date(2024, 1, 5)),
    "no category": pd.Categorical([None] * N),
    "categories, all missing": pd.Categorical([None] * N, categories=["x", "y"]),
    "tuples": objects((1, 2), (3, 4)),
    "large": DRAW.integers(2**60, 2**62, N),
    "larger": DRAW.integers(2**62, 2**63, N).astype("uint64") * 2,
    "large with holes": pd.array([2**60 + 1, pd.NA, 2**60 + 3] * 10, "Int64"),
    "half": DRAW.random(N).astype("f2"),
    "Float32": pd.array([5.5, pd.NA, 40] * 10, "Float32"),
    "boolean": pd.array([True, pd.NA, False] * 10, "boolean"),
    "string": pd.array(["x", pd.NA, "y"] * 10, "string"),
    "str": pd.Series(["x", None, "y"] * 10),
    "categories of days": pd.Categorical([*pd.date_range("2024-01-01", periods=3)] * 10),
    "sparse": pd.arrays.SparseArray([0.0, 1.5, 0.0] * 10, fill_value=0),
    "sparse ints": pd.arrays.SparseArray([0, 1, 0] * 10),
    "sparse booleans": pd.arrays.SparseArray([False, True, False] * 10),
    "sparse holes": pd.arrays.SparseArray([np.nan, 1.5, 2.5] * 10),
    "nothing": [np.nan] * N,
    "no objects": objects(None),
    "infinity": [np.inf, 1.0, 2.0] * 10,
}


@pytest.mark.parametrize("of", ["DataFrame", "Series", "dict"])
@pytest.mark.parametrize("values", PANDAS.values(), ids=PANDAS)
def test_pandas(values: Any, of: str) -> None:
    frame = pd.DataFrame({"a": values, "b": DRAW.random(N)})
    before, held = frame.copy(deep=True), frame["a"].tolist()
    if of != "DataFrame" and isinstance(frame["a"].dtype, pd.Int64Dtype):
        pytest.skip("pandas itself makes Float64 of such a row")
    for number in (1, 5):
        own = frame.iloc[[number]]
        given = {"DataFrame": own, "Series": frame.iloc[number], "dict": frame.iloc[number].to_dict()}[of]
        row = Tabular(given, frame)
        assert row.background is not None
        made = row.outside(torch.from_numpy(row.background))
        pd.testing.assert_frame_equal(made, frame, check_exact=True)
        pd.testing.assert_frame_equal(row.outside(row.tensor), own.reset_index(drop=True), check_exact=True)
        if frame["a"].dtype == object:
            assert [type(value) for value in made["a"]] == [type(value) for value in held]
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    if frame["a"].dtype == object:
        assert all(now is was for now, was in zip(frame["a"], held, strict=True))


def polars_series(values: Any, dtype: Any = None) -> pl.Series:
    return pl.Series("a", values, dtype=dtype, strict=False)


POLARS: dict[str, pl.Series] = {
    "ints": polars_series(DRAW.integers(0, 9, N)),
    "Int8 with holes": polars_series([1, None, 3] * 10, pl.Int8),
    "large with holes": polars_series([2**60 + 1, None, 2**60 + 3] * 10),
    "UInt64": polars_series(DRAW.integers(2**62, 2**63, N), pl.UInt64),
    "Float32": polars_series(DRAW.random(N).astype("f4")),
    "NaN": polars_series([1.5, np.nan, 2.0] * 10),
    "null": polars_series([1.5, None, 2.0] * 10),
    "NaN and null": polars_series([1.5, np.nan, None] * 10),
    "null and NaN": polars_series([None, np.nan, 1.5] * 10, pl.Float32),
    "no category": polars_series([None] * N, pl.Categorical),
    "no string": polars_series([None] * N, pl.String),
    "no member": polars_series([None] * N, pl.Enum(["x"])),
    "no truth": polars_series([None] * N, pl.Boolean),
    "no day": polars_series([None] * N, pl.Date),
    "Int128": polars_series([2**100, None, 5] * 10, pl.Int128),
    "UInt128": polars_series([2**100, None, 5] * 10, pl.UInt128),
    "String": polars_series(["x", None, "y"] * 10),
    "Categorical": polars_series(["y", None, "x"] * 10, pl.Categorical),
    "Enum": polars_series(["x", None, "y"] * 10, pl.Enum(["z", "y", "x"])),
    "Boolean": polars_series([True, None, False] * 10),
    "Date": polars_series([dt.date(2024, 1, n + 1) for n in range(N)]),
    "Datetime": polars_series([dt.datetime(2024, 1, 1, n % 24, 3, 2, 123456) for n in range(N)]),
    "nanoseconds": polars_series(NANOSECONDS, pl.Datetime("ns")),
    "a zone": polars_series(
        [dt.datetime(2024, 3, 30, n % 24) for n in range(N)], pl.Datetime("ms")
    ).dt.replace_time_zone("Europe/Berlin"),
    "Duration": polars_series([dt.timedelta(hours=n, microseconds=3) for n in range(N)]),
    "Time": polars_series([dt.time(n % 24, 3) for n in range(N)]),
    "Decimal": polars_series([Decimal("1.10"), None, Decimal("12345678901234567.25")] * 10, pl.Decimal(30, 4)),
    "Null": polars_series([None] * N),
    "Binary": polars_series([b"x", b"y", b"x"] * 10),
}


@pytest.mark.parametrize("values", POLARS.values(), ids=POLARS)
def test_polars(values: pl.Series) -> None:
    frame = pl.DataFrame({"a": values, "b": DRAW.random(N)})
    before = frame.clone()
    for number in (1, 5):
        named = (
            [] if values.dtype == pl.Datetime("ns") else [frame.row(number, named=True)]
        )  # Python has no nanoseconds
        for given in (frame[number], *named):
            row = Tabular(given, frame)
            assert row.names == ("a", "b")
            assert row.background is not None
            assert_frame_equal(row.outside(torch.from_numpy(row.background)), frame, check_exact=True)
            assert_frame_equal(row.outside(row.tensor), frame[number], check_exact=True)
    assert_frame_equal(frame, before)


ARRAYS: dict[str, np.ndarray] = {
    "float32": DRAW.random((N, 3)).astype("f4"),
    "int64": DRAW.integers(0, 9, (N, 3)),
    "int8": DRAW.integers(0, 9, (N, 3)).astype("i1"),
    "large": DRAW.integers(2**60, 2**62, (N, 3)),
    "bool": DRAW.random((N, 3)) > 0.5,
    "strings": np.array([["a", "bb", "ccc"], ["b", "bb", "c"]] * 15),
    "bytes": np.array([[b"a", b"bb", b"ccc"]] * N),
    "objects": np.array([[1, "x", None], [2.5, "y", True]] * 15, dtype=object),
    "days": np.array(["2024-01-01", "2024-02-01", "NaT"] * N, dtype="M8[D]").reshape(N, 3),
    "months": np.array(["2024-01", "2024-02", "2023-03"] * N, dtype="M8[M]").reshape(N, 3),
    "nanoseconds": DRAW.integers(0, 1_700_000_000_000_000_000, (N, 3)).view("M8[ns]"),
    "spans": DRAW.integers(0, 1_700_000_000, (N, 3)).view("m8[s]"),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays(array: np.ndarray) -> None:
    array = array.copy()
    array.flags.writeable = False
    row = Tabular(array[4], array)
    assert row.background is not None
    made, own = row.outside(torch.from_numpy(row.background)), row.outside(row.tensor)
    assert made.dtype == array.dtype
    assert own.dtype.kind == array.dtype.kind
    np.testing.assert_array_equal(made, array)
    np.testing.assert_array_equal(own, array[4:5])
    if array.dtype == object:
        assert [type(value) for value in made.ravel()] == [type(value) for value in array.ravel()]
    made[0] = made[1]  # the model's own


def test_objects_that_are_equal_and_not_the_same() -> None:
    array = np.array([[True, "x", None], [1, None, np.nan], [0, np.nan, 1.5]], dtype=object)
    row = Tabular(array[1], array)
    assert row.background is not None
    for made, came in ((row.outside(torch.from_numpy(row.background)), array), (row.outside(row.tensor), array[1:2])):
        assert list(map(repr, made.ravel())) == list(map(repr, came.ravel()))


ONES = [1, True, 1.0, 0, False, 0.0, "1"]


@pytest.mark.parametrize("of", ["frame", "array", "list"])
def test_categories_that_are_equal_and_not_the_same(of: str) -> None:
    values = ONES * 4
    table: Any = [[value, place] for place, value in enumerate(values)]
    if of != "list":
        table = pd.DataFrame({"a": pd.Series(values, dtype=object), "b": range(len(values))})
    if of == "array":
        table = table.to_numpy(dtype=object)

    def model(rows: Any) -> np.ndarray:
        first = rows["a"] if of == "frame" else rows[:, 0]
        return np.array([float(ONES.index(value)) + 10 * len(repr(value)) for value in first])

    worth = np.array([ONES.index(value) + 10 * len(repr(value)) for value in values], dtype=float)
    for place in range(len(ONES)):
        row = Tabular(table.iloc[[place]] if of == "frame" else table[place], table)
        answer = explain(model, row, "exact_shap")
        assert answer.score == worth[place]
        np.testing.assert_allclose(answer.values, [worth[place] - worth.mean(), 0], atol=1e-9)
    curve = explain(model, row, "partial_dependence", column=0)
    assert curve.grid is not None
    assert curve.grid.categories == ("1", "True", "1.0", "0", "False", "0.0", "'1'")


@pytest.mark.parametrize("of", ["frame", "array"])
def test_given_categories_that_are_equal_and_not_the_same(of: str) -> None:
    values = [1, True, "1", None, 1.0]
    table: Any = pd.DataFrame({"a": pd.Series(values, dtype=object), "b": range(5)})
    if of == "array":
        table = table.to_numpy(dtype=object)
    row = lambda place: table.iloc[[place]] if of == "frame" else table[place]  # noqa: E731
    name = "a" if of == "frame" else "feature 0"
    made = Tabular(row(1), table, categories={name: ["1", True, 1]})
    assert made.background is not None
    np.testing.assert_array_equal(made.background[:, 0], [2, 1, 0, np.nan, 2])
    assert made.tensor[0, 0] == 1
    with pytest.raises(ValueError, match=r"background: .* is True, expected one of '1', 1"):
        Tabular(row(0), table, categories={name: ["1", 1]})
    with pytest.raises(ValueError, match=r"categories: .* each value once, got 1.0 twice|got 1 twice"):
        Tabular(row(0), table, categories={name: ["1", 1, 1.0]})


def test_a_rows_true_is_another_category_than_1() -> None:
    table = pd.DataFrame({"a": pd.Series([1, "x", 1, "y"], dtype=object), "b": range(4)})
    made = Tabular({"a": True, "b": 1}, table)
    assert made.outside(made.tensor)["a"].tolist() == [True]
    assert type(made.outside(made.tensor)["a"].iloc[0]) is bool
    assert Tabular({"a": 1.0, "b": 1}, table).tensor[0, 0] == 0
    with pytest.raises(ValueError, match="row: 'a' is True, expected one of 1, 'x', 'y'"):
        Tabular({"a": True, "b": 1}, table, categories={"a": [1, "x", "y"]})
    yes = pd.DataFrame({"a": [True, False], "b": range(2)})
    assert Tabular({"a": 1, "b": 1}, yes).tensor[0, 0] == Tabular({"a": 1.0, "b": 1}, yes).tensor[0, 0] == 1


def test_a_category_that_is_called_missing_is_not_what_is_missing() -> None:
    frame = pd.DataFrame({"a": ["missing", "x", None] * 6, "b": range(18)})
    row = Tabular(frame.iloc[[2]], frame)
    score = lambda rows: rows["a"].map({"missing": 1.0, "x": 2.0}).fillna(5.0).to_numpy()  # noqa: E731
    curve = explain(score, row, "partial_dependence", column="a")
    assert curve.grid is not None
    assert curve.grid.categories == ("missing", "x", "no value")
    assert curve.values.tolist() == [1, 2, 5]
    groups = groups_of(row, "a")
    assert set(groups.tolist()) == {"missing", "x", "no value"}
    assert groups[:3].tolist() == ["missing", "x", "no value"]


BRAIN = torch.randn(30, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
SAME = BRAIN.double().numpy()


@pytest.mark.parametrize(
    ("row", "table"),
    [
        (BRAIN[3], BRAIN),
        (BRAIN[3:4], BRAIN),
        (BRAIN[3], SAME),
        (SAME[3], BRAIN),
        (list(BRAIN[3]), list(BRAIN)),
        (dict(zip("abc", BRAIN[3], strict=True)), pd.DataFrame(SAME, columns=list("abc"))),
        (BRAIN[3].clone().requires_grad_(), BRAIN.to_sparse()),
    ],
    ids=["row", "table of one", "beside an array", "beside a row of numpy", "lists", "mapping", "sparse"],
)
def test_numbers_of_bfloat16(row: Any, table: Any) -> None:
    weights = np.array([1.0, 10.0, 100.0])
    found = explain(lambda rows: np.asarray(rows, dtype=float) @ weights, Tabular(row, table), "exact_shap")
    np.testing.assert_allclose(found.values, (SAME[3] - SAME.mean(0)) * weights)


def test_labels_and_rows_without_a_background_of_bfloat16() -> None:
    labels = torch.tensor([0.0, 1.0, 2.0] * 10).bfloat16()
    assert Tabular(BRAIN[0], BRAIN, labels=labels).labels.tolist() == [0, 1, 2] * 10
    np.testing.assert_array_equal(Tabular(BRAIN[0]).tensor[0], SAME[0])


@pytest.mark.parametrize("kind", ["float16", "float32", "Float32", "polars", "array"])
def test_numbers_that_a_dtype_cannot_hold_widen_it(kind: str) -> None:
    """1e300 is no infinite float32, as 2.5 is no 2 where there were whole numbers."""
    numbers = [1.0, np.inf, 3.0]
    table: Any = pd.DataFrame({"a": numbers, "b": numbers})
    if kind == "polars":
        table = pl.DataFrame({"a": numbers, "b": numbers}, schema={"a": pl.Float32, "b": pl.Float32})
    elif kind == "array":
        table = np.stack([numbers, numbers], 1).astype(np.float32)
    else:
        table = table.astype(kind)
    row = Tabular([1e300, 1.0] if kind == "array" else {"a": 1e300, "b": 1.0}, table)
    assert row.background is not None
    np.testing.assert_array_equal(np.asarray(row.outside(row.tensor), dtype=float), [[1e300, 1.0]])
    made = row.outside(torch.from_numpy(row.background))
    assert repr(made) == repr(table)
    np.testing.assert_array_equal(np.asarray(made, dtype=float), np.stack([numbers, numbers], 1))


def test_a_row_of_numbers_among_decimals() -> None:
    table = pd.DataFrame({"a": [Decimal("1.10"), Decimal("2.20")], "b": [1, 2]})
    for given, want in ((7.88, Decimal("7.88")), (2, Decimal("2.0")), (Decimal("0.10"), Decimal("0.10"))):
        row = Tabular({"a": given, "b": 1}, table)
        made = row.outside(row.tensor)["a"][0]
        assert (made, type(made)) == (want, Decimal)
    mixed = table.assign(a=pd.Series([Decimal("1.10"), 2.5], dtype=object))
    row = Tabular({"a": 7.88, "b": 1}, mixed)
    assert row.outside(row.tensor)["a"].tolist() == [7.88]


@pytest.mark.parametrize(("given", "names"), [(None, "has no value in 'c'"), (np.nan, "has no value in 'c'")])
def test_a_missing_string_is_no_infinity(given: Any, names: str) -> None:
    row = Tabular({"a": np.inf, "c": given}, pd.DataFrame({"a": [1.0, 2.0], "c": ["x", None]}))
    assert row.notes[:2] == ("the row holds NaN or infinity in 'a'", f"the row {names}")


def test_another_row_keeps_what_is_missing_as_it_was() -> None:
    table = pd.DataFrame({"a": [1, 2, 3], "c": pd.Series([np.nan, None, "x"], dtype=object)})
    row = Tabular(table.iloc[[1]], table).another([5, np.nan])
    assert row.outside(row.tensor)["c"].tolist() == [None]


def test_whole_numbers_give_way_to_those_between() -> None:
    row = Tabular(np.array([1, 2]), np.array([[1, 2], [3, 4]]))
    assert row.outside(torch.tensor([[1.0, 2.0]]).double()).dtype == np.int64
    np.testing.assert_array_equal(row.outside(torch.tensor([[1.5, 2.0]]).double()), [[1.5, 2.0]])


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_matrices(kind: Any) -> None:
    dense = (DRAW.random((N, 5)) < 0.3).astype("f4")
    matrix = kind(dense)
    row = Tabular(sparse.csr_matrix(dense)[3], matrix)
    assert row.background is not None
    made = row.outside(torch.from_numpy(row.background))
    assert type(made) is kind
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made.toarray(), dense)
    np.testing.assert_array_equal(row.outside(row.tensor).toarray(), dense[3:4])


def test_a_sparse_matrix_that_would_fill_the_memory() -> None:
    matrix = sparse.csr_array((10**6, 10**5))
    with pytest.raises(
        ValueError, match=r"background: 1,000,000 × 100,000 would take 745 GiB .* such as matrix\[:200\]"
    ):
        Tabular(matrix[[0]], matrix)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_million_categories(library: str) -> None:
    names = [f"user {number:07}" for number in range(10**6)]
    frame = pd.DataFrame({"user": names}) if library == "pandas" else pl.DataFrame({"user": names})
    row = Tabular({"user": "user 0000003"}, frame)
    assert row.tensor.tolist() == [[3]]
    assert row.background is not None
    np.testing.assert_array_equal(row.background[:, 0], np.arange(10**6))
    assert row.outside(row.tensor)["user"][0] == "user 0000003"


@pytest.mark.parametrize("made", [np.asarray, torch.tensor, list, lambda rows: pd.DataFrame(rows, columns=["y"])])
def test_labels_of_one_column_are_one_for_each_row(made):
    table = np.arange(8.0).reshape(4, 2)
    labels = Tabular(table[0], table, labels=made([[0], [1], [1], [0]])).labels
    assert labels is not None
    assert labels.tolist() == [0, 1, 1, 0]


def test_columns_that_are_written_alike_are_told_apart():
    table = pd.DataFrame([[1.0, 2.0], [3.0, 5.0]], columns=["1", 1])
    for row in (table.iloc[[1]], table.iloc[1], {1: 5.0, "1": 3.0}):
        x = Tabular(row, table)
        assert x.names == ("'1'", "1")
        assert x.tensor.tolist() == [[3, 5]]
        assert list(x.outside(x.tensor).columns) == ["1", 1]


def test_a_row_of_a_structured_array_tells_its_names():
    table = np.array([(1.0, 2), (3.0, 5)], dtype=[("a", "f8"), ("b", "i4")])
    x = Tabular(table[1], pd.DataFrame(table)[["b", "a"]])
    assert x.names == ("b", "a")
    assert x.tensor.tolist() == [[5, 3]]


def test_times_that_nobody_had_are_in_the_time_zone_of_those_that_came():
    times = pd.date_range("2024-01-01", periods=4, tz="Europe/Berlin").astype(object)
    table = pd.DataFrame({"t": pd.Series(times, dtype=object), "n": np.arange(4.0)})
    x = Tabular(table.iloc[[0]], table)
    between = x.tensor.clone()
    between[0, 0] += 0.25
    made = x.outside(between)["t"].iloc[0]
    assert made == times[0] + pd.Timedelta(hours=6)
    assert str(made.tzinfo) == "Europe/Berlin"


@pytest.mark.parametrize(
    ("value", "shown"),
    [([0.125] * 3, r"\[0\.125, 0\.125, 0\.125\]"), ([0.125] * 9, r"\[(0\.125, ){5}0\.12…")],
    ids=["a short one", "a long one"],
)
def test_a_list_that_is_shown_in_part_is_shown_to_be(value: Any, shown: str) -> None:
    frame = pd.DataFrame({"e": [value] * 3, "x": [1.0, 2, 3]})
    with pytest.raises(ValueError, match=f"'e' holds a list, {shown}; a column holds numbers"):
        Tabular(frame.iloc[[0]], frame)
