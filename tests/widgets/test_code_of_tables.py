"""The code for a row of a table, run as it is, makes the same row for every kind of table."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import nbexplain as nx
from nbexplain.widgets import code

N = 12
DRAW = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-05", periods=N, freq="9D")


def frames() -> dict[str, Any]:
    x = DRAW.normal(size=N)
    plain = pd.DataFrame({"x": x, "n": np.arange(N), "city": ["Oslo", "Rome", "Bonn"] * 4, "yes": [True, False] * 6})
    return {
        "numbers and strings": plain,
        "times": plain.assign(day=DAYS, span=pd.to_timedelta(np.arange(N), unit="h"), month=DAYS.to_period("M")),
        "categories": plain.assign(size=pd.Categorical(["s", "m", "l"] * 4, ["s", "m", "l", "xl"], ordered=True)),
        "missing": plain.assign(n=pd.array([None, 2] * 6, "Int64"), city=["Oslo", None] * 6),
        "an index": plain.set_axis(DAYS),
        "decimals": plain.assign(price=[Decimal(n) / 8 for n in range(N)]),
        "long decimals": plain.assign(price=[Decimal(n) / 7 for n in range(N)]),
        "several kinds of nothing": plain.assign(city=pd.Series(["Oslo", None, np.nan, pd.NA] * 3, dtype=object)),
        "True and 1": plain.assign(city=pd.Series([True, 1, False, 0] * 3, dtype=object)),
        "intervals": plain.assign(bin=pd.cut(x, 3)),
        "polars": pl.DataFrame(
            {
                "x": x,
                "day": [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(N)],
                "city": pl.Series(["Oslo", "Rome", None] * 4, dtype=pl.Categorical),
                "yes": [True, False] * 6,
            }
        ),
        "float32": DRAW.normal(size=(N, 3)).astype(np.float32),
        "whole numbers": DRAW.integers(0, 5, (N, 3)),
    }


FRAMES = frames()


def model(rows: Any) -> np.ndarray:
    """Of the first column, of the strings as they are read, and of the index."""
    if isinstance(rows, np.ndarray):
        return rows.astype(float) @ np.arange(1, 4) + (rows.dtype.kind == "i")
    if isinstance(rows, pl.DataFrame):
        lines = rows.iter_rows()
    else:
        lines = rows.itertuples(index=rows.index.dtype.kind == "M")  # one that counts tells places in the batch
    return rows["x"].to_numpy() + [sum(map(ord, str(line))) % 97 for line in lines]


def first_of(table: Any, place: int) -> Any:
    return table.iloc[[place]] if isinstance(table, pd.DataFrame) else table[place]


def made_again(explorer: nx.Explorer, namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(code, "_namespace", lambda: namespace)
    assert explorer.session.wait(60)
    made = dict(namespace)
    exec(explorer.code(), made)
    return made


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("table", FRAMES.values(), ids=FRAMES)
def test_a_row_without_a_name(table: Any, changed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    row = nx.Tabular(first_of(table, 4), table)
    explorer = nx.TabularExplorer(model, row, method="leave_one_out", show=["map"])
    if changed:
        assert row.background is not None
        explorer.session.replace(0, row.another([row.background[7, 0], *row.background[2, 1:]]))
    made = made_again(explorer, {"model": model, "table": table, "other": 3}, monkeypatch)
    assert "= ..." not in explorer.code()
    x = explorer.session.inputs[0]
    assert isinstance(x, nx.Tabular)
    assert made["x"].columns == x.columns
    np.testing.assert_array_equal(made["x"].tensor, x.tensor)
    want, got = x.outside(x.tensor), made["x"].outside(x.tensor)
    assert repr(want) == repr(got)
    assert made["leave_one_out"].score == next(iter(explorer._answers.values())).explanation.score
    np.testing.assert_array_equal(
        made["leave_one_out"].values, next(iter(explorer._answers.values())).explanation.values
    )
    explorer.close()


def test_a_class_is_named_where_its_number_is_the_name_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = DRAW.normal(size=(30, 2))
    fitted = LogisticRegression().fit(rows, 1 + np.arange(30) % 3)  # classes 1, 2 and 3
    x = nx.Tabular(rows[0], rows)
    second = fitted.predict_proba(rows[:1])[0, 1]
    for target, said in ((1, ["target: 1 is the class at that place, 'class 2'"]), ("class 2", []), (0, [])):
        found = nx.explain(fitted, x, "leave_one_out", target=target)
        assert [warning.partition(";")[0] for warning in found.warnings] == said
        assert target == 0 or found.score == pytest.approx(second)
    explorer = nx.TabularExplorer(fitted, x, target=1, method="leave_one_out", show=["map"])
    made = made_again(explorer, {"model": fitted, "x": x}, monkeypatch)
    assert "target='class 2'" in explorer.code()
    assert made["leave_one_out"].target == 1
    assert not made["leave_one_out"].warnings
    explorer.close()


HELD = np.random.default_rng(1).normal(size=(60, 2))  # too many labels to write them out
RIGHT = (HELD[:, 0] > 0).astype(int)
LACKING = np.where(np.arange(60) % 7 > 0, RIGHT, None)


@pytest.mark.parametrize(
    "labels",
    [
        np.where(np.arange(60) % 7 > 0, RIGHT, np.nan),
        pd.Series(LACKING.astype(float)),
        pd.Series(LACKING).astype("Int64"),
        pd.Series(LACKING).astype("category"),
        pl.Series(LACKING.tolist()),
        pl.DataFrame({"right": RIGHT}),
        torch.tensor(RIGHT),
    ],
    ids=["floats", "series", "Int64", "category", "polars", "frame", "tensor"],
)
def test_labels_are_called_by_their_name(labels: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = LogisticRegression().fit(HELD, RIGHT)
    explorer = nx.GlobalExplorer(fitted, nx.Tabular(HELD[0], HELD, labels=labels), show=["confusion"])
    made = made_again(explorer, {"model": fitted, "table": HELD, "right": labels}, monkeypatch)
    assert "labels=right)" in explorer.code()
    (shown,) = (answer.explanation for answer in explorer._answers.values() if answer.question.method == "confusion")
    assert made["confusion"].values.tolist() == shown.values.tolist()
    explorer.close()


def test_labels_of_other_rows_or_of_another_kind_are_not_taken_for_these(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame(HELD, columns=["x", "y"], index=np.arange(60) + 7)
    fitted = LogisticRegression().fit(frame, RIGHT > 0)
    others = {"moved": pd.Series(RIGHT > 0, index=frame.index + 9), "numbers": RIGHT}
    x = nx.Tabular(frame.iloc[[0]], frame, labels=RIGHT > 0)
    explorer = nx.GlobalExplorer(fitted, x, show=["confusion"])
    made_again(explorer, {"model": fitted, "table": frame, **others, "right": RIGHT > 0}, monkeypatch)
    assert "labels=right)" in explorer.code()
    explorer.close()
