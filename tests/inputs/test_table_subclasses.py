"""Frames and series of classes that people make of pandas' and polars', as geopandas does, are frames and series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbexplain import explain
from nbexplain.inputs import Tabular

N = 30
DRAW = np.random.default_rng(0)
FRAME = pd.DataFrame(DRAW.normal(size=(N, 3)), columns=list("abc"))
WEIGHTS = np.array([1.0, 10.0, 100.0])


class Line(pd.Series):
    @property
    def _constructor(self) -> Any:
        return Line

    @property
    def _constructor_expanddim(self) -> Any:
        return Sheet


class Sheet(pd.DataFrame):
    """As a GeoDataFrame: it knows more than its values, and is made by a function."""

    _metadata = ["unit"]  # noqa: RUF012
    unit: str

    @property
    def _constructor(self) -> Callable[..., Any]:
        return lambda *given, **options: Sheet(*given, **options)

    @property
    def _constructor_sliced(self) -> Any:
        return Line


class Plain(pd.DataFrame):
    """Of which pandas makes frames of its own."""


class Rows(pl.DataFrame):
    pass


def sheet() -> Sheet:
    made = Sheet(FRAME)
    made.unit = "cm"
    return made


OTHER = ["c", "a", "b"]
TABLES: dict[str, tuple[Any, Any]] = {
    "a frame": (sheet()[OTHER].iloc[[3]], sheet()),
    "a series": (sheet()[OTHER].iloc[3], sheet()),
    "a series beside pandas' frame": (sheet()[OTHER].iloc[3], FRAME),
    "pandas' frame beside another": (FRAME[OTHER].iloc[[3]], sheet()),
    "one that pandas does not keep": (Plain(FRAME)[OTHER].iloc[[3]], Plain(FRAME)),
    "of two kinds": (sheet().assign(b=sheet()["b"] > 0)[OTHER].iloc[[3]], sheet().assign(b=sheet()["b"] > 0)),
    "polars": (Rows(FRAME.to_dict("list")).select(OTHER)[3], Rows(FRAME.to_dict("list"))),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_row_is_put_in_the_order_of_the_background(name: str) -> None:
    row, table = TABLES[name]
    seen: list[Any] = []

    def model(rows: Any) -> np.ndarray:
        seen.append(rows)
        return np.asarray(rows, dtype=float) @ WEIGHTS

    held = np.asarray(table, dtype=float)
    given = Tabular(row, table)
    answer = explain(model, given, "exact_shap")
    assert answer.names == ("a", "b", "c")
    np.testing.assert_allclose(answer.values, (held[3] - held.mean(0)) * WEIGHTS)
    assert list(seen[0].columns) == ["a", "b", "c"]
    if isinstance(table, Sheet):
        assert {type(rows) for rows in seen} == {Sheet}
        assert {rows.unit for rows in seen} == {"cm"}
    curve = explain(model, given, "partial_dependence", column="b")
    assert curve.grid is not None
    np.testing.assert_allclose(
        curve.values, held[:, [0, 2]].mean(0) @ WEIGHTS[[0, 2]] + 10 * np.asarray(curve.grid.values, dtype=float)
    )
    assert type(seen[-1]) is type(seen[0])


def test_what_is_noted_at_a_frame_goes_along() -> None:
    table = FRAME.copy()
    table.attrs = {"unit": {"a": "cm"}}
    seen = []

    def model(rows: Any) -> np.ndarray:
        seen.append(rows.attrs["unit"]["a"])
        rows.attrs["unit"]["a"] = "the model's own"
        return rows.to_numpy() @ WEIGHTS

    for method in ("exact_shap", "partial_dependence"):
        explain(model, Tabular(table.iloc[[0]], table), method)
        assert set(seen) == {"cm"}
    assert table.attrs == {"unit": {"a": "cm"}}
    assert Tabular(FRAME.iloc[0], FRAME).form_key != Tabular(table.iloc[0], table).form_key


def test_labels_of_another_order_are_refused() -> None:
    labels = Line(np.arange(N))
    with pytest.raises(ValueError, match="their index is not that of the background"):
        Tabular(FRAME.iloc[0], FRAME, labels=labels[::-1])
    with pytest.raises(ValueError, match="their index is not that of the background"):
        Tabular(sheet().iloc[[0]], sheet(), labels=pd.Series(np.arange(N))[::-1])


def test_the_label_of_a_row_in_the_index_is_its_own() -> None:
    dated = sheet().set_axis(pd.date_range("2024-01-01", periods=N))
    for row in (dated.iloc[[4]], dated.iloc[4]):
        assert Tabular(row, dated).label == pd.Timestamp("2024-01-05")


def test_what_is_no_single_row_is_told_how_one_is_made() -> None:
    with pytest.raises(ValueError, match=r"got a table of 30; try Tabular\(row.iloc\[\[0\]\], background=row\)"):
        Tabular(sheet(), sheet())
