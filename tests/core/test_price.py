"""What an answer costs, told before its first picture: the passes that it takes then."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbexplain import METHODS, GlobalExplorer, Subject, Tabular, explain
from nbexplain.core.price import price_of
from nbexplain.core.question import Price

X = np.random.default_rng(0).normal(size=(300, 40))
FEW = 0.5  # times as many passes at least ...
MANY = 2.0  # ... and at most as was said


def model(rows: np.ndarray) -> np.ndarray:
    product: np.ndarray = rows[:, 0] * rows[:, 1] + rows[:, 2:].sum(1)
    return product


def slow(rows: np.ndarray) -> np.ndarray:
    time.sleep(0.001 * len(rows))
    return model(rows)


@pytest.mark.parametrize("key", [key for key, one in METHODS.items() if one.price and not one.reason_for("table")])
def test_it_takes_about_so_many_passes(key: str) -> None:
    params: dict[str, Any] = {name: 20 for name in ("rows", "background") if name in METHODS[key].parameters}
    subject = Subject(model, Tabular(X[0], X))
    checked = METHODS[key].check_params(params, "table", subject.places)
    price = price_of(subject, METHODS[key], 0, checked, least=0)
    assert price is not None
    taken = explain(model, Tabular(X[0], X), key, target=0, **params).passes["forward"]
    assert FEW * price.passes <= taken <= MANY * price.passes


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
