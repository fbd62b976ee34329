"""Which control each column of a row has, and what becomes of a value that is chosen there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import nbexplain as nx
from nbexplain.widgets.row_editor import RowEditor
from nbexplain.widgets.row_view import RowView
from tests.widgets.comm import from_browser

N = 60
DRAW = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": DRAW.integers(20, 70, N),
        "rate": pd.array([None, 1, 5] * (N // 3), "Int64"),
        "yes": [True, False] * (N // 2),
        "day": pd.date_range("2024-01-01", periods=N),
        "at": pd.date_range("2024-01-01", periods=N, freq="7h", tz="UTC"),
        "span": pd.to_timedelta(DRAW.random(N), unit="D"),
        "month": pd.PeriodIndex(["2023-11", "2024-02"] * (N // 2), freq="M"),
    }
)


def view_of(table: nx.Tabular) -> tuple[nx.Session, RowView]:
    nx.options.run = "sync"
    session = nx.Session(lambda rows: np.zeros(len(rows)), table)
    return session, RowView(session)


def test_every_kind_of_column_has_its_control() -> None:
    session, view = view_of(nx.Tabular(FRAME.iloc[[4]], FRAME))
    age, rate, yes, day, at, span, month = view.pane.features
    assert (age["kind"], age["step"], age["integer"], age["missing"]) == ("number", 1, True, False)
    assert (age["low"], age["high"]) == (FRAME["age"].min(), FRAME["age"].max())
    assert (rate["kind"], rate["missing"], rate["integer"]) == ("number", True, True)
    assert (yes["kind"], yes["choices"]) == ("boolean", ["False", "True"])
    assert (day["kind"], day["time"], day["low"], day["high"]) == ("number", "date", 19723, 19723 + N - 1)
    assert (at["time"], at["unit"], at["step"]) == ("datetime", "UTC", 1 / 24)
    assert (span["unit"], "time" in span) == ("days", False)
    assert month["texts"] == ["2023-11", "2023-12", "2024-01", "2024-02"]
    session.close()


def test_a_value_that_is_chosen_reaches_the_model_as_one_of_its_column() -> None:
    session, view = view_of(nx.Tabular(FRAME.iloc[[4]], FRAME))
    from_browser(view.pane, values=[33, None, 0, 19750, 19724.25, 0.5, 649])
    x = session.inputs[0]
    assert isinstance(x, nx.Tabular)
    made = x.outside(x.tensor)
    wanted = {"age": 33, "yes": False, "day": "2024-01-28", "at": "2024-01-02 06:00+00:00", "span": "12h"}
    expected = pd.DataFrame({name: [value] for name, value in wanted.items()}).assign(rate=pd.NA, month="2024-02")
    pd.testing.assert_frame_equal(
        made,
        pd.DataFrame({name: expected[name].astype(FRAME[name].dtype) for name in FRAME}),
    )
    session.close()


def test_of_many_categories_the_most_frequent_can_be_chosen() -> None:
    names = [f"user {number:05}" for number in range(10_000)]
    frame = pd.DataFrame({"user": names + ["user 09998"] * 3})
    session, view = view_of(nx.Tabular(frame.iloc[[5000]], frame))
    (user,) = view.pane.features
    assert len(user["choices"]) == len(user["places"]) == 300
    assert {"user 05000", "user 09998"} <= set(user["choices"])
    assert (user["count"], user["note"]) == (10_000, "the 300 most frequent of 10,000")
    x = session.inputs[0]
    assert isinstance(x, nx.Tabular)
    assert x.background is not None
    view.show_row(x.background[7777])  # one that is not among them
    assert "user 07777" in view.pane.features[0]["choices"]
    assert view.pane.values == [7777]
    assert "user 05000" in view.pane.features[0]["choices"]  # to go back to
    assert view.pane.row == [5000]
    session.close()


@pytest.mark.parametrize(
    ("end", "step"), [("2024-01-01 00:10:00", 1), ("2024-01-02 00:00:00", 300), ("2027-01-01 00:00:00", 86_400)]
)
def test_a_slider_over_moments_has_round_steps(end: str, step: int) -> None:
    moments = pd.to_datetime(["2024-01-01 00:00:01", end])
    session, view = view_of(nx.Tabular({"at": moments[0]}, pd.DataFrame({"at": moments})))
    assert view.pane.features[0]["step"] * 86_400 == pytest.approx(step)
    session.close()


def test_the_editor_refuses_what_is_neither_yes_nor_no() -> None:
    editor = RowEditor(features=[{"name": "yes", "kind": "boolean", "choices": ["False", "True"]}], row=[1])
    with pytest.raises(Exception, match="values: expected the position of one of its 2 choices for 'yes', got 2"):
        editor.values = [2]
    editor.close()


def test_infinity_stays_until_another_value_is_chosen() -> None:
    held = pd.DataFrame({"a": [np.inf, 1.0, 2.0], "b": [1.0, 2.0, 3.0]})
    session, view = view_of(nx.Tabular(held.iloc[[0]], held))
    assert np.isnan(view.pane.row[0])
    assert view.pane.features[0]["note"] == "infinite in the row"
    for values, want in (([np.nan, 5.0], [np.inf, 5.0]), ([1.5, 5.0], [1.5, 5.0])):
        view._change(values)
        assert session.inputs[0].tensor.tolist() == [want]
    view.close()
    session.close()


def test_names_that_are_cut_keep_what_differs() -> None:
    held = pd.DataFrame({f"measurement {n:02} of the sensor": [1.0, 2.0] for n in range(12)})
    session, view = view_of(nx.Tabular(held.iloc[[0]], held))
    cuts = [feature["cuts"] for feature in view.pane.features]
    assert [len(set(level)) for level in zip(*cuts, strict=True)] == [12, 12, 12]
    assert all(f"{n:02}" in cut for n, each in enumerate(cuts) for cut in each)
    view.close()
    session.close()
