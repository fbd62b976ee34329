"""Rows of which one column is written in place: the scores of rows made anew, whatever the model does with them."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
import torch
from torch import nn

from nbexplain import Subject, explain
from nbexplain.core.ask import ask
from nbexplain.core.call_size import Calls, CallSize
from nbexplain.core.dataset.rows import Reading, scores_of
from nbexplain.core.table import partial_dependence
from nbexplain.core.table.along import scores_along
from nbexplain.inputs import Tabular

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(60, 3))
X[3, 1] = np.nan
NUMBERS = pd.DataFrame(X, columns=["a", "b", "c"])
MIXED = NUMBERS.assign(
    kind=pd.Categorical(DRAW.choice(["x", "y", "z"], 60)),
    word=DRAW.choice(["u", "v"], 60),
    whole=DRAW.integers(0, 9, 60),
)
LABELLED = MIXED.set_index(pd.date_range("2024-01-01", periods=60))
TABLES: dict[str, Any] = {
    "array": X,
    "whole numbers": DRAW.integers(0, 9, (60, 3)),
    "objects": MIXED.to_numpy(dtype=object),
    "words": np.array(MIXED[["kind", "word"]], dtype=str),
    "frame": NUMBERS,
    "mixed": MIXED,
    "with an index": LABELLED,
    "polars": polars.DataFrame({name: MIXED[name].to_list() for name in MIXED}),
}


def told(table: Any) -> np.ndarray:
    """A number of each row that depends on every value, its type and its label."""
    rows = table.to_numpy() if hasattr(table, "to_numpy") else table
    counts = isinstance(getattr(table, "index", None), pd.RangeIndex) or not hasattr(table, "index")
    labels = [""] * len(rows) if counts else table.index.astype(str)
    texts = ["|".join(map(str, [label, *row])) for label, row in zip(labels, rows.tolist(), strict=True)]
    return np.array([[sum(map(ord, text)), len(text)] for text in texts], dtype=float)


@pytest.mark.parametrize("size", [None, 7])  # rows in one call
@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_every_kind_of_table(name: str, size: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    table = TABLES[name]
    subject = Subject(
        told, Tabular(table[:1] if name == "polars" else table.iloc[0] if hasattr(table, "iloc") else table[0], table)
    )
    rows = subject.input.background[5:16]  # type: ignore[attr-defined]
    if size:
        monkeypatch.setattr(Subject, "calls", lambda self, width: Calls(CallSize(8192), size, size))
    for column in range(rows.shape[1]):
        values = np.unique(subject.input.background[:, column])[:4]  # type: ignore[attr-defined]
        scores = np.empty((2, len(values), len(rows)))
        scores_along(subject, rows, column, values, "row", Reading(subject, 0, 0), scores)
        for value, found in zip(values, scores.transpose(1, 2, 0), strict=True):
            changed = rows.copy()
            changed[:, column] = value
            np.testing.assert_array_equal(found, scores_of(subject, changed, "row", rows))


def writes_array(rows: np.ndarray) -> np.ndarray:
    rows -= 1
    return rows[:, 0] * rows[:, 1]


def writes_numbers(rows: pd.DataFrame) -> np.ndarray:
    rows["a"] = rows["a"] * rows["c"]
    rows.loc[rows["c"] > 0, "c"] = 0
    return (rows["a"] + rows["c"]).to_numpy()


class Writes(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sub_(1)[:, :2] * x[:, 2:]


@pytest.mark.parametrize("model", [writes_array, writes_numbers, Writes()], ids=["array", "frame", "network"])
def test_a_model_that_writes_into_its_input(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Subject, "calls", lambda self, width: Calls(CallSize(8192), 20, 20)
    )  # several calls get the same memory
    whole = NUMBERS.dropna()
    table = whole if model is writes_numbers else whole.to_numpy()
    given = Tabular(table[:1] if model is not writes_numbers else table.iloc[[0]], table)
    found = explain(model, given, "partial_dependence", target=0, column=0, kind="individual", points=5)
    assert found.grid is not None
    for point, value in enumerate(found.grid.values):
        rows = whole.assign(a=value)
        if model is writes_numbers:
            wanted = writes_numbers(rows)
        else:
            a, b, c = rows.to_numpy().T - 1
            wanted = a * (c if isinstance(model, Writes) else b)
        np.testing.assert_allclose(found.values[:, point], wanted[found.features], rtol=1e-5, atol=1e-6)


def test_the_rows_are_made_once_and_the_background_stays() -> None:
    seen: list[int] = []

    def model(rows: np.ndarray) -> np.ndarray:
        seen.append(rows.__array_interface__["data"][0])
        return rows[:, 0]

    table = np.tile(X[4:], (40, 1))
    explain(model, Tabular(table[0], table), "partial_dependence", column=0, rows=1000, points=200)
    assert len(seen) > 4
    assert any(one == other for one, other in itertools.pairwise(seen))  # the same memory again
    np.testing.assert_array_equal(table, np.tile(X[4:], (40, 1)))


@pytest.mark.parametrize("values", [(np.inf, -np.inf), (1e308, 1e308)])
def test_infinite_and_huge_scores_warn_of_nothing_in_the_cell(values: tuple[float, float]) -> None:
    def model(rows: np.ndarray) -> np.ndarray:
        return np.where(rows[:, 0] > 0, values[0], values[1])

    rows = np.random.default_rng(0).normal(size=(40, 2))
    table = Tabular(np.zeros(2), rows)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        if math.isfinite(values[0]):
            curves = explain(model, table, "partial_dependence", column=0, kind="individual").values
            np.testing.assert_array_equal(curves, np.full((40, 40), 1e308))
        else:
            with pytest.raises(ValueError, match=r"^background: the score of a row is NaN or infinite"):
                explain(model, table, "partial_dependence", column=0)
    assert not warned


@pytest.mark.parametrize("target", [0, lambda scores: scores[:, 0]])
def test_an_infinite_score_of_a_class_that_is_not_asked_is_refused_too(target: Any) -> None:
    def model(rows: np.ndarray) -> np.ndarray:
        return np.stack([rows[:, 0], np.where(rows[:, 0] > 1, np.inf, 0)], 1)

    table = Tabular(np.zeros(2), np.random.default_rng(0).normal(size=(40, 2)))
    with pytest.raises(ValueError, match=r"^background: the score of a row is NaN or infinite"):
        explain(model, table, "partial_dependence", target=target, column=0)


def test_of_very_many_values_the_most_frequent_are_tried_and_it_is_said() -> None:
    rows = pd.DataFrame({"id": [f"n{i:05}" for i in range(5000)] + ["n04000", "n00007"], "b": 1.0})
    for method in ("partial_dependence", "ice"):
        found = explain(lambda t: t["b"].to_numpy(), Tabular(rows.iloc[0], rows), method, column="id")
        assert found.grid is not None
        assert len(found.values) == 200
        assert {"n04000", "n00007", "n00000"} <= set(found.grid.categories)
        assert any("5,000 values: only the 200 that most rows have" in said for said in found.warnings)


@pytest.mark.parametrize("model", ["outside", "inside"])
@pytest.mark.parametrize("values", [1, 2, 3, 7, 50])
def test_calls_are_nearly_full(values: int, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(0).normal(size=(2000, 3))
    called: list[int] = []

    class Inside(nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            called.append(len(rows))
            return rows

    def outside(rows: np.ndarray) -> np.ndarray:
        called.append(len(rows))
        return rows

    subject = Subject(outside if model == "outside" else Inside(), Tabular(table[0], table))
    subject.scores()
    subject.takes_batches()
    subject.keep("of how many rows some were also asked alone", 10**6, 1)
    read = Reading(subject, 0, 1)
    found = np.empty((3, values, 2000), dtype=np.float32 if read.dtype == torch.float32 else float)
    monkeypatch.setattr(Subject, "calls", lambda self, width: Calls(CallSize(8192), 3000, 3000))
    called.clear()
    scores_along(subject, table, 1, np.arange(values, dtype=float), "background", read, found)
    np.testing.assert_allclose(found[1], np.repeat(np.arange(values)[:, None], 2000, 1))
    np.testing.assert_allclose(found[2], np.tile(table[:, 2], (values, 1)), rtol=1e-6)
    assert (sum(called), max(called) <= 3000) == (2000 * values, True)
    assert len(called) <= math.ceil(2000 * values / 3000 / 0.9)


class Remembers:
    """Answers as before where it thinks that it is asked the same again: it keeps what it was given, no copy of it."""

    last: Any = None

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        if self.last is None or not np.array_equal(self.last, rows):
            self.last, self.said = rows, formula(rows)
        return self.said


class RemembersInside(nn.Module):
    last: Any = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.last is None or self.last.shape != x.shape or not torch.equal(self.last, x):
            self.last, self.said = x, (x[:, :1].sin() * x[:, 1:2] + x[:, 2:3]) * torch.ones(2)
        return self.said


def formula(rows: np.ndarray) -> np.ndarray:
    made: np.ndarray = np.sin(rows[:, 0]) * rows[:, 1] + rows[:, 2]
    return made


@pytest.mark.parametrize("rows", [200, 600])
@pytest.mark.parametrize("model", [Remembers, RemembersInside])
def test_a_model_that_remembers_what_it_was_given(model: Any, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subject, "calls", lambda self, width: Calls(CallSize(8192), 3000, 3000))
    table = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    x = Tabular(table[0], table)
    params = {"rows": rows, "kind": "individual"}
    found, right = (explain(one, x, "partial_dependence", target=0, **params) for one in (model(), formula))
    np.testing.assert_allclose(found.values, right.values, atol=1e-5)


def test_whether_a_model_keeps_what_it_was_given_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subject, "calls", lambda self, width: Calls(CallSize(8192), 3000, 3000))
    monkeypatch.setattr(partial_dependence, "_AT_A_LOOK", math.inf)  # in one step, however slow this machine is now
    table = np.random.default_rng(0).normal(size=(600, 3))
    subject = Subject(formula, Tabular(table[0], table))
    subject.scores()
    subject.takes_batches()
    before = subject.passes["forward"]
    for column, again in ((0, 16), (1, 0)):
        for _ in ask(subject, "partial_dependence", target=0, params={"rows": 600, "column": column}):
            pass
        assert subject.passes["forward"] - before == 600 * 50 + again
        before = subject.passes["forward"]
