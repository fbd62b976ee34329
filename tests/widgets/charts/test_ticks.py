"""New ticks reach the browser after the way in which they are written, or it may write them as the old ones were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bqplot
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import nbexplain as nx
from nbexplain.widgets.ablation_charts import BeforeAfter, FallCurve
from nbexplain.widgets.activity_chart import ActivityChart
from nbexplain.widgets.charts.bars import ClassBars, Histogram
from nbexplain.widgets.interaction_chart import InteractionChart
from nbexplain.widgets.layout import close_tree

WRITTEN = {"tick_format", "tick_labels"}
DRAW = np.random.default_rng(0)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, set[str]]]:
    """What is sent of axes, message by message: which one, and the names of its values."""
    messages: list[tuple[str, set[str]]] = []
    send = bqplot.Axis.send_state

    def noted(axis: bqplot.Axis, key: Any = None) -> None:
        names = set(axis.keys) if key is None else {key} if isinstance(key, str) else set(key)
        messages.append((axis.model_id, names))
        send(axis, key)

    monkeypatch.setattr(bqplot.Axis, "send_state", noted)
    return messages


def check(sent: list[tuple[str, set[str]]]) -> None:
    assert any("tick_values" in names for _, names in sent)
    assert any("tick_format" in names for _, names in sent)
    assert not [names for _, names in sent if "tick_values" in names and WRITTEN & names]


def pairs(chart: InteractionChart, scale: float) -> None:
    chart.show(["a", "b", "c"], scale * np.array([[0, 1, 0.5], [1, 0, 2], [0.5, 2, 0]]))


def classes(chart: ClassBars, scale: float) -> None:
    chart.show(["a", "b", "c"], [scale, 2.3 * scale, -scale], 0, "score")


def cells(chart: Histogram, scale: float) -> None:
    chart.show(scale * DRAW.normal(size=round(50 + 100 * scale)), "activation")


def ablated(chart: BeforeAfter, scale: float) -> None:
    chart.show(["a", "b"], [scale, -scale], [2.3 * scale, scale], 0, "logit")


def fall(chart: FallCurve, scale: float) -> None:
    chart.show([0, 8, round(1600 * scale)], [scale, 0.5 * scale, -scale])


def activity(chart: ActivityChart, scale: float) -> None:
    chart.show(scale * DRAW.normal(size=(round(6 + 100 * scale), 12)), range(12), "activation", "conv")


CHARTS: list[tuple[Callable[[], Any], Callable[[Any, float], None]]] = [
    (InteractionChart, pairs),
    (lambda: ClassBars(lambda _label: None), classes),
    (Histogram, cells),
    (BeforeAfter, ablated),
    (FallCurve, fall),
    (lambda: ActivityChart(lambda *_: None), activity),
]


@pytest.mark.parametrize(("make", "show"), CHARTS, ids=[show.__name__ for _, show in CHARTS])
def test_ticks_follow_their_format(
    make: Callable[[], Any], show: Callable[[Any, float], None], sent: list[tuple[str, set[str]]]
) -> None:
    chart = make()
    show(chart, 0.01)
    sent.clear()
    show(chart, 3.0)
    check(sent)
    close_tree(chart.figure, set())


@pytest.mark.parametrize("kind", [nx.TabularExplorer, nx.GlobalExplorer])
def test_the_ticks_of_tables_follow_their_format(kind: type[nx.Explorer], sent: list[tuple[str, set[str]]]) -> None:
    frame = pd.DataFrame(DRAW.normal(size=(40, 3)), columns=["a", "b", "c"])
    model = nn.Linear(3, 1).double()
    explorer = kind(model, nx.Tabular(frame.iloc[0], frame, labels=frame["a"].to_numpy()))
    assert explorer.session.wait(60)
    sent.clear()
    with torch.no_grad():
        model.weight *= 5000
    explorer.session.refresh()
    assert explorer.session.wait(60)
    check(sent)
    explorer.close()
