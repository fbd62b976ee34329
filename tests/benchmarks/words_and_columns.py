"""LIME of a text and of a table's row, beside lime itself; partial dependence beside the predictions it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from xgboost import XGBClassifier

import nbexplain
from nbexplain.examples import reviews, tumour
from tests.benchmarks import first_pictures, peers
from tests.benchmarks.measure import Row, interleaved

SAMPLES = 1000


def rows() -> Iterator[Row]:
    """A text from nothing, and a row of a table for a forest and for a network that are known already."""
    read = reviews()
    text = read.texts[5]
    yield from lime(
        f"a text of {len(text.split())} words",
        lambda: nbexplain.Subject(read.model, nbexplain.Text(text, read.tokenizer)),
        "LimeTextExplainer",
        lambda: peers.lime_text(read, text, SAMPLES),
        times=7,
    )
    demo = tumour()
    table = nbexplain.Tabular(demo.rows[0], demo.background, names=demo.names)
    for which, model in (("tumour forest", demo.forest), ("tumour MLP", demo.model)):
        subject = nbexplain.Subject(model, table)
        explain = peers.lime_table(demo, forest=which == "tumour forest")
        yield from lime(
            which,
            lambda subject=subject: subject,
            "LimeTabularExplainer",
            lambda explain=explain: explain(SAMPLES),
            times=21,
        )
    yield from partial_dependence()


def partial_dependence() -> Iterator[Row]:
    """Of 10,000 rows and 50 values, beside the predictions of such rows, made before; and the first curve.

    In an open session, as a slider for the column asks it: another of the ten columns each time, and other rows first.
    """
    draw = np.random.default_rng(0)
    x = draw.normal(size=(10_000, 10))
    side = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(int)
    frame = pd.DataFrame(x, columns=[f"column {place}" for place in range(10)])
    for name, model, rows in (
        ("a forest of 50 trees", RandomForestClassifier(50, random_state=0), x),
        ("50 boosted trees", HistGradientBoostingClassifier(max_iter=50), x),
        ("XGBoost, 100 trees, a frame", XGBClassifier(n_estimators=100, n_jobs=1), frame),
        ("a scaler and a network", make_pipeline(StandardScaler(), MLPClassifier(max_iter=20)), x),
    ):
        model.fit(rows[:2000], side[:2000])
        yield from _partial_dependence(name, model, rows, "predict_proba", model.predict_proba)
    network = nn.Sequential(nn.Linear(10, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2)).eval()

    @torch.no_grad()
    def predictions(rows: np.ndarray) -> None:
        network(torch.from_numpy(rows))

    yield from _partial_dependence("a torch network", network, x.astype(np.float32), "the network", predictions)


def _partial_dependence(
    name: str, model: Any, rows: Any, peer: str, predictions: Callable[[Any], object]
) -> Iterator[Row]:
    subject = nbexplain.Subject(model, nbexplain.Tabular(rows[:1], rows))
    runs: list[first_pictures.Run] = []
    values = np.quantile(np.asarray(rows)[:, 0], np.linspace(0, 1, 50))
    changed = [_changed(rows, value) for value in values]

    def ours(turn: int) -> None:
        params = {"column": turn % 10, "rows": 10_000, "points": 50, "seed": turn}
        runs.append(first_pictures.run(subject, "partial_dependence", **params))

    def bare(_: int) -> None:
        for some in changed:
            predictions(some)

    whole, theirs = interleaved(ours, bare, times=24)
    label = f"partial dependence, 10,000 rows × 50 values, {name}"
    yield Row(label, whole, 1.1, peer, theirs)
    yield first_pictures.row(label, runs[2:])


def _changed(rows: Any, value: float) -> Any:
    made = rows.copy()
    if isinstance(made, np.ndarray):
        made[:, 0] = value
    else:
        made.isetitem(0, value)
    return made


def lime(
    what: str, subject: Callable[[], nbexplain.Subject], name: str, peer: Callable[[], None], times: int
) -> Iterator[Row]:
    """The whole run, each with a draw of its own, beside the peer's, and the first picture."""
    runs: list[first_pictures.Run] = []

    def ours(turn: int) -> None:
        runs.append(first_pictures.run(subject(), "lime", samples=SAMPLES, seed=turn))

    whole, theirs = interleaved(ours, lambda _: peer(), times=times)
    label = f"LIME {SAMPLES:,} samples, {what}"
    yield Row(label, whole, 0.7, name, theirs)
    yield first_pictures.row(label, runs[-times:])
