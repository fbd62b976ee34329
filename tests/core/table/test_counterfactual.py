"""Counterfactuals beside all single and pair changes, and all sets of words."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from nbexplain import METHODS, Subject, Tabular, Text, explain
from nbexplain.core.ask import ask
from nbexplain.core.twin import twin

DRAW = np.random.default_rng(3)
ROWS = DRAW.integers(0, 5, (60, 5)).astype(float)
LABELS = ((ROWS > 2).sum(1) >= 3).astype(int)
MODELS = [
    RandomForestClassifier(15, random_state=0).fit(ROWS, LABELS),
    LogisticRegression().fit(ROWS, LABELS),
    KNeighborsClassifier(5).fit(ROWS, LABELS),
]


def fewest(predict: Any, row: np.ndarray, background: np.ndarray, most: int = 3) -> tuple[int, float]:
    """The fewest columns that flip the prediction, and the smallest distance with so many: all combinations tried."""
    before = predict(row[None])[0]
    scale = np.array([np.median(np.abs(c - np.median(c))) or c.std() for c in background.T])
    for size in range(1, most + 1):
        near = np.inf
        for columns in combinations(range(len(row)), size):
            tried = np.array(list(product(*(np.unique(background[:, c]) for c in columns))))
            rows = np.tile(row, (len(tried), 1))
            rows[:, columns] = tried
            flips = predict(rows) != before
            near = min([near, *(np.abs(rows[flips] - row) / scale).sum(1)])
        if near < np.inf:
            return size, near
    return most + 1, np.inf


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_the_fewest_columns_are_those_of_all_changes(model: Any) -> None:
    sizes = set()
    for number in (0, 1, 2, 5):
        row = ROWS[number]
        found = explain(model, Tabular(row, ROWS), "counterfactual")
        changed = (found.values != row).sum(1)
        size, near = fewest(model.predict, row, ROWS)
        assert changed[0] == size
        if size == 1:  # of single changes all are tried, and the nearest is told
            assert found.details["distance"] == pytest.approx(near)
        sizes.add(size)
        assert (model.predict(found.values) != model.predict(row[None])).all()  # the flip is real
        np.testing.assert_allclose(found.scores, model.predict_proba(found.values))
        for values in found.values:  # and undoing any single change loses it
            for column in np.flatnonzero(values != row):
                undone = np.where(np.arange(5) == column, row, values)
                assert model.predict(undone[None]) == model.predict(row[None])
        sets = [frozenset(np.flatnonzero(values != row)) for values in found.values]
        assert len(set(sets)) == len(sets)
    assert len(sizes) > 1  # not all of them are easy


def test_many_columns_are_reached_from_rows_of_the_background() -> None:
    """Four of six have to change together: nothing smaller says anything."""
    rows = np.random.default_rng(0).integers(0, 2, (80, 6)).astype(float)
    rows[0], rows[1] = 0, 1

    def model(x: np.ndarray) -> np.ndarray:
        yes = (x.sum(1) >= 4).astype(float)
        return np.stack([1 - yes, yes], 1)

    found = explain(model, Tabular(rows[0], rows), "counterfactual")
    assert found.values.sum(1).tolist() == [4.0] * len(found.values)
    assert found.details["columns changed"] == 4


def test_what_is_fixed_or_has_a_direction_is_kept() -> None:
    model = LogisticRegression().fit(ROWS, LABELS)
    names = ["a", "b", "c", "d", "e"]
    number = int(np.flatnonzero(model.predict(ROWS) == 0)[0])
    x = Tabular(ROWS[number], ROWS, names=names)
    free = explain(model, x, "counterfactual", count=20)
    assert (free.values[:, 2] > ROWS[number, 2]).any()
    kept = explain(model, x, "counterfactual", fixed="c", falling=["e"], rising=("b",), count=20)
    assert len(kept.values)
    assert (kept.values[:, 2] == ROWS[number, 2]).all()
    assert (kept.values[:, 4] <= ROWS[number, 4]).all()
    assert (kept.values[:, 1] >= ROWS[number, 1]).all()
    assert (model.predict(kept.values) == 1).all()
    assert kept.params["fixed"] == ("c",)


SIZES = ["small", "middle", "large", "huge"]  # not in alphabetical order


@pytest.mark.parametrize("kind", ["ordered", "intervals", "numbers", "told", "Enum"])
def test_ordered_categories_have_a_direction(kind: str) -> None:
    held = np.tile(np.arange(4), 6)
    cut = pd.cut(held, [-1, 0, 1, 2, 3])
    called: list[Any] = {"intervals": list(cut.categories), "numbers": [7, 5, 9, 1]}.get(kind, SIZES)
    values = [called[place] for place in held]
    frame: Any = pd.DataFrame({"size": values, "n": held})
    if kind in ("ordered", "numbers"):
        frame["size"] = pd.Categorical(values, called, ordered=True)
    elif kind == "intervals":
        frame["size"] = cut
    elif kind == "Enum":
        frame = pl.DataFrame({"size": values, "n": held}, schema_overrides={"size": pl.Enum(SIZES)})
    given = {"categories": {"size": called}} if kind == "told" else {}

    def other(rows: Any) -> np.ndarray:
        """The smallest size and the largest."""
        yes = np.array([float(value in (called[0], called[3])) for value in rows["size"]])
        return np.stack([1 - yes, yes], 1)

    x = Tabular({"size": called[1], "n": 0}, frame, **given)
    for argument, size in (("rising", 3), ("falling", 0)):
        found = explain(other, x, "counterfactual", **{argument: ("size",)}, fixed="n")
        assert [called[int(row[0])] for row in found.values] == [called[size]]


def test_numbers_that_are_categories_in_no_order_have_no_direction() -> None:
    frame = pd.DataFrame({"size": pd.Categorical([7, 5, 9] * 3, [7, 5, 9]), "n": range(9)})
    with pytest.raises(ValueError, match=r"rising: 'size' is a category, which has no order.*categories=\{'size': "):
        explain(lambda rows: rows["n"].to_numpy(), Tabular(frame.iloc[[0]], frame), "counterfactual", rising="size")


def test_columns_of_two_levels_are_named_by_both() -> None:
    frame = pd.DataFrame(ROWS[:, :2], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    found = explain(
        lambda rows: rows.to_numpy().sum(1), Tabular(frame.iloc[[0]], frame), "counterfactual", fixed=[("a", "y")]
    )
    assert found.params["fixed"] == ("('a', 'y')",)
    assert len(found.values)
    assert (found.values[:, 1] == ROWS[0, 1]).all()


def test_a_single_change_that_is_left_of_a_background_row_has_to_reach_the_goal() -> None:
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]] * 3)

    def both(x: np.ndarray) -> np.ndarray:
        yes = (x.sum(1) == 2).astype(float)
        return np.stack([1 - yes, yes], 1)

    found = explain(both, Tabular(rows[0], rows), "counterfactual", fixed="feature 1")
    assert len(found.values) == 0


def test_a_class_that_is_not_predicted_is_reached() -> None:
    labels = (ROWS[:, 0] > 1).astype(int) + (ROWS[:, 0] > 3)
    model = DecisionTreeClassifier(random_state=0).fit(ROWS, labels)
    row = ROWS[int(np.flatnonzero(ROWS[:, 0] == 0)[0])]
    found = explain(model, Tabular(row, ROWS), "counterfactual", target=2)
    assert model.predict(found.values).tolist() == [2]
    assert found.values[0].tolist() == [4, *row[1:]]
    gone = explain(model, Tabular(row, ROWS), "counterfactual", target=0)
    assert gone.values[0].tolist() == [2, *row[1:]]  # the nearest that is another class


def test_a_regression_crosses_a_boundary() -> None:
    model = LinearRegression().fit(ROWS, ROWS @ [1.0, 2, 0, 0, -1])
    x = Tabular(np.array([2.0, 2, 2, 2, 2]), ROWS)  # 4
    up = explain(model, x, "counterfactual", boundary=7.5)
    assert (up.scores[:, 0] >= 7.5).all()
    assert (up.values[0] != 2).sum() == 1  # b from 2 to 4
    assert up.values[0].tolist() == [2, 4, 2, 2, 2]
    down = explain(model, x, "counterfactual", boundary=3.5)
    assert (down.scores[:, 0] < 3.5).all()
    mean = float(model.predict(ROWS).mean())
    alone = explain(model, x, "counterfactual")
    assert ((alone.scores[:, 0] >= mean) != (mean <= 4)).all()
    assert any(f"cross {mean:.4g}, the mean of the background" in note for note in alone.warnings)


def test_categories_and_missing_values() -> None:
    frame = pd.DataFrame({"age": [20.0, 30, 40, np.nan] * 10, "city": ["oslo", "rome", "bern", "oslo"] * 10})

    def model(x: pd.DataFrame) -> np.ndarray:
        yes = ((x["city"] == "rome") & x["age"].notna()).to_numpy(float)
        return np.stack([1 - yes, yes], 1)

    x = Tabular(frame.iloc[[0]], frame)
    found = explain(model, x, "counterfactual")
    assert [x.columns[1].categories[int(v[1])] for v in found.values] == ["rome"]
    assert found.values[0, 0] == 20
    assert found.details["distance"] == 1
    missing = Tabular(frame.iloc[[3]], frame)  # both have to change: a value is missing
    both = explain(model, missing, "counterfactual")
    assert both.details["columns changed"] == 2
    assert both.details["distance"] == 2
    assert np.isfinite(both.values).all()


def test_nothing_is_found_and_it_is_said_how_near_it_came() -> None:
    def model(x: np.ndarray) -> np.ndarray:
        return np.stack([10 - x.sum(1), x.sum(1)], 1) / 10  # never above 4 in 10 where the columns are 0 or 1

    rows = np.random.default_rng(1).integers(0, 2, (30, 4)).astype(float)
    rows[0] = 0
    found = explain(model, Tabular(rows[0], rows, names=list("abcd")), "counterfactual")
    assert found.values.shape == (0, 4)
    note = found.warnings[-1]
    assert "no change was found with which class 0 is no longer predicted" in note
    assert "the nearest changes 'a', 'b', 'c', 'd', with a score of 0.6" in note


def test_fewer_may_do_is_said_only_where_not_all_were_tried() -> None:
    rows = np.random.default_rng(0).normal(size=(300, 8))

    def model(x: np.ndarray) -> np.ndarray:
        yes = (x > 0.5).sum(1) >= 4
        return np.stack([~yes, yes], 1).astype(float)

    row = np.full(8, -1.0)
    found = explain(model, Tabular(row, rows), "counterfactual", evaluations=2000)
    assert found.details["columns changed"] == 4
    assert "fewer columns may do: of sets of 1, 400 of 2,400 were tried" in found.warnings
    for number in (0, 1):
        small = explain(MODELS[0], Tabular(ROWS[number], ROWS), "counterfactual")
        assert not any("may do" in note for note in small.warnings)


@pytest.mark.parametrize("evaluations", [100, 1000])
@pytest.mark.parametrize("values", [300, 20_000])
def test_no_more_inputs_are_tried_than_there_are_evaluations(values: int, evaluations: int) -> None:
    a, b = np.arange(float(values)), np.arange(values) % 2.0
    asked: list[int] = []

    def model(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return rows[:, 0]

    rows, edge = np.stack([a, b], 1), 0.61 * values + 0.5
    options = {"boundary": edge, "evaluations": evaluations}
    subject = Subject(model, Tabular(rows[5], rows))
    checked = METHODS["counterfactual"].check_params(options, "table", subject.places)
    price = METHODS["counterfactual"].price(subject, 0, checked)  # type: ignore[misc]
    asked.clear()
    found = explain(model, Tabular(rows[5], rows), "counterfactual", target=0, **options)
    assert found.values.tolist() == [[np.ceil(edge), 1]]  # the first value that reaches it, whatever there are between
    assert found.details["model evaluations"] <= evaluations
    in_batches = sum(count for count in asked if count > 1)  # some of them are asked alone as well
    assert in_batches < evaluations + 600  # 500 rows of the background, and the row itself
    assert price / 3 < in_batches < 3 * price


@pytest.mark.parametrize("row", [1, 5])
def test_what_predict_is_asked_beside_the_search_is_among_the_evaluations(row: int) -> None:
    rows = np.random.default_rng(0).normal(size=(200, 4))
    classes = np.digitize(rows @ [1, 0.7, -0.6, 0.5], [-0.7, 0.7])
    model = RandomForestClassifier(8, random_state=0, max_depth=5).fit(rows, classes)
    found = explain(model, Tabular(rows[row], rows), "counterfactual", target=2, evaluations=100)
    assert len(found.values)
    assert found.details["model evaluations"] <= 100


@pytest.mark.parametrize(("columns", "count"), [(10, 5), (40, 5), (5, 20)])
def test_few_evaluations_are_kept_to_with_many_columns(columns: int, count: int) -> None:
    rows = np.random.default_rng(0).normal(size=(5000, columns))
    model = lambda x: x.sum(1)  # noqa: E731
    found = explain(model, Tabular(rows[0], rows), "counterfactual", evaluations=100, count=count)
    assert len(found.values)
    assert found.details["model evaluations"] <= 100
    assert any("nearer values may do" in note for note in found.warnings)
    before = model(rows[:1]) > 0
    for values in found.values:
        assert (values.sum() > 0) != before
        for column in np.flatnonzero(values != rows[0]):
            assert (np.where(np.arange(columns) == column, rows[0], values).sum() > 0) == before


def test_on_both_sides_of_the_row_the_next_nearer_value_was_tried() -> None:
    """Reached from 700 on upwards and from −200 on downwards; and near by, where hardly any value is tried."""
    values = np.arange(-1000.0, 1001)
    tried: set[float] = set()

    def model(rows: np.ndarray) -> np.ndarray:
        tried.update(rows[:, 0].tolist())
        yes = (rows[:, 0] >= 700) | (rows[:, 0] <= -200) | (rows[:, 0] == 3)
        return np.stack([1.0 - yes, yes], 1)

    background = np.stack([values, np.zeros_like(values)], 1)
    found = explain(model, Tabular(np.array([0.5, 0]), background[background[:, 0] != 0]), "counterfactual", target=0)
    assert found.values[0].tolist() == [-200, 0]
    assert -199 in tried


def test_the_mean_is_that_of_all_rows_or_it_is_said_of_how_many() -> None:
    rows = np.random.default_rng(0).exponential(size=(5000, 2)) ** 3
    x = Tabular(rows[0], rows)
    found = explain(lambda z: z[:, 0], x, "counterfactual")
    assert found.details["boundary"] == pytest.approx(rows[:, 0].mean())
    assert "the mean of the background;" in found.warnings[-1]
    few = explain(lambda z: z[:, 0], x, "counterfactual", evaluations=2000)
    assert "the mean of 500 of the 5,000 rows of the background;" in " ".join(few.warnings)
    subject = Subject(twin(lambda z: z[:, 0], watched=False), x)
    list(ask(subject, "row_scores", params={"rows": 5000}))
    *_, known = ask(subject, "counterfactual", params={"evaluations": 100})
    assert known.details["boundary"] == pytest.approx(rows[:, 0].mean())


# Texts


WEIGHTS = {"good": 2.0, "great": 1.5, "bad": -2.0, "dull": -1.0, "not": -0.5, "film": 0.2, "fine": 0.7}


def judge(texts: list[str]) -> np.ndarray:
    """Words add up, but two of a kind count once."""
    score = np.array([sum(WEIGHTS.get(word, 0.0) for word in set(text.split())) for text in texts])
    return np.stack([-score, score], 1)


@pytest.mark.parametrize(
    "text", ["a good film", "good and great but dull", "good good great fine film not dull", "a dull bad fine film"]
)
def test_the_fewest_words_are_those_of_all_sets(text: str) -> None:
    words = text.split()
    before = judge([text])[0].argmax()
    flips = [
        (size, left)
        for size in range(1, len(words) + 1)
        for left in combinations(range(len(words)), size)
        if judge([" ".join(w for n, w in enumerate(words) if n not in left)])[0].argmax() != before
    ]
    found = explain(judge, Text(text), "counterfactual", count=20)
    if not flips:
        assert len(found.values) == 0
        return
    assert found.details["words changed"] == flips[0][0]
    smallest = {left for size, left in flips if size == flips[0][0]}
    assert {tuple(np.flatnonzero(v == 0)) for v in found.values if (v == 0).sum() == flips[0][0]} <= smallest
    for keep, scores in zip(found.values, found.scores, strict=True):
        left = [word for word, yes in zip(words, keep, strict=True) if yes]
        np.testing.assert_allclose(scores, judge([" ".join(left)])[0])
        for number in np.flatnonzero(keep == 0):  # undone, it is lost
            undone = [w for n, w in enumerate(words) if keep[n] or n == number]
            assert judge([" ".join(undone)])[0].argmax() == before


def test_words_may_be_masked() -> None:
    found = explain(lambda texts: judge(texts), Text("good film"), "counterfactual", hide="mask token")
    assert found.names == ("good", "film")
    assert found.params["hide"] == "mask token"


# Progress and errors


def test_the_first_picture_comes_before_the_answer_and_the_last_is_the_best() -> None:
    subject = Subject(twin(MODELS[0], watched=False), Tabular(ROWS[0], ROWS))
    steps = list(ask(subject, "counterfactual"))
    assert [step.progress for step in steps] == sorted(step.progress for step in steps)
    assert steps[0].progress < 1
    assert steps[-1].progress == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fixed": ("f",)}, "fixed: there is no column 'f'; the columns are a, b"),
        ({"fixed": 3}, r"fixed: expected names such as \('age',\), got 3"),
        ({"fixed": ("a", "b")}, "fixed: all columns are fixed"),
        ({"rising": ("b",)}, "rising: 'b' is a category, which has no order"),
        ({"rising": ("a",), "falling": ("a",)}, "falling: 'a' is in rising, too"),
        ({"boundary": float("nan")}, "boundary: expected a finite number or None, got nan"),
        ({"changes": 0}, "changes: expected a whole number from 1 to 100, got 0"),
    ],
)
def test_errors_name_the_argument(options: dict[str, Any], message: str) -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3], "b": ["x", "y", "x"]})
    with pytest.raises((TypeError, ValueError), match=message):
        explain(lambda x: x["a"].to_numpy(), Tabular(frame.iloc[[0]], frame), "counterfactual", **options)


def test_a_network_in_bfloat16() -> None:
    net = nn.Linear(2, 2).bfloat16()
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        net.bias.zero_()
    background = np.array([[-1.0, 0], [1, 0], [2, 5]])
    found = explain(net, Tabular(background[0], background), "counterfactual", target=0)
    np.testing.assert_array_equal(found.values[0], [1, 0])


def test_a_background_is_needed() -> None:
    with pytest.raises(ValueError, match="background: the values that columns may take come from it; give Tabular"):
        explain(MODELS[0], Tabular(ROWS[0]), "counterfactual")


def test_values_of_one_column_that_were_not_tried_are_said() -> None:
    """A single column would do, between two of the values that are tried alone; two columns are found."""
    a, b = np.arange(400.0), np.zeros(400)
    background = np.stack([a, b, b, b], axis=1)
    background[:5, 1:3] = background[203, 3] = 1
    row = np.array([0.5, 0.0, 0.0, 0.0])

    def model(rows: np.ndarray) -> np.ndarray:
        yes = (rows[:, 0] == 203) & (rows[:, 3] == 0) | ((rows[:, 1] == 1) & (rows[:, 2] == 1))
        return np.stack([1.0 - yes, yes * 1.0], axis=1)

    found = explain(model, Tabular(row, background), "counterfactual", target=0)
    assert np.flatnonzero(found.values[0] != row).tolist() == [1, 2]
    assert "fewer columns may do: of sets of 1, 53 of 403 were tried" in found.warnings
    few = explain(model, Tabular(row, background[:40]), "counterfactual", target=0)  # all values are tried
    assert np.flatnonzero(few.values[0] != row).tolist() == [1, 2]
    assert not any("fewer" in note for note in few.warnings)


FRAME = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=list("abc"))
YES = np.where(FRAME.a + FRAME.b / 2 + np.random.default_rng(1).normal(size=40) / 2 > 0.7, "yes", "no")


def flips(model: Any, row: int, target: int) -> tuple[np.ndarray, Any]:
    """Whether the model's own predict turns to or away from the target's class, for each change that was found."""
    found = explain(model, Tabular(FRAME.iloc[[row]], FRAME), "counterfactual", target=target, evaluations=500)
    wanted = model.classes_[target]
    before = model.predict(FRAME.iloc[[row]])[0] == wanted
    after = model.predict(pd.DataFrame(found.values, columns=FRAME.columns)) == wanted if len(found.values) else []
    return np.array(after) != before, found


def test_a_tuned_threshold_is_crossed_as_predict_does() -> None:
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.2).fit(FRAME, YES)
    shares = model.predict_proba(FRAME)[:, 1]
    between = int(np.abs(shares - 0.4).argmin())  # whom the highest probability does not call yes
    for row in (int(shares.argmax()), between, int(shares.argmin())):
        for target in (0, 1):
            turned, found = flips(model, row, target)
            assert len(turned)
            assert turned.all()
            assert found.details["class that predict says"] == float(shares[row] >= 0.2)
    note = next(note for note in found.warnings if "own predict" in note)
    assert "'yes' from a probability of about 0.2 on" in note
    assert "counterfactuals by predict" in note
    labelled = Tabular(FRAME.iloc[[0]], FRAME, labels=YES)
    counted = explain(model, labelled, "confusion", target=1, threshold=0.2)  # as the note advises
    assert counted.details["accuracy"] == pytest.approx(model.score(FRAME, YES))
    few, _ = fewest(model.predict, FRAME.to_numpy()[between], FRAME.to_numpy(), most=1)
    assert few == found_with(model, between)


def found_with(model: Any, row: int) -> int:
    found = explain(model, Tabular(FRAME.iloc[[row]], FRAME), "counterfactual")
    return int((found.values[0] != FRAME.to_numpy()[row]).sum())


def test_a_predict_that_is_no_threshold_is_asked_of_every_change() -> None:
    labels = np.where(FRAME.a > 0.9, "c3", np.where(FRAME.a < -0.5, "c2", "a1"))
    model = SVC(probability=True, C=0.3, random_state=0).fit(FRAME, labels)
    highest = model.classes_[model.predict_proba(FRAME).argmax(1)]
    differ = np.flatnonzero(model.predict(FRAME) != highest)[:2].tolist()
    assert differ
    count = 0
    for row in (0, *differ):
        for target in range(3):
            turned, _ = flips(model, row, target)
            assert turned.all()
            count += len(turned)
    assert count > 4


def test_the_class_that_predict_chooses_changes_where_probabilities_do_not_add_up_to_one() -> None:
    labels = np.where(ROWS[:, 0] > 2, DRAW.integers(0, 4, 60), (ROWS[:, 1] > 2) + 2 * (ROWS[:, 2] > 2))
    model = LGBMClassifier(objective="multiclassova", n_estimators=20, min_child_samples=5, verbose=-1, n_jobs=1)
    model.fit(ROWS, labels)
    highest = model.predict_proba(ROWS).max(1)
    assert (highest < 0.5).sum() > 5
    for row in np.argsort(highest)[[0, 1, 2, -1]]:
        before = model.predict(ROWS[[row]])
        found = explain(model, Tabular(ROWS[row], ROWS), "counterfactual")
        assert len(found.values)
        assert (model.predict(found.values) != before).all()
        assert (found.values[0] != ROWS[row]).sum() == fewest(model.predict, ROWS[row], ROWS)[0]
        assert not any("0.5" in note for note in found.warnings)


class Odd:
    """Its predict is stricter than its probabilities, in rows that hardly occur."""

    classes_ = np.array(["no", "yes"])

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        share = np.where(rows[:, 0] > 1, 0.9, 0.1)
        return np.stack([1 - share, share], 1)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.classes_[((rows[:, 0] > 1) & (rows[:, 1] > 0)).astype(int)]


def test_predict_is_asked_where_it_differs_only_in_what_is_found() -> None:
    rows = np.random.default_rng(2).uniform(-1, 1, (2000, 2))
    row, rows[7, 0] = np.array([0.0, -0.5]), 2.0  # too rare to be among the rows that are tried at first
    found = explain(Odd(), Tabular(row, rows), "counterfactual")
    assert Odd().predict(found.values).tolist() == ["yes"] * len(found.values)
    assert (found.values != row).sum(1).tolist() == [2]
    assert any("own predict says what is predicted" in note for note in found.warnings)


def test_a_label_that_is_no_class_is_none_of_those_that_are_looked_for() -> None:
    class Unsure(Odd):
        def predict(self, rows: np.ndarray) -> np.ndarray:
            return np.where(np.abs(rows[:, 0] - 1) < 0.01, "unsure", super().predict(rows))

    rows = np.random.default_rng(2).uniform(-2, 2, (200, 2))
    rows = rows[np.abs(rows[:, 0] - 1) > 0.01]
    row = np.array([0.995, 0.5])  # by its probabilities "no"
    for target, wanted in ((0, "no"), (1, "yes")):
        found = explain(Unsure(), Tabular(row, rows), "counterfactual", target=target)
        assert found.details["class that predict says"] == -1
        assert Unsure().predict(found.values).tolist() == [wanted] * len(found.values) != []


def test_words_are_hidden_until_predict_says_otherwise() -> None:
    texts = ["good fine film", "good film", "fine plot", "bad film", "bad dull plot", "dull film", "good plot", "bad"]
    labels = ["yes", "yes", "yes", "no", "no", "no", "yes", "no"]
    words = make_pipeline(CountVectorizer(), LogisticRegression())
    model = FixedThresholdClassifier(words, threshold=0.7).fit(texts, labels)
    text = "good fine film plot"
    found = explain(model, Text(text), "counterfactual")
    assert (found.values == 0).sum(1).tolist() == [1, 2]  # by the scores alone, three words go
    for keep in found.values:
        left = " ".join(word for word, kept in zip(text.split(), keep, strict=True) if kept)
        assert model.predict([left]) != model.predict([text])
