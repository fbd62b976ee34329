"""Columns that pyarrow holds: a model gets them in the dtype in which they came."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from nbexplain import Subject, Tabular, explain

pa = pytest.importorskip("pyarrow")

HOURS = pd.date_range("2024-10-27", periods=6, freq="30min", tz="Europe/Berlin") + pd.Timedelta("1h")  # 2:30 twice
COLUMNS: dict[Any, list[Any]] = {
    pa.timestamp("ns"): list(pd.date_range("2024-01-01", periods=6, freq="7ns")),
    pa.timestamp("s"): list(pd.date_range("2024-01-01", periods=6, freq="h")),
    pa.timestamp("us", "Europe/Berlin"): list(HOURS),
    pa.date32(): [date(2024, 1, day) for day in range(1, 7)],
    pa.time64("us"): [time(hour, 1) for hour in range(6)],
    pa.duration("ms"): list(pd.to_timedelta(range(6), unit="s")),
    pa.string(): list("abcabc"),
    pa.large_string(): list("abcabc"),
    pa.dictionary(pa.int32(), pa.string()): list("abcabc"),
    pa.binary(): [b"a", b"b", b"c"] * 2,
    pa.int8(): list(range(6)),
    pa.int64(): [2**62 + number for number in range(6)],
    pa.uint64(): [2**63 + number for number in range(6)],
    pa.bool_(): [True, False] * 3,
    pa.float32(): [number / 7 for number in range(6)],
    pa.float64(): [number / 7 for number in range(6)],
    pa.decimal128(10, 2): [Decimal(f"{number}.25") for number in range(6)],
}


def first(rows: pd.DataFrame) -> np.ndarray:
    return rows["x"].to_numpy(float)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("kind", COLUMNS, ids=str)
def test_a_column_comes_back_as_it_was(kind: Any, missing: bool) -> None:
    values = [None if missing and place == 2 else value for place, value in enumerate(COLUMNS[kind])]
    column = pd.Series(values, dtype=pd.ArrowDtype(kind), name="c")
    frame = pd.DataFrame({"x": np.arange(6.0), "c": column})
    got: list[pd.DataFrame] = []
    table = Tabular(frame.iloc[[0]], frame)
    subject = Subject(lambda rows: (got.append(rows), first(rows))[1], table)
    subject.evaluate(torch.from_numpy(table.placed(table.background)))
    pd.testing.assert_series_equal(got[-1]["c"].reset_index(drop=True), column)


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.struct([("a", pa.int64())])], ids=str)
def test_lists_are_refused_as_what_they_are(kind: Any) -> None:
    values = [[1], [2], [1]] if pa.types.is_list(kind) else [{"a": 1}, {"a": 2}, {"a": 1}]
    frame = pd.DataFrame({"x": np.arange(3.0), "c": pd.Series(values, dtype=pd.ArrowDtype(kind))})
    with pytest.raises(ValueError, match=r"'c' holds a (list|dict), .*; a column holds numbers, times or categories"):
        Tabular(frame.iloc[[0]], frame)


@pytest.mark.parametrize("key", ["exact_shap", "counterfactual", "partial_dependence", "permutation_importance"])
def test_changed_rows_have_the_dtypes_of_the_background(key: str) -> None:
    plain = pd.DataFrame({"x": range(30), "s": list("abc") * 10, "b": [True, False, None] * 10})
    plain["t"] = pd.date_range("2024-01-01", periods=30, freq="h")
    arrow = plain.convert_dtypes(dtype_backend="pyarrow")
    kinds: set[tuple[str, ...]] = set()

    def score(rows: pd.DataFrame) -> np.ndarray:
        kinds.add(tuple(map(str, rows.dtypes)))
        yes = rows["b"].map({True: 1.0, False: 2.0}).fillna(0.5).astype(float)
        return np.asarray(
            rows["x"].astype(float) + 3 * (rows["s"] == "a").astype(float) + yes + rows["t"].dt.hour.astype(float)
        )

    found = explain(score, Tabular(arrow.iloc[[4]], arrow), key)
    assert kinds == {tuple(map(str, arrow.dtypes))}
    expected = explain(score, Tabular(plain.iloc[[4]], plain), key)
    np.testing.assert_allclose(found.values, expected.values)
