"""Rows of tables: columns and categories, the background that stands in, and what models of other kinds get."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from torch import nn

from nbexplain import Subject
from nbexplain.inputs import Tabular

FRAME = pd.DataFrame(
    {"age": [20, 30, 40, 50], "city": ["Rome", "Oslo", "Rome", "Bonn"], "member": [True, False, True, True]}
)
DATES = pd.DataFrame({"a": pd.to_datetime(["2024-01-01", "2024-01-02"])})


def test_a_frame_tells_names_and_categories() -> None:
    row = Tabular(FRAME.iloc[1], FRAME)
    assert row.names == ("age", "city", "member")
    assert [c.categories for c in row.columns] == [(), ("Bonn", "Oslo", "Rome"), (False, True)]
    assert row.tensor.tolist() == [[30, 1, 0]]
    assert row.background is not None
    assert row.background.tolist() == [[20, 2, 1], [30, 1, 0], [40, 2, 1], [50, 0, 1]]
    assert [c.said(v) for c, v in zip(row.columns, row.tensor[0].tolist(), strict=True)] == ["30", "Oslo", "False"]


def test_a_model_outside_torch_gets_the_users_own_values_back() -> None:
    row = Tabular(FRAME.iloc[[1]], FRAME)
    frame = row.outside(torch.tensor([[30.0, 1, 0], [40, 2, 1]]))
    pd.testing.assert_frame_equal(frame, FRAME.iloc[[1, 2]].reset_index(drop=True))
    plain = Tabular([1.0, 2.0], [[0.0, 0.0]])
    assert plain.outside(torch.tensor([[3.0, 4.0]])).tolist() == [[3, 4]]
    mixed = Tabular({"a": 1.5, "b": "x"}, [[1, "y"], [2, "x"]])
    assert mixed.outside(mixed.tensor).tolist() == [[1.5, "x"]]
    assert [column.categories for column in mixed.columns] == [(), ("x", "y")]


@pytest.mark.parametrize("of", [np.asarray, pd.Series, torch.tensor, lambda labels: pd.DataFrame({"label": labels})])
def test_labels_are_those_of_the_moment_as_rows_are(of: Any) -> None:
    labels, rows = np.array([0, 1, 1]), np.array([[0.0], [1.0], [2.0]])
    given = of(labels)
    x = Tabular([1.0], rows, labels=given)
    labels[:] = 0
    rows[:] = 0
    if isinstance(given, torch.Tensor):
        given[:] = 0
    elif not isinstance(given, np.ndarray):
        given.iloc[:] = 0
    assert x.labels is not None
    assert x.labels.tolist() == [0, 1, 1]
    assert x.background is not None
    assert x.background[:, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("of", ["dict", "Series", "DataFrame", "names"])
def test_the_order_of_the_backgrounds_columns_counts(of: str) -> None:
    other = FRAME[["member", "age", "city"]]
    named: dict[str, Any] = {"dict": other.iloc[0].to_dict(), "Series": other.iloc[0], "DataFrame": other.iloc[[0]]}
    if of == "names":
        row = Tabular([True, 20, "Rome"], FRAME, names=["member", "age", "city"])
    else:
        row = Tabular(named[of], FRAME)
    assert row.names == ("age", "city", "member")
    assert row.tensor.tolist() == [[20, 2, 1]]
    assert row.background is not None
    assert row.background[1].tolist() == [30, 1, 0]
    pd.testing.assert_frame_equal(row.outside(row.tensor), FRAME.iloc[[0]])


@pytest.mark.parametrize(
    "row",
    [
        [FRAME.iloc[0].to_dict()],
        (FRAME.iloc[0].to_dict(),),
        [FRAME.iloc[0, ::-1]],
        FRAME.iloc[[0], ::-1].to_records(index=False),
    ],
    ids=["list", "tuple", "series", "records"],
)
def test_a_list_of_one_row_is_that_row(row: Any) -> None:
    assert Tabular(row, FRAME).tensor.tolist() == Tabular(FRAME.iloc[0], FRAME).tensor.tolist()
    with pytest.raises(ValueError, match=r"row: expected one row, got 2 of them; try row=row\[0\]"):
        Tabular([*row, row[0]], FRAME)


def test_names_may_be_an_array() -> None:
    assert Tabular([1.0, 2.0], names=np.array(["a", "b"])).names == ("a", "b")  # type: ignore[arg-type]


def test_pandas_categories_keep_their_codes() -> None:
    sizes = ["small", "medium", "large", "huge"]
    for ordered in (True, False):
        frame = pd.DataFrame(
            {"size": pd.Categorical(["small", "large", None], sizes, ordered=ordered), "x": [1.0, 2, 3]}
        )
        row = Tabular(frame.iloc[1], frame)
        assert row.columns[0].categories == tuple(sizes)
        assert row.tensor[0, 0] == frame["size"].cat.codes[1] == 2
        assert row.background is not None
        assert row.background[:2, 0].tolist() == [0, 2]
        assert np.isnan(row.background[2, 0])
    own = Tabular(frame.iloc[1], frame, categories={"size": sizes[::-1]})
    assert own.tensor[0, 0] == 1
    with pytest.raises(ValueError, match="row: 'size' is 'tiny', expected one of 'small', 'medium'"):
        Tabular({"size": "tiny", "x": 1.0}, frame)


def test_missing_numbers_of_pandas_are_numbers() -> None:
    frame = pd.DataFrame({"a": pd.array([5, 40, pd.NA], "Int64"), "b": pd.Series([1.5, pd.NA, 2], dtype=object)})
    row = Tabular(frame.iloc[2], frame)
    assert [column.categories for column in row.columns] == [(), ()]
    assert row.background is not None
    np.testing.assert_array_equal(row.background, [[5, 1.5], [40, np.nan], [np.nan, 2]])
    assert row.notes == ("the row holds NaN or infinity in 'a'",)


def test_a_column_that_is_always_true_is_one() -> None:
    assert Tabular({"a": True, "b": 1.5}, pd.DataFrame({"a": [True, True], "b": [1.0, 2]})).tensor[0, 0] == 1
    # numpy makes a number of the row's value
    assert Tabular(np.array([1, 1.5]), pd.DataFrame({"a": [True, False], "b": [1.0, 2]})).tensor[0, 0] == 1


def test_times_are_numbers_of_days_and_that_is_said() -> None:
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["1970-01-03 12:00", "1970-01-02 00:00", None]),
            "span": pd.to_timedelta([36, 48, -6], unit="h"),
            "month": pd.PeriodIndex(["1970-03", "1971-01", "1970-01"], freq="M"),
        }
    )
    row = Tabular(frame.iloc[0], frame)
    assert row.tensor.tolist() == [[2.5, 1.5, 2]]
    assert row.background is not None
    np.testing.assert_array_equal(row.background, [[2.5, 1.5, 2], [1, 2, 12], [np.nan, -0.25, 0]])
    assert row.notes == (
        "times are taken as numbers: days since 1970-01-01 in 'day'; days in 'span'; the number of the period in "
        "'month'",
    )
    assert [c.said(v) for c, v in zip(row.columns, [2.5, 1.5, 2], strict=True)] == [
        "1970-01-03 12:00",
        "1.5 d",
        "1970-03",
    ]
    assert Tabular({"day": "1970-01-05", "span": frame["span"][0], "month": "1970-02"}, frame).tensor.tolist() == [
        [4, 1.5, 1]
    ]
    between = row.outside(torch.tensor([[1.75, 1.75, 5]]).double())
    assert between["day"][0] == pd.Timestamp("1970-01-02 18:00")
    assert between["span"][0] == pd.Timedelta(42, unit="h")
    assert (between.dtypes == frame.dtypes).all()


def test_large_values_are_read_without_a_power_of_ten():
    column = Tabular([[1.0]], [[1.0], [2.0]]).columns[0]
    given = [9041.25, 10_020.4, -123_456.0, 0.00012345, 3e12]
    assert [column.said(value) for value in given] == ["9041", "10020", "−123456", "0.0001234", "3e+12"]


def test_hidden_columns_take_the_values_of_every_background_row() -> None:
    row = Tabular([1.0, 2.0, 3.0], [[10, 20, 30], [11, 21, 31]])
    ((rows, batch),) = row.masker().batches(np.array([[1, 1, 1], [0, 1, 0], [0, 0, 0]]))
    assert rows.tolist() == [0, 1, 2]
    assert batch.tolist() == [[1, 2, 3], [1, 2, 3], [10, 2, 30], [11, 2, 31], [10, 20, 30], [11, 21, 31]]


def test_scores_are_averaged_over_the_background() -> None:
    model = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 10.0], [0.0, 1.0]]))
    row = Tabular([1.0, 2.0], [[3.0, 0.0], [5.0, 4.0]])
    scores = Subject(model, row).hidden(row.masker(), np.array([[1, 1], [0, 1], [1, 0], [0, 0]]))
    assert scores[:, 0].tolist() == [21, 24, 21, 24]  # 1 + 20, mean(3, 5) + 20, 1 + 10 · mean(0, 4), 4 + 20
    assert scores[:, 1].tolist() == [2, 2, 2, 2]


def test_more_background_rows_than_go_through_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    background = draw.normal(size=(37, 3))
    row = Tabular(draw.normal(size=3), background)
    subject = Subject(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double(), row)
    keep = draw.integers(0, 2, (11, 3))
    monkeypatch.setattr(Subject, "chunk", lambda *_, **__: 1000)
    at_once = subject.hidden(row.masker(), keep)
    for size in (5, 80):
        monkeypatch.setattr(Subject, "chunk", lambda *_, size=size, **__: size)
        torch.testing.assert_close(subject.hidden(row.masker(), keep), at_once)


@pytest.mark.parametrize("stand_in", ["sample", "k-means"])
def test_a_few_of_many_background_rows_stand_in(stand_in: str) -> None:
    background = np.concatenate([np.zeros((30, 2)), np.ones((10, 2))]) + np.random.default_rng(0).normal(
        0, 0.01, (40, 2)
    )
    row = Tabular([5.0, 5.0], background)
    masker = row.masker(background=2 if stand_in == "k-means" else 10, stand_in=stand_in)
    assert all(any((stood == b).all() for b in background) for stood in masker.stand_ins)  # rows that there are
    assert masker.weights.sum() == pytest.approx(1)
    if stand_in == "k-means":
        assert sorted(masker.weights) == [0.25, 0.75]  # as large as their clusters
    else:
        assert len({tuple(r) for r in masker.stand_ins}) == 10
    assert (row.masker(background=100).stand_ins == background).all()


def test_the_median_row() -> None:
    """Of whole numbers one that occurs: 30 of 30 and 40, since a code between two others may be none."""
    assert Tabular(FRAME.iloc[0], FRAME).masker(stand_in="median").stand_ins.tolist() == [[30, 2, 1]]


def test_a_column_in_which_the_background_is_like_the_row_does_not_vary() -> None:
    masker = Tabular([1.0, 2.0], [[1.0, 0.0], [1.0, 2.0]]).masker()
    assert masker.varying.tolist() == [False, True]


def test_columns_that_go_together_are_joined_first() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(50, 2))
    tree = Tabular(np.zeros(3), np.stack([x[:, 0], x[:, 1], -(x[:, 0] ** 3)], 1)).masker().tree()
    assert sorted(tree[0, :2]) == [0, 2]  # one rises as the other falls
    assert tree[0, 2] == pytest.approx(0)


def test_encode_is_the_way_to_a_torch_model() -> None:
    def encode(rows: torch.Tensor) -> torch.Tensor:
        return torch.cat([rows[:, :1] / 10, nn.functional.one_hot(rows[:, 1].long(), 3)], 1)

    row = Tabular(FRAME[["age", "city"]].iloc[0], FRAME[["age", "city"]], encode=encode)
    args, _ = row.arguments(row.tensor)
    assert args[0].tolist() == [[2, 0, 0, 1]]


def test_another_row_of_the_same_table() -> None:
    row = Tabular(FRAME.iloc[0], FRAME)
    other = row.another([33.0, 0.0, 1.0])
    assert other.tensor.tolist() == [[33, 0, 1]]
    assert row.tensor.tolist() == [[20, 2, 1]]
    with pytest.raises(ValueError, match="values: expected 3 numbers"):
        row.another([1.0])
    with pytest.raises(ValueError, match="values: 'city' has no category number 3"):
        row.another([33.0, 3.0, 1.0])


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        ([1, 2], {"background": [[1, 2, 3]]}, "background: expected 2 columns as in the row, got 3"),
        (
            FRAME.iloc[0],
            {"background": FRAME[["age", "city"]]},
            "row: expected the background's columns; it has 'member'",
        ),
        ({"age": 1, "town": "x"}, {"background": FRAME}, "it lacks 'city', 'member' and has 'town'"),
        ([1, 2], {"background": FRAME[["age", "city"]], "names": ["a", "city"]}, "names: expected the background's"),
        ([1, 2], {"background": FRAME["age"]}, r"background: expected a table \(N, F\), got shape \(4,\)"),
        (
            [1, 2],
            {"background": pd.DataFrame([[1, 2]], columns=[0, 0])},
            "names: expected each column once, got '0' twice",
        ),
        (FRAME, {}, "row: expected one row, got a table of 4"),
        ([[1, 2], [3, 4]], {}, r"row: expected one row of values \(F,\), got shape \(2, 2\)"),
        ([1, 2], {"background": [[1, 2], [3]]}, "background: expected rows of equal length, got 1 to 2"),
        ([1, 2], {"background": np.zeros((0, 2))}, "background: expected at least one row, got none"),
        ([1, 2], {"background": [1, 2]}, r"background: expected a table \(N, F\), got shape \(2,\)"),
        (
            {"age": "a", "city": "Rome", "member": True},
            {"background": FRAME},
            r"row: 'age' is 'a', expected a number .*20",
        ),
        ({"age": 1, "city": 3, "member": True}, {"background": FRAME}, r"row: 'city' is 3, expected a str .*'Bonn'"),
        (
            {"age": 1, "city": "Bern", "member": True},
            {"background": FRAME.astype({"city": "category"})},
            "row: 'city' is 'Bern', expected one of 'Bonn', 'Oslo', 'Rome'",
        ),
        (
            FRAME[["age", "city"]].iloc[[0]],
            {"background": FRAME},
            r"it lacks 'member'; if the model takes no 'member': background=table\.drop\(columns=\['member'\]\)",
        ),
        (
            pl.DataFrame({"a": [1]}),
            {"background": pl.DataFrame({"a": [1, 2], "y": [1, 2]})},
            r"it lacks 'y'; if the model takes no 'y': background=table\.drop\(\['y'\]\)",
        ),
        (
            FRAME.iloc[[0]],
            {"background": FRAME[["age", "city"]]},
            r"has 'member'; .*: row={name: row\[name\] for name in table\.columns}",
        ),
        ([1, "x"], {"background": FRAME}, r"got 3 \(age, city, member\); leave out the one .*=table\.drop\(columns=\["),
        ([1, 2], {"background": np.ones((4, 3))}, r"got 3; leave out the one .*: background=numpy\.delete\(table, "),
        (FRAME.iloc[[0]], {"background": FRAME.iloc[:0]}, "background: expected at least one row, got none"),
        (FRAME.iloc[:0], {"background": FRAME}, "row: expected one row, got an empty table"),
        (FRAME.iloc[[0]][[]], {"background": FRAME[[]]}, r"row: expected at least one column, got shape \(1, 0\)"),
        (
            {"a": "x"},
            {"background": pd.DataFrame({"a": [None, None]})},
            "row: 'a' is 'x', and the background has no value there that tells a kind",
        ),
        (pd.Series([1, 2], index=["a", "a"]), {}, "names: expected each column once, got 'a' twice"),
        ({"a": [1, 2]}, {}, "row: 'a' holds 2 values, expected one"),
        ([1], {"background": {"a": [1]}}, r"background: .* got a dict; try background=pandas\.DataFrame\(background\)"),
        ([1], {"background": pl.DataFrame({"a": [1]}).lazy()}, r"got a LazyFrame; try background=frame\.collect\(\)"),
        (
            [1],
            {"background": pd.DataFrame({"a": [[1]]})},
            r"background: 'a' holds a list, \[1\]; a column holds numbers",
        ),
        ({"a": "soon"}, {"background": DATES}, r"row: 'a' is 'soon', expected a datetime \(such as 2024-01-01\)"),
        ({"a": 5}, {"background": DATES}, "row: 'a' is 5, expected a datetime .*: it is no date"),
        (
            {"a": DATES["a"].dt.tz_localize("UTC")[0]},
            {"background": DATES},
            "expected a datetime .*: it has a time zone",
        ),
        (
            FRAME.iloc[0],
            {"background": FRAME, "labels": pd.Series([1, 0, 1, 1], index=[3, 2, 1, 0])},
            r"labels: their index is not that of the background, .* try labels=labels\.loc\[table\.index\]",
        ),
        (
            FRAME.iloc[0],
            {"background": FRAME.iloc[::-1], "labels": pd.Series([1, 0, 1, 1])},
            r"labels: their index is not that of the background, .* try labels=labels\.loc\[table\.index\]",
        ),
        ([1, 2], {"names": ["a"]}, "names: expected 2, one for each value of the row, got 1"),
        ([1, 2], {"names": ["a", "a"]}, "names: expected each column once, got 'a' twice"),
        ([1, "x"], {"names": ["a", "b"], "categories": {"b": ["y"]}}, "row: 'b' is 'x', expected one of 'y'"),
        (
            [1, 2],
            {"names": ["a", "b"], "categories": {"b": [0, 1, 1, 2]}},
            "categories: 'b' is expected to have each value once, got 1 twice",
        ),
        (
            {"age": 1, "city": b"Rome", "member": True},
            {"background": FRAME},
            r"'city' is b'Rome', expected a str .*; try b'Rome'\.decode\(\), or give the background the row's dtype",
        ),
        (
            {"age": 1, "city": b"\xff", "member": True},
            {"background": FRAME},
            "row: 'city' is .*'Rome'\\); give the background the row's dtype",
        ),
        (
            {"a": "x"},
            {"background": pd.DataFrame({"a": [b"x", b"y"]})},
            r"a bytes .*; try 'x'\.encode\(\), or",
        ),
        (
            {"a": "x"},
            {"background": pd.DataFrame({"a": [(1, 2), (2, 3)]})},
            r"expected a tuple .*\(2, 3\)\); give the background",
        ),
        ([1, 2], {"names": ["a", "b"], "categories": {"c": ["y"]}}, "categories: there is no column 'c'"),
        (
            [1, 2],
            {"background": [[1, 2]], "labels": [0, 1]},
            r"labels: expected one for each background row, got shape",
        ),
    ],
)
def test_bad_tables(row: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Tabular(row, **options)


def test_what_a_reader_must_know_is_said() -> None:
    assert Tabular([np.nan, 2.0], names=["a", "b"]).notes == ("the row holds NaN or infinity in 'a'",)
    assert Tabular([1.0], [[2.0]]).notes[0] == "the background is a single row: all is compared with that one"
    assert Tabular([1.0, 2.0], [[3.0, 2.0], [3.0, 5.0]], names=["a", "b"]).notes == ("constant in the background: 'a'",)
    table = np.array([[np.nan, np.inf], [np.nan, 1]])
    assert Tabular([np.nan, 1.0], table, names=["a", "b"]).notes[1:] == (
        "missing throughout the background: 'a'",
        "infinite in the background: 'b'",
    )
    unseen = Tabular({"age": 1, "city": "Bern", "member": True}, FRAME)
    assert unseen.notes == ("'Bern' of 'city' does not occur in the background",)
    assert unseen.another([20.0, 3.0, 1.0]).notes == ()  # the note belongs to the row


def test_nothing_can_be_hidden_without_a_background() -> None:
    with pytest.raises(ValueError, match="background: what is hidden needs rows that stand in for it"):
        Tabular([1.0, 2.0]).masker()


@pytest.mark.parametrize("kind", ["pandas", "polars", "array"])
@pytest.mark.parametrize("given", [5, None, "ab"])
def test_categories_that_are_no_list_are_refused_with_the_list(kind: str, given: Any) -> None:
    codes = np.array([[0, 30], [1, 10], [0, 20], [1, 10]])
    frame = pd.DataFrame(codes, columns=["flag", "size"])
    table: Any = {"pandas": frame, "polars": pl.from_pandas(frame), "array": codes}[kind]
    row, names = table[:1] if kind == "polars" else frame.iloc[0], None if kind != "array" else ["flag", "size"]
    row = codes[0] if kind == "array" else row
    with pytest.raises(
        TypeError, match=f"^categories: expected all values of 'size', in a list, got {given!r}; try "
    ) as e:
        Tabular(row, table, names=names, categories={"size": given})
    made = eval(str(e.value).partition("try categories=")[2], {"numpy": np, "table": table})
    assert [column.categories for column in Tabular(row, table, names=names, categories=made).columns] == [
        (),
        (10, 20, 30),
    ]
    with pytest.raises(TypeError, match=f"^categories: .* in a list, got {given!r}$"):
        Tabular([1, 2], names=["a", "size"], categories={"size": given})
