"""Shapley values by their definition, on every kind of table that a pipeline is fitted to."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from nbexplain import explain
from nbexplain.inputs import Tabular
from tests.shapley import shapley

N = 40
DRAW = np.random.default_rng(0)
AGE = DRAW.integers(18, 80, N)
RIGHT = (AGE + DRAW.normal(0, 20, N)) > 45
CITY = DRAW.choice(["Oslo", "Rome", "Bonn"], N)
DAYS = pd.Timestamp("2024-01-01") + pd.to_timedelta(DRAW.integers(0, 10**7, N), unit="s")


def of_columns(numbers: list[str], categories: list[str], times: list[str]) -> Any:
    def days(frame: Any) -> np.ndarray:
        if isinstance(frame, pl.DataFrame):
            return np.stack([frame[name].dt.ordinal_day().to_numpy() for name in frame.columns], 1)
        return np.stack([frame[name].dt.dayofyear.to_numpy() for name in frame], 1)

    return make_pipeline(
        make_column_transformer(
            (StandardScaler(), numbers),
            (OneHotEncoder(), categories),
            (make_pipeline(FunctionTransformer(days), StandardScaler()), times),
        ),
        LogisticRegression(),
    )


def pandas_table() -> tuple[Any, Any]:
    frame = pd.DataFrame(
        {
            "age": AGE,
            "rate": pd.array(DRAW.integers(0, 9, N), "Int64"),
            "city": CITY,
            "size": pd.Categorical(DRAW.choice(["s", "m", "l"], N), ["s", "m", "l"], ordered=True),
            "member": DRAW.random(N) > 0.5,
            "day": DAYS,
        }
    )
    return of_columns(["age", "rate", "member"], ["city", "size"], ["day"]), frame


def polars_table() -> tuple[Any, Any]:
    frame = pl.DataFrame(
        {
            "age": AGE,
            "city": CITY,
            "size": pl.Series(DRAW.choice(["s", "m"], N), dtype=pl.Enum(["s", "m"])),
            "member": DRAW.random(N) > 0.5,
            "day": [dt.date(2024, 1, 1) + dt.timedelta(days=int(n)) for n in DRAW.integers(0, 300, N)],
        }
    )
    return of_columns(["age", "member"], ["city", "size"], ["day"]), frame


def sparse_table() -> tuple[Any, Any]:
    matrix = sparse.csr_matrix(np.column_stack([AGE / 80, OneHotEncoder().fit_transform(CITY[:, None]).toarray()]))
    return LogisticRegression(), matrix


def sparse_columns() -> tuple[Any, Any]:
    dummies = pd.get_dummies(pd.Series(CITY), sparse=True, dtype=float)
    return make_pipeline(StandardScaler(with_mean=False), LogisticRegression()), pd.concat(
        [pd.DataFrame({"age": AGE}), dummies], axis=1
    )


def objects() -> tuple[Any, Any]:
    table = np.empty((N, 2), dtype=object)
    table[:, 0], table[:, 1] = AGE, CITY
    return make_pipeline(
        make_column_transformer((StandardScaler(), [0]), (OneHotEncoder(), [1])), LogisticRegression()
    ), table


def single() -> tuple[Any, Any]:
    def needs_it(rows: np.ndarray) -> np.ndarray:
        assert rows.dtype == np.float32
        return rows

    return make_pipeline(FunctionTransformer(needs_it), StandardScaler(), LogisticRegression()), DRAW.normal(
        size=(N, 3)
    ).astype(np.float32)


def codes() -> tuple[Any, Any]:
    def one_hot(rows: np.ndarray) -> np.ndarray:
        return np.eye(4)[rows[:, 0]] + rows[:, 1:2]  # an index must be a whole number

    return make_pipeline(FunctionTransformer(one_hot), LogisticRegression()), DRAW.integers(0, 4, (N, 2))


def flags() -> tuple[Any, Any]:
    def either(rows: np.ndarray) -> np.ndarray:
        return np.column_stack([rows[:, 0] & ~rows[:, 1], rows[:, 2]])  # which only booleans allow

    return make_pipeline(FunctionTransformer(either), LogisticRegression()), DRAW.random((N, 3)) > 0.5


TABLES = [pandas_table, polars_table, sparse_table, sparse_columns, objects, single, codes, flags]


@pytest.mark.parametrize("make", TABLES)
def test_shapley_values_by_their_definition(make: Any) -> None:
    model, table = make()
    model.fit(table, RIGHT)
    first = table.iloc[[3]] if isinstance(table, pd.DataFrame) else table[3:4]
    found = explain(model, Tabular(first, table), "exact_shap", target=1)

    def value(keep: set[int]) -> float:
        return float(model.predict_proba(mixed(table, first, keep))[:, 1].mean())

    np.testing.assert_allclose(found.values, shapley(value, table.shape[1]), atol=1e-6 if make is single else 1e-9)
    assert found.score == model.predict_proba(first)[0, 1]
    assert found.base == pytest.approx(model.predict_proba(table)[:, 1].mean(), abs=1e-6 if make is single else 1e-12)


def mixed(table: Any, first: Any, keep: set[int]) -> Any:
    """The table with some columns as in the first row."""
    if isinstance(table, pl.DataFrame):
        same = [first[:, place].new_from_index(0, N) for place in sorted(keep)]
        return table.with_columns(same) if same else table
    if isinstance(table, pd.DataFrame):
        parts = [
            (first.iloc[[0] * N, place].reset_index(drop=True) if place in keep else table.iloc[:, place])
            for place in range(table.shape[1])
        ]
        return pd.concat(parts, axis=1)
    dense = table.toarray() if sparse.issparse(table) else table.copy()
    row = first.toarray() if sparse.issparse(first) else first
    for place in keep:
        dense[:, place] = row[0, place]
    return type(table)(dense) if sparse.issparse(table) else dense


@pytest.mark.parametrize("make", TABLES)
@pytest.mark.parametrize("key", ["lime", "leave_one_out", "kernel_shap", "row_shap", "permutation_importance"])
def test_every_method_takes_it_and_writes_nowhere(make: Any, key: str) -> None:
    model, table = make()
    model.fit(table, RIGHT)
    if isinstance(table, np.ndarray):
        table.flags.writeable = False
    before = table.clone() if isinstance(table, pl.DataFrame) else table.copy()
    first = table.iloc[[3]] if isinstance(table, pd.DataFrame) else table[3:4]
    options = {"rows": 4} if key == "row_shap" else {"samples": 100} if key == "lime" else {}
    found = explain(model, Tabular(first, table), key, target=1, **options)
    assert np.isfinite(found.values).all()
    if isinstance(table, np.ndarray):
        np.testing.assert_array_equal(table, before)
    elif sparse.issparse(table):
        assert (table != before).nnz == 0
    else:
        assert table.equals(before)
