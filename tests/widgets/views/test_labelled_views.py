"""GlobalExplorer on labelled rows: what is shown, and what a click, a brush and the filter bar choose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMRanker
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import confusion_matrix

import nbexplain as nx
from nbexplain.core.question import Answer
from nbexplain.core.row_filter import ALL_ROWS, RowFilter
from nbexplain.widgets.importance_view import ImportanceView
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.table_parts import SET_PANES
from nbexplain.widgets.views.confusion_view import ConfusionView
from nbexplain.widgets.views.curves_view import CurvesView
from nbexplain.widgets.views.filter_view import FilterView
from nbexplain.widgets.views.labelled_parts import labelled_parts
from nbexplain.widgets.views.residuals_view import ResidualsView, rounded_outwards
from nbexplain.widgets.wire import Array
from tests.widgets.comm import command, from_browser, living

DRAW = np.random.default_rng(1)
FRAME = pd.DataFrame({"age": DRAW.integers(20, 70, 90), "dose": DRAW.normal(3, 1, 90).round(2)})
FRAME["city"] = DRAW.choice(["oslo", "rome"], 90)
NUMBERS = FRAME[["age", "dose"]]
RISK = (FRAME["age"] / 10 + FRAME["dose"] + DRAW.normal(0, 1.5, 90)).to_numpy()
TWO, THREE = np.where(RISK > 7.5, "ill", "fit"), np.digitize(RISK, [6.5, 8.5])
PANES = ("filter", "confusion", "curves", "importance")


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = living()
    yield
    assert living() == before


def explorer_of(model: Any, labels: Any, frame: pd.DataFrame = NUMBERS, **options: Any) -> nx.GlobalExplorer:
    explorer = nx.GlobalExplorer(model, nx.Tabular(frame.iloc[0], frame, labels=labels), **options)
    assert explorer.session.wait(60)
    return explorer


def part(explorer: nx.Explorer, kind: type) -> Any:
    return next(each for each in explorer._parts if isinstance(each, kind))


def ill() -> Any:
    return LogisticRegression().fit(NUMBERS, TWO)


def order() -> Any:
    return LGBMRanker(n_estimators=4, verbose=-1, n_jobs=1).fit(NUMBERS, THREE, group=[90])


def sent(array: Array) -> np.ndarray:
    return np.frombuffer(array.buffer, "<f4").reshape(array.shape)


def test_what_there_are_labels_for_is_shown() -> None:
    line = LinearRegression().fit(NUMBERS, RISK)
    for model, labels, right in (
        (ill(), TWO, {"FilterView", "ConfusionView", "CurvesView"}),
        (line, RISK, {"FilterView", "ResidualsView"}),
        (ill(), None, {"FilterView"}),
        (order(), THREE, {"FilterView"}),
    ):
        session = nx.Session(model, nx.Tabular(NUMBERS.iloc[0], NUMBERS, labels=labels))
        answers: list[Answer] = []
        parts = labelled_parts(session, lambda _, answer: answers.append(answer), SET_PANES, lambda _: None)  # noqa: B023
        session.wait(60)
        assert {type(each).__name__ for each in parts} == right
        assert not [answer.error for answer in answers if answer.error]
        assert bool(answers) == (len(right) > 1)
        for each in parts:
            each.close()
            for widget in (*each.above, *each.panes):
                close_tree(widget, set())
        session.close()
    for model, labels, show, why in (
        (ill(), TWO, "residuals", "it needs a model that predicts numbers, and it has classes; use 'confusion'"),
        (
            order(),
            THREE,
            "residuals",
            "it needs a model that predicts numbers, and its score ranks rows, and has no zero",
        ),
        (line, RISK, "curves", "it needs scores of classes, and the model predicts numbers"),
        (ill(), None, "confusion", r"it needs the right class or number of each row: Tabular\(…, labels=…\)"),
    ):
        with pytest.raises(ValueError, match=f"show: '{show}' cannot be shown: {why}"):
            explorer_of(model, labels, show=[show])


def test_a_cell_of_the_confusion_matrix_chooses_its_rows() -> None:
    model = ill()
    explorer = explorer_of(model, TWO, show=PANES)
    pane, view = part(explorer, ConfusionView).pane, part(explorer, FilterView).bar
    predicted = model.predict(NUMBERS)
    assert pane.names == ["fit", "ill"]
    assert pane.counts == confusion_matrix(TWO, predicted).ravel().tolist()
    assert view.text == "all 90 rows"
    command(pane, {"choose": 1})
    assert explorer.session.wait(60)
    wrong = np.flatnonzero((TWO == "fit") & (predicted == "ill"))
    assert 0 < len(wrong) == pane.counts[1]
    assert explorer.session.selection.where == RowFilter.of({"label": "fit", "predicted": "ill"})
    shown = next(a for p, a in explorer._answers.items() if p.own.get("method") == "row_shap").explanation
    assert set(shown.features.tolist()) == set(wrong.tolist())
    assert view.text == f"{len(wrong)} of 90 rows · label: fit · predicted class: ill"
    assert pane.chosen == 1
    assert sum(pane.counts) == 90  # the matrix itself shows all outcomes
    assert "where={'label': {'fit'}, 'predicted': {'ill'}}" in explorer.code()
    command(pane, {"choose": 1})
    assert explorer.session.wait(60)
    assert explorer.session.selection.where == ALL_ROWS
    assert pane.chosen == -1
    explorer.close()


def test_the_status_line_tells_few_rows_in_the_words_of_the_filter_bar() -> None:
    model = LogisticRegression().fit(FRAME[["age", "dose"]], TWO == "ill")
    explorer = explorer_of(model, TWO == "ill", classes=["fit", "ill"], show=["filter", "importance"])
    explorer.session.select(where={"label": 1, "predicted": "fit", "age": (40, None)})
    assert explorer.session.wait(60)
    right, predicted = TWO == "ill", model.predict(NUMBERS)
    count = int((right & ~predicted & (NUMBERS["age"] >= 40)).sum())
    assert 1 < count < 20
    said = f"only {count} rows match age: at least 40 and label: ill and predicted class: fit"
    assert said in explorer._status.warnings
    assert not any("{" in warning for warning in explorer._status.warnings)
    explorer.close()


def test_the_accuracy_has_the_error_that_the_table_of_groups_gives_it() -> None:
    explorer = explorer_of(ill(), TWO, show=["confusion"])
    share = float((ill().predict(NUMBERS) == TWO).mean())
    # the ends q of Wilson's interval are as far from the share as 1.96 √(q (1 − q) / n) is
    more = 1.96**2 / 90
    low, high = sorted(np.roots([1 + more, -(2 * share + more), share**2]))
    error = max(share - low, high - share) / 1.96
    assert (
        part(explorer, ConfusionView).pane.figures[0] == f"accuracy {share:.1%} ± {error:.1%} (standard error, Wilson)"
    )
    assert f"{error:.1%}" != f"{(share * (1 - share) / 90) ** 0.5:.1%}"
    explorer.close()


def test_where_no_column_changes_the_accuracy_that_is_said() -> None:
    model = LogisticRegression().fit(NUMBERS, TWO)
    model.coef_[:] = 0.0  # the intercept alone decides: every row has the same class
    predicted = str(model.predict(NUMBERS)[0])
    explorer = explorer_of(model, TWO, show=["permutation"])
    explorer.session.select(where={"error": True})
    assert explorer.session.wait(60)
    view = part(explorer, ImportanceView)
    assert set(TWO) - {predicted}
    assert (view._now.values.tolist(), view._now.details["accuracy"]) == ([0.0, 0.0], 0.0)
    assert view._bars._caption.value == "no column changes the accuracy"
    explorer.close()


def test_charts_of_all_outcomes_say_which_conditions_they_do_not_follow() -> None:
    explorer = explorer_of(ill(), TWO, show=PANES)
    panes = [part(explorer, kind).pane for kind in (ConfusionView, CurvesView)]
    for where, said in (
        ({"age": (30, None)}, ""),
        ({"age": (30, None), "error": True}, "All outcomes are shown here, whatever the filter by error"),
        (
            {"label": "ill", "predicted": "fit"},
            "All outcomes are shown here, whatever the filter by label and predicted class",
        ),
        (None, ""),
    ):
        explorer.session.select(where=where)
        assert explorer.session.wait(60)
        assert [pane.note for pane in panes] == [said] * 2
    explorer.close()

    explorer = explorer_of(LinearRegression().fit(NUMBERS, RISK), RISK, show=["filter", "residuals"])
    frame = part(explorer, ResidualsView).panes[0]
    explorer.session.select(where={"residual": (0, None)})
    assert explorer.session.wait(60)
    assert frame.children[1].value == "All outcomes are shown here, whatever the filter by residual"
    explorer.session.select(where=None)
    assert explorer.session.wait(60)
    assert frame.children[1].value == ""
    explorer.close()


def test_the_filter_bar_puts_conditions_and_takes_them_away() -> None:
    frame = FRAME.assign(label=TWO == "ill")  # a column that is called like the right class

    def model(rows: pd.DataFrame) -> np.ndarray:
        chance = 1 / (1 + np.exp(7.5 - rows["age"] / 10 - rows["dose"]))
        return np.stack([1 - chance, chance], 1)

    right = (TWO == "ill").astype(int)
    explorer = explorer_of(model, right, frame, classes=["fit", "ill"], show=PANES[:2])
    view = part(explorer, FilterView)
    bar = view.bar
    keys = ["predicted", "label", "error", "age", "dose", "city", "column:label"]
    assert [field["key"] for field in bar.fields] == keys
    predicted = model(frame).argmax(1)

    def put(key: str, value: Any) -> None:
        command(bar, {"put": key, "value": value})
        assert explorer.session.wait(60)

    put("age", [30, None])
    put("city", [1])
    put("error", 1)
    mask = (frame["age"] >= 30) & (frame["city"] == "rome") & (predicted != right)
    assert explorer.session.selection.where == RowFilter.of({"age": (30, None), "city": "rome", "error": True})
    assert bar.text == f"{mask.sum()} of 90 rows · age: at least 30 · city: rome · error: wrong"
    assert [one["value"] for one in bar.conditions] == [[30, None], [1], 1]
    counts = part(explorer, ConfusionView).pane.counts
    assert sum(counts) == ((frame["age"] >= 30) & (frame["city"] == "rome")).sum()  # columns hold for all panes
    put("age", [500, None])
    assert bar.text.startswith("no rows")
    assert bar.problem == "No row matches age: at least 500; the panes stay as they were"
    view._follow()  # which may come before the answer or after it
    assert explorer.session.wait(60)
    assert bar.problem == "No row matches age: at least 500; the panes stay as they were"
    put("age", [50, 20])
    assert bar.problem == "age: expected low ≤ high"
    put("age", [50.0001, 50.0004])
    assert bar.problem == "No row matches age: 50.0001 to 50.0004; the panes stay as they were"
    put("age", [None, None])
    assert bar.problem == ""
    put("", None)
    assert (bar.text, bar.conditions) == ("all 90 rows", [])
    explorer.session.select(where={"predicted": 1, "age": {30, 31}})  # what the bar's forms cannot show is said
    assert explorer.session.wait(60)
    assert {one["key"]: one["words"] for one in bar.conditions} == {
        "age": "age: 30, 31",
        "predicted": "predicted class: ill",
    }
    explorer.close()


def test_a_filter_that_no_row_matches_leaves_all_panes_and_the_code_as_they_were() -> None:
    panes = ("filter", "confusion", "curves", "importance", "partial", "permutation", "lime", "interaction", "groups")
    explorer = explorer_of(ill(), TWO, show=panes)
    bar = part(explorer, FilterView).bar

    def look() -> list[Any]:
        titles = [getattr(pane, "title", None) or heading(pane) for each in explorer._parts for pane in each.panes]
        return [*titles, explorer.code(), explorer._status.text, explorer._status.error, explorer._status.level]

    def choose(**where: Any) -> None:
        explorer.session.select(where=where)
        assert explorer.session.wait(60)

    choose(age=(30, None))
    before = look()
    assert "where={'age': (30, None)}" in explorer.code()
    choose(age=(30, 40), dose=(50, None))
    assert look() == before
    assert bar.problem == "No row matches dose: at least 50; the panes stay as they were"
    one = FRAME["dose"].argmax()
    others = FRAME["age"] != FRAME["age"][one]
    choose(age=set(FRAME["age"][others].tolist()), dose=(float(FRAME["dose"][one]), None))
    assert look() == before
    assert bar.problem.startswith("No row matches all of these: age: ")
    assert f" ({others.sum()} rows), dose: at least " in bar.problem
    assert bar.problem.endswith(" (1 row); the panes stay as they were")
    explorer.close()


def heading(pane: Any) -> str:
    return str(pane.children[0].value) if hasattr(pane.children[0], "value") else ""


def words_on(widget: Any) -> list[str]:
    """All that titles, captions and labels of a pane say."""
    said = [str(getattr(widget, name)) for name in ("title", "text", "value", "label") if hasattr(widget, name)]
    return [*said, *(each for child in getattr(widget, "children", ()) for each in words_on(child))]


@pytest.mark.parametrize(("model", "labels"), [(ill(), TWO), (LinearRegression().fit(NUMBERS, RISK), RISK)])
def test_of_one_row_all_panes_say_1_row(model: Any, labels: Any) -> None:
    explorer = explorer_of(model, labels)
    dose = float(FRAME["dose"].max())
    explorer.session.select(where={"dose": (dose, None)})
    assert explorer.session.wait(60)
    panes = [pane for each in explorer._parts for pane in (*each.above, *each.panes, *each.wide)]
    said = [*explorer._status.warnings, *(each for pane in panes for each in words_on(pane))]
    assert [each for each in said if re.search(r"(?<![\d,.])1 [a-z]+s\b", each)] == []
    assert sum("1 row" in each for each in said) > 5
    explorer.close()


def test_an_explorer_without_the_bar_says_that_no_row_matches() -> None:
    explorer = nx.TabularExplorer(ill(), nx.Tabular(NUMBERS.iloc[0], NUMBERS), show=["partial"])
    assert explorer.session.wait(60)
    explorer.session.select(where={"age": (500, None)})
    assert explorer.session.wait(60)
    assert explorer._status.error == (
        "where: no row of the background matches age: (500, None); the panes stay as they were"
    )
    assert explorer._status.traceback == ""
    explorer.close()


def test_the_threshold_moves_and_the_code_follows() -> None:
    model = ill()
    explorer = explorer_of(model, TWO, show=PANES, target="ill")
    curves, pane = part(explorer, CurvesView), part(explorer, ConfusionView).pane
    assert pane.curve is curves.curve
    assert re.search(r"AUC 0\.\d{4} ± 0\.\d+ \(standard error\)$", curves.pane.rates[0])
    meta, counts = curves.curve.meta, sent(curves.curve)
    chance = model.predict_proba(NUMBERS)[:, 1]
    assert (meta["first"], meta["count"], meta["parts"], meta["start"]) == (0, 1001, 1000, 0.5)
    assert counts[:, 300].tolist() == [((chance >= 0.3) & (who == TWO)).sum() for who in ("ill", "fit")]
    before = list(pane.counts)
    from_browser(curves.threshold, value=0.3)
    assert explorer.session.wait(60)
    assert pane.counts == before  # the page has counted by itself
    line = next(line for line in explorer.code().splitlines() if line.startswith("confusion"))
    assert line == "confusion = explain(model, x, 'confusion', target=1, threshold=0.3)  # ill"
    answer = next(a for p, a in explorer._answers.items() if p.own.get("method") == "confusion").explanation
    right = confusion_matrix(TWO == "ill", chance >= 0.3)
    np.testing.assert_array_equal(answer.values, right)
    explorer.close()


def test_the_title_of_the_confusion_matrix_follows_the_filter_at_a_threshold_too() -> None:
    explorer = explorer_of(ill(), TWO, show=PANES, target="ill")
    threshold, pane = part(explorer, CurvesView).threshold, part(explorer, ConfusionView).pane
    assert (pane.title, sum(pane.counts)) == ("Confusion matrix · 90 rows", 90)
    before = list(pane.figures)
    from_browser(threshold, value=0.3)
    assert explorer.session.wait(60)
    explorer.session.select(where={"age": (40, None)})
    assert explorer.session.wait(60)
    old = int((NUMBERS["age"] >= 40).sum())
    assert pane.title == f"Confusion matrix · {old} rows"
    assert pane.figures == before  # the page says those of the threshold
    from_browser(threshold, value=None)
    assert explorer.session.wait(60)
    assert (pane.title, sum(pane.counts)) == (f"Confusion matrix · {old} rows", old)
    assert pane.figures != before
    explorer.close()


def test_classes_beyond_twenty_stand_together() -> None:
    labels = np.arange(90) % 30
    table = nx.Tabular(NUMBERS.iloc[0], NUMBERS, labels=labels)
    by_row = {tuple(row): (number + (number % 4 == 0)) % 30 for number, row in enumerate(NUMBERS.to_numpy().tolist())}

    def model(rows: pd.DataFrame) -> np.ndarray:
        return np.eye(30)[[by_row[tuple(row)] for row in rows.to_numpy().tolist()]]

    classes = [f"a rather long class name number {number}" for number in range(30)]
    explorer = nx.GlobalExplorer(model, table, classes=classes, show=["confusion"])
    assert explorer.session.wait(60)
    pane = part(explorer, ConfusionView).pane
    assert (len(pane.names), pane.names[-1], pane.others) == (20, "11 others", 11)
    assert sum(pane.counts) == 90
    assert [len(set(names)) for names in pane.cuts] == [20] * len(pane.cuts)  # what differs stays
    command(pane, {"choose": 399})  # of the others there is nothing to choose
    assert explorer.session.selection.where == ALL_ROWS
    explorer.close()


def test_a_brush_over_residuals_chooses_rows_and_a_click_the_row_that_is_explained() -> None:
    model = LinearRegression().fit(NUMBERS, RISK)
    explorer = explorer_of(model, RISK, show=["filter", "residuals", "importance"])
    view = part(explorer, ResidualsView)
    answer = next(a for p, a in explorer._answers.items() if p.own.get("method") == "residuals").explanation
    inside = np.flatnonzero(answer.values[:, 1] > 1)
    np.testing.assert_array_equal(view._chart._cloud.mark.rotation, answer.features)
    view._chart._cloud._on_brush(inside)
    assert explorer.session.wait(60)
    where = explorer.session.selection.where
    residual = RISK - model.predict(NUMBERS)
    found = nx.explain(model, explorer.session.inputs[0], "matching_rows", where=where).features
    assert set(found) == set(np.flatnonzero(residual > 1))
    assert len(next(iter(part(explorer, ResidualsView)._now.values.T))) == 90  # the chart shows all outcomes
    assert part(explorer, FilterView).bar.text.startswith(f"{len(inside)} of 90 rows · prediction: ")
    view._chart._cloud._on_brush(None)
    assert explorer.session.wait(60)
    assert explorer.session.selection.where == ALL_ROWS
    view._chart._cloud._on_choose(5)
    assert explorer.session.wait(60)
    expected = NUMBERS.iloc[answer.features[5]].to_numpy(float)
    np.testing.assert_array_equal(explorer.session.inputs[0].tensor[0].numpy(), expected)
    explorer.close()


def test_the_rectangle_over_residuals_goes_when_its_conditions_do() -> None:
    model = LinearRegression().fit(NUMBERS, RISK)
    explorer = explorer_of(model, RISK, show=["filter", "residuals"])
    cloud = part(explorer, ResidualsView)._chart._cloud
    from_browser(cloud.control, value=True)

    def drag() -> None:
        with cloud._brush.hold_trait_notifications():
            cloud._brush.selected_x, cloud._brush.selected_y = np.array([-99.0, 99.0]), np.array([1.0, 99.0])
        assert explorer.session.wait(60)

    def lit() -> set[int]:
        shown = [number for number, colour in zip(cloud.mark.rotation, cloud.mark.colors) if len(colour) == 7]
        return set(map(int, shown))

    drag()
    residual = RISK - model.predict(NUMBERS)
    assert lit() == set(np.flatnonzero(residual > 1)) != set(range(90))
    assert cloud._brush.selected_x is not None
    explorer.session.select(target=0)  # which changes nothing
    assert explorer.session.wait(60)
    assert cloud._brush.selected_x is not None
    explorer.session.select(where={})  # "All rows"
    assert explorer.session.wait(60)
    assert cloud._brush.selected_x is None
    assert lit() == set(range(90))
    drag()
    where = RowFilter.of({"residual": (-0.5, 0.5)})
    explorer.session.select(where=where)
    assert explorer.session.wait(60)
    assert cloud._brush.selected_x is None
    assert lit() == set(np.flatnonzero(np.abs(residual) <= 0.5))
    from_browser(cloud.control, value=False)  # it has not chosen these
    assert explorer.session.wait(60)
    assert explorer.session.selection.where == where
    explorer.close()


def test_a_range_is_rounded_away_from_its_values() -> None:
    assert rounded_outwards(np.array([0.12345, 0.98761]), 10.0) == (0.12, 0.99)
    assert rounded_outwards(np.array([-1234.5, 987.6]), 5000.0) == (-1235.0, 988.0)
    assert rounded_outwards(np.array([2.0]), 0.0) == (2.0, 2.0)


def test_another_target_is_said_where_no_row_matches_and_answered_when_one_does() -> None:
    explorer = explorer_of(ill(), TWO, show=("filter", "importance", "groups"), target="ill")
    session, before = explorer.session, explorer.code()

    def choose(**changes: Any) -> None:
        session.select(**changes)
        assert session.wait(60)

    choose(where={"age": (500, None)})
    assert explorer.code() == before
    choose(target="fit")
    assert explorer._status.text == ("SHAP over rows for fit: no row matches the filter; the panes stay as they were")
    assert (explorer._status.error, explorer._status.running) == ("", False)
    *lines, head, call = explorer.code().splitlines()
    assert head == "# no row matches these:"
    assert call.endswith("'row_shap', target=0, where={'age': (500, None)})  # fit")
    assert not any("target=1" in line for line in lines)
    assert any("'row_scores'" in line for line in lines)  # which has no target
    choose(target="ill")
    assert explorer.code() == before
    choose(target="fit")
    choose(where={"age": (30, None)})
    assert explorer._status.text.startswith("SHAP over rows for fit (probability) ·")
    assert "target=0, where={'age': (30, None)})  # fit" in explorer.code()
    assert "# no row" not in explorer.code()
    explorer.close()
