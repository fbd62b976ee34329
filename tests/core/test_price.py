"""What an answer costs, told before its first picture: the passes that it takes then."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import METHODS, GlobalExplorer, Session, Subject, Tabular, Text, explain
from nbexplain.core.ask import ask
from nbexplain.core.price import price_of
from nbexplain.core.question import Passes, Price, Question

X = np.random.default_rng(0).normal(size=(300, 40))
FEW = 0.5  # times as many passes at least ...
MANY = 2.0  # ... and at most as was said


def model(rows: np.ndarray) -> np.ndarray:
    product: np.ndarray = rows[:, 0] * rows[:, 1] + rows[:, 2:].sum(1)
    return product


def slow(rows: np.ndarray) -> np.ndarray:
    time.sleep(0.001 * len(rows))
    return model(rows)


FEW_COLUMNS = ("exact_shap", "interaction")  # which try all sets
PRICED = [key for key, one in METHODS.items() if one.price and not one.reason_for("table")]


@pytest.mark.parametrize("key", PRICED)
def test_it_takes_about_so_many_passes(key: str) -> None:
    params: dict[str, Any] = {name: 20 for name in ("rows", "background") if name in METHODS[key].parameters}
    params |= {"row_scores": {"rows": 300}, "ice": {"points": 200}}.get(key, {})  # more than try whether rows are mixed
    given: Any = (lambda rows: np.stack([1 - rows[:, 0], rows[:, 0]], 1)) if key in CLASSES_TOLD else model
    rows = X[:, :8] if key in FEW_COLUMNS else X
    table = Tabular(rows[0], rows, labels=(rows[:, 0] > 0.5).astype(float) if METHODS[key].unfit else None)
    subject = Subject(given, table)
    checked = METHODS[key].check_params(params, "table", subject.places)
    price = price_of(subject, METHODS[key], 0, checked, least=0)
    assert price is not None
    params |= {"target": 0} if METHODS[key].needs else {}
    taken = explain(given, table, key, **params).passes["forward"]
    assert FEW * price.passes <= taken <= MANY * price.passes


CLASSES_TOLD = ("roc", "precision_recall", "confusion")
DEAR = ("exact_shap", "counterfactual", "interaction", "ice", "boundary", "row_scores", "residuals", *CLASSES_TOLD)


@pytest.mark.parametrize("key", DEAR)
def test_what_grows_with_the_columns_or_the_rows_has_a_price(key: str) -> None:
    assert key in PRICED


def test_a_filter_leaves_fewer_rows() -> None:
    subject = Subject(model, Tabular(X[0], X))
    (edge,) = np.sort(X[:, 0])[[9]]  # ten rows are not above
    for key, passes in (
        ("partial_dependence", 10 * 50),
        ("permutation_importance", 10 * (40 * 5 + 1)),
        ("row_scores", 10),
    ):
        checked = METHODS[key].check_params({"where": {"feature 0": (None, float(edge))}}, "table", subject.places)
        assert METHODS[key].price(subject, 0, checked) == passes  # type: ignore[misc]


def test_a_column_of_two_values_has_two_points() -> None:
    rows = np.c_[X[:, 0] > 0, X[:, 1]].astype(float)
    subject = Subject(lambda z: z.sum(1), Tabular(rows[0], rows))
    for column, passes in ((0, 2), (1, 50)):
        checked = METHODS["ice"].check_params({"column": column}, "table", subject.places)
        assert METHODS["ice"].price(subject, 0, checked) in (passes, passes + 1)  # type: ignore[misc]


def test_known_scores_cost_nothing() -> None:
    subject = Subject(model, Tabular(X[0], X))
    checked = METHODS["row_scores"].check_params({}, "table", subject.places)
    assert METHODS["row_scores"].price(subject, 0, checked) == 300  # type: ignore[misc]
    list(ask(subject, "row_scores"))
    assert METHODS["row_scores"].price(subject, 0, checked) == 0  # type: ignore[misc]


@pytest.mark.parametrize("columns", [5, 40])
@pytest.mark.parametrize("reached", ["by one column", "never"])
def test_a_counterfactual_takes_a_third_to_three_times_as_many(columns: int, reached: str) -> None:
    def judge(rows: np.ndarray) -> np.ndarray:
        yes = np.where(rows[:, 0] > 0, 0.7, 0.3) if reached == "by one column" else np.full(len(rows), 0.7)
        return np.stack([yes, 1 - yes], 1)

    subject = Subject(judge, Tabular(X[0, :columns], X[:, :columns]))
    found = METHODS["counterfactual"].price(subject, 0, METHODS["counterfactual"].check_params({}, "table"))  # type: ignore[misc]
    taken = explain(judge, subject.input, "counterfactual", target=0).passes["forward"]
    assert isinstance(found, Passes)
    assert not found.at_most
    assert found / 3 < taken < 3 * found


def test_small_calls_of_a_model_that_takes_as_long_for_many_rows_are_counted() -> None:
    calls: list[int] = []

    def forest(rows: np.ndarray) -> np.ndarray:
        calls.append(len(rows))
        time.sleep(0.005)
        return np.stack([rows[:, 0], -rows[:, 0]], 1)

    subject = Subject(forest, Tabular(X[0, :5], X[:, :5]))
    checked = METHODS["counterfactual"].check_params({}, "table", subject.places)
    price = price_of(subject, METHODS["counterfactual"], 0, checked, least=0)
    assert price is not None
    calls.clear()
    begun = time.perf_counter()
    explain(forest, subject.input, "counterfactual", target=0)
    taken = time.perf_counter() - begun
    assert taken >= len(calls) * 0.005  # most of it are the calls
    assert taken / 3 < price.seconds < 3 * taken


def test_of_a_text_it_is_told_how_many_changes_are_tried_at_most() -> None:
    text = " ".join(f"w{number}" for number in range(60))
    for word, few in (("w7", 1200), ("no", 2200)):

        def judge(texts: list[str], word: str = word) -> np.ndarray:
            yes = np.array([0.7 if word in one.split() or word == "no" else 0.3 for one in texts])
            return np.stack([yes, 1 - yes], 1)

        subject = Subject(judge, Text(text))
        price = price_of(
            subject,
            METHODS["counterfactual"],
            0,
            METHODS["counterfactual"].check_params({"evaluations": 2000}, "text", subject.places),
            least=0,
        )
        assert price is not None
        assert str(price).startswith("at most 2,000 passes, ")
        assert explain(judge, Text(text), "counterfactual", target=0, evaluations=2000).passes["forward"] < few


def test_seconds_are_those_of_the_passes_together() -> None:
    subject = Subject(slow, Tabular(X[0], X))
    price = price_of(subject, METHODS["permutation_shap"], 0, {"permutations": 10, "background": 100}, least=1)
    assert price is not None
    assert price.passes == 2 * 40 * 10 * 100
    assert 80 <= price.seconds < 160
    assert price_of(subject, METHODS["leave_one_out"], 0, {"background": 1}, least=1) is None  # 0.04 s


def test_a_call_during_which_the_machine_was_busy_is_not_the_pace() -> None:
    calls: list[int] = []

    def once_busy(rows: np.ndarray) -> np.ndarray:
        calls.append(len(rows))
        if len(rows) > 10 and max(calls[:-1]) <= 10:
            time.sleep(0.3)
        return model(rows)

    subject = Subject(once_busy, Tabular(X[0], X))
    price = price_of(subject, METHODS["permutation_shap"], 0, {"permutations": 10, "background": 100}, least=0)
    assert max(calls) > 10
    assert price is not None
    assert price.seconds < 60  # 80,000 passes; it would be 6 minutes


def test_of_a_slow_model_few_passes_are_tried() -> None:
    calls: list[int] = []

    def slower(rows: np.ndarray) -> np.ndarray:
        calls.append(len(rows))
        time.sleep(0.3 * len(rows))
        return model(rows)

    subject = Subject(slower, Tabular(X[0], X))
    price = price_of(subject, METHODS["permutation_shap"], 0, {"permutations": 10, "background": 100}, least=1)
    assert price is not None
    assert price.seconds == pytest.approx(80_000 * 0.3, rel=0.2)
    assert sum(calls) <= 6  # three of them tell whether it mixes rows


def test_a_first_pass_that_compiles_is_not_the_pace() -> None:
    class Compiled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.cold = nn.Linear(40, 2), True

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            time.sleep(0.2 * self.cold)
            self.cold = False
            return self.linear(x)

    for passes, told in ((20, False), (5, True)):
        method = dataclasses.replace(METHODS["leave_one_out"], price=lambda *_, passes=passes: passes)
        assert (price_of(Subject(Compiled(), Tabular(X[0], X)), method, 0, {}, least=0.9) is not None) is told


def test_a_call_that_takes_as_long_for_many_rows_is_not_counted_row_by_row() -> None:
    def together(rows: np.ndarray) -> np.ndarray:
        time.sleep(0.1)
        return model(rows)

    subject = Subject(together, Tabular(X[0], X))
    price = price_of(subject, METHODS["permutation_shap"], 0, {"permutations": 10, "background": 100}, least=0)
    assert price is not None
    assert price.seconds < 80  # 80,000 passes by themselves would take two hours


def test_what_kernel_shap_solves_of_many_words_takes_time_by_itself() -> None:
    def counts(texts: list[str]) -> np.ndarray:
        return np.array([float(text.count("w")) for text in texts])

    prices = []
    for words in (300, 3000):
        subject = Subject(counts, Text(" ".join(f"w{number}" for number in range(words))))
        checked = METHODS["kernel_shap"].check_params({}, "text", subject.places)
        prices.append(price_of(subject, METHODS["kernel_shap"], 0, checked, least=1))
    assert prices[0] is None
    assert prices[1] is not None
    assert prices[1].passes == 4 * 3000
    assert 10 < prices[1].seconds < 120  # 30 s where this was written, nearly all of it the fit


def test_words() -> None:
    assert str(Price(3_000_000, 83.2)) == "about 3,000,000 passes, 83 s"
    assert str(Price(10, 600)) == "about 10 passes, 10 minutes"
    assert str(Price(10, 7200)) == "about 10 passes, 2 hours"


def test_the_status_line_says_it_before_the_first_picture_and_stop_leaves_one() -> None:
    explorer = GlobalExplorer(slow, Tabular(X[0], X[:30]), show=["permutation"])  # 6,000 passes of 1 ms
    status, said = explorer.children[1], [""]
    deadline = time.monotonic() + 10
    while "left" not in said[-1] and time.monotonic() < deadline:
        if status.text != said[-1]:
            said.append(status.text)
        time.sleep(0.002)
    explorer.session.stop()
    explorer.session.wait(5)
    told, *_ = [text for text in said if "passes" in text]
    assert told.startswith("Permutation importance: about 6,030 passes, ")
    assert told.endswith("the first picture is on its way")
    assert "stopped" in status.text
    explorer.close()


def test_explain_says_it_on_stderr(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.explain._LONG", 0.02)
    explain(slow, Tabular(X[0], X[:5]), "leave_one_out", background=1)
    assert capsys.readouterr().err == "Leave one out: about 41 passes, 1 s\n"
    monkeypatch.undo()
    explain(slow, Tabular(X[0], X[:5]), "leave_one_out", background=1)
    assert capsys.readouterr().err == ""


def test_it_is_told_once_for_all_classes_and_for_each_callable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on from what is kept costs nothing anew; a callable is asked anew by each question."""
    told: list[Any] = []
    monkeypatch.setattr("nbexplain.core.known.price_of", lambda *of, least: told.append(of[2]))
    session = Session(nn.Linear(X.shape[1], 3).double(), Tabular(X[0], X))

    def first(scores: Tensor) -> Tensor:
        return scores[:, 0]

    for target in (0, 1, first, first):
        session._known.price(Question(0, "lime", target=target))
    assert told == [0, first, first]
    session.close()


def test_a_row_of_the_background_that_is_not_asked_ends_no_estimate() -> None:
    background = np.random.default_rng(0).normal(size=(200, 4))
    asked: list[np.ndarray] = []
    odd = np.zeros(0)

    def model(rows: np.ndarray) -> np.ndarray:
        asked.append(rows[:, 0])
        if np.isin(rows[:, 0], odd).any():
            raise KeyError("no such row")
        return np.stack([rows.sum(1), -rows.sum(1)], 1)

    given = Tabular(background[0], background)
    list(ask(Subject(model, given), "exact_shap", target=1))
    odd = np.setdiff1d(background[:, 0], np.concatenate(asked))
    assert np.isin(background[:4, 0], odd).any()
    subject = Subject(model, given)
    checked = METHODS["exact_shap"].check_params({}, "table", subject.places)
    price = price_of(subject, METHODS["exact_shap"], 1, checked, least=0)
    assert price is not None
    assert price.passes == 2**4 * 100
