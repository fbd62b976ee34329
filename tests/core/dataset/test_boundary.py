"""The boundary lies where it must: closed forms of linear models, a circle, and moons that a network has learned."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from nbexplain import Explanation, Subject, explain
from nbexplain.core.ask import ask
from nbexplain.core.dataset.plane import plane_of
from nbexplain.figures import figure
from nbexplain.inputs import Tabular
from tests.core.dataset.tables import Straight, curved, labelled, outside, rows, straight, table
from tests.networks import seeded


def grid(found: Explanation) -> tuple[np.ndarray, np.ndarray]:
    """u and v of every point, from what the answer itself says."""
    seen = found.details
    height, width = found.values.shape
    u, v = np.linspace(seen["x_low"], seen["x_high"], width), np.linspace(seen["y_low"], seen["y_high"], height)
    return np.meshgrid(u, v)  # type: ignore[return-value]


@pytest.mark.parametrize("plane", ["columns", "components"])
def test_a_linear_models_boundary_is_the_line_that_it_must_be(plane: str) -> None:
    model, given = seeded(lambda: Straight(classes=2)).double(), table()
    with torch.no_grad():
        model.head.bias -= model(given.tensor)[0]  # the row lies on the boundary
    given = labelled(model)
    found = explain(model, given, "boundary", target=1, plane=plane, horizontal=1, vertical=3, resolution=40)
    u, v = grid(found)
    weights = (model.head.weight[1] - model.head.weight[0]).detach().numpy()
    bias = float((model.head.bias[1] - model.head.bias[0]).detach())
    row = given.tensor[0].numpy()
    if plane == "columns":
        margin = weights @ row + bias + weights[1] * (u - row[1]) + weights[3] * (v - row[3])
    else:
        mean, spread = given.background.mean(0), given.background.std(0)
        scaled = (given.background - mean) / spread
        _, vectors = np.linalg.eigh(np.cov(scaled.T))
        axes = [vectors[:, -1 - n] * np.sign(vectors[np.abs(vectors[:, -1 - n]).argmax(), -1 - n]) for n in (1, 3)]
        own = [(row - mean) / spread @ axis for axis in axes]
        margin = weights @ row + bias
        for place, axis, start in zip((u, v), axes, own, strict=True):
            margin = margin + (place - start) * (weights @ (spread * axis))
    np.testing.assert_allclose(found.values, 1 / (1 + np.exp(-margin)), rtol=1e-6, atol=1e-9)
    assert (found.values > 0.5).any()
    assert (found.values < 0.5).any()
    assert found.axes == ("y", "x")
    assert found.quantity == "probability"
    assert not found.signed


def test_a_single_logit_becomes_a_probability_by_a_sigmoid() -> None:
    model, given = seeded(lambda: Straight(classes=1)).double(), table()
    ask = {"resolution": 10, "classes": ("no", "yes")}
    no, yes = (explain(model, given, "boundary", target=name, **ask) for name in ("no", "yes"))
    plain = explain(model, given, "boundary", resolution=10)
    assert (yes.quantity, plain.quantity) == ("probability", "score")
    np.testing.assert_allclose(yes.values, 1 / (1 + np.exp(-plain.values)), rtol=1e-6)
    np.testing.assert_allclose(no.values, 1 - yes.values, rtol=1e-6)


def test_logits_become_probabilities_and_probabilities_stay() -> None:
    model, given = curved(), labelled(curved())
    subject = Subject(model, given)
    maps = [[*ask(subject, "boundary", target=target, params={"resolution": 20})][-1].values for target in range(3)]
    np.testing.assert_allclose(sum(maps), 1, atol=1e-6)
    soft = nn.Sequential(curved(), nn.Softmax(1))
    np.testing.assert_allclose(explain(soft, given, "boundary", target=1, resolution=20).values, maps[1], atol=1e-6)
    background = rows()
    logistic = LogisticRegression(max_iter=1000).fit(background, background[:, 0] > 0)
    found = explain(logistic, Tabular(background[0], background), "boundary", target=1, resolution=10)
    points = np.tile(background[0], (100, 1))
    points[:, 0], points[:, 1] = (part.ravel() for part in grid(found))
    np.testing.assert_allclose(found.values.ravel(), logistic.predict_proba(points)[:, 1])
    assert found.details["boundary"] == 0.5


def test_what_is_not_known_to_be_one_softmax_stays_as_it_is() -> None:
    model = straight()
    found = explain(model, table(), "boundary", target=1, resolution=10)
    point = torch.from_numpy(table().tensor.numpy().repeat(100, 0)).float()
    point[:, 0], point[:, 1] = (torch.from_numpy(part.ravel()) for part in grid(found))
    np.testing.assert_allclose(found.values.ravel(), model(point)[:, 1].detach(), rtol=1e-5, atol=1e-5)
    assert found.signed
    assert found.quantity == "logit"
    assert "whether they are logits of one softmax is not known" in found.warnings[0]
    assert found.details["boundary"] == found.score  # nothing says that 0 would be a boundary
    weights = np.array([[3.0, 0, 3, 0, 0], [0, 3, 3, 0, 0]]).T

    def three_labels(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x @ weights))

    several = explain(three_labels, table(), "boundary", target=1, resolution=10)
    np.testing.assert_allclose(several.values.ravel(), three_labels(point.double().numpy())[:, 1], atol=1e-6)


def test_labels_that_the_softmax_does_not_tell_prove_nothing() -> None:
    model = straight()
    wrong = labelled(model).labels
    assert wrong is not None
    for labels in ((wrong + 1) % 3, np.linspace(0, 1, 40)):  # worse than chance; numbers of a regression
        found = explain(model, table(labels=labels), "boundary", target=1, resolution=10)
        assert found.quantity == "logit"


def test_a_score_of_ones_own_stays_a_score() -> None:
    def circle(x: np.ndarray) -> np.ndarray:
        radius: np.ndarray = x[:, 0] ** 2 + x[:, 1] ** 2 - 4
        return radius

    corners = np.array([[-3.0, -3.0], [3.0, 3.0], [0.0, 0.0]])
    found = explain(circle, Tabular(corners[2], corners), "boundary", resolution=30)
    u, v = grid(found)
    np.testing.assert_allclose(found.values, u**2 + v**2 - 4, atol=1e-9)
    assert (found.details["x_low"], found.details["y_high"]) == pytest.approx((-3.3, 3.3))
    assert found.signed
    assert found.details["boundary"] == 0
    never_zero = explain(lambda x: circle(x) + 50, Tabular(corners[2], corners), "boundary", resolution=10)
    assert never_zero.details["boundary"] == 46  # what the row has
    assert found.warnings == ()  # two columns: this is all there is
    margin = explain(
        outside(curved()), table(), "boundary", target=lambda scores: scores[:, 0] - scores[:, 1], resolution=10
    )
    assert margin.values.min() < 0  # no probability


def test_moons() -> None:
    x, y = make_moons(150, noise=0.1, random_state=0)
    model = KNeighborsClassifier(5).fit(x, y)
    found = explain(model, Tabular(x[0], x, labels=y), "boundary", target=1, resolution=60)
    seen = plane_of(Tabular(x[0], x), "columns", 0, 1)
    ticks = seen.ticks(60)
    places = seen.place(x)
    columns, lines = (np.abs(axis[:, None] - places[:, n]).argmin(0) for n, axis in enumerate(ticks))
    told = found.values[lines, columns] > 0.5
    assert (told == y).mean() > 0.97  # rows lie where the picture has their colour
    points = np.stack([part.ravel() for part in grid(found)], axis=1)
    np.testing.assert_array_equal(found.values.ravel(), model.predict_proba(points)[:, 1])


def test_coarse_pictures_come_first_and_only_new_points_cost() -> None:
    subject = Subject(curved(), table())
    subject.chunk()  # the row, and a batch on trial
    before = subject.passes["forward"]
    steps = [*ask(subject, "boundary", target=0, params={"resolution": 100})]
    assert 0 <= subject.passes["forward"] - before - 100 * 100 <= 3 * 31  # some are asked alone as well
    first, last = steps[0], steps[-1]
    assert first.progress == 13 * 13 / 100**2
    assert first.values.shape == (100, 100)
    assert len(np.unique(first.values)) <= 13 * 13
    np.testing.assert_array_equal(first.values[::8, ::8], last.values[::8, ::8])
    np.testing.assert_array_equal(first.values[3, 92:], first.values[0, 96])  # the nearest known point
    assert np.abs(first.values - last.values).mean() < 0.3 * last.values.std()
    before = subject.passes["forward"]
    other = [*ask(subject, "boundary", target=2, params={"resolution": 100})]
    assert subject.passes["forward"] == before
    assert len(other) == 1
    np.testing.assert_allclose(
        other[0].values, explain(curved(), table(), "boundary", target=2, resolution=100).values, atol=1e-6
    )


@pytest.mark.parametrize("resolution", [10, 11, 17, 33])
def test_every_point_is_computed_once(resolution: int) -> None:
    asked: list[np.ndarray] = []

    def score(x: np.ndarray) -> np.ndarray:
        asked.append(x)
        return x[:, 0] * 3 + x[:, 1]

    found = explain(score, table(), "boundary", resolution=resolution)
    u, v = grid(found)
    np.testing.assert_allclose(found.values, 3 * u + v, atol=1e-9)
    # beside 66 that tell whether rows are mixed, and those that are also asked alone
    assert sum(len(rows) for rows in asked if len(rows) > 1) <= resolution**2 + 66


def test_whole_numbers_stay_whole() -> None:
    frame = pd.DataFrame({"code": np.arange(12) % 4, "size": np.linspace(-1, 1, 12)})
    table = np.array([10.0, 20, 40, 80])

    def look_up(x: pd.DataFrame) -> np.ndarray:
        return table[x["code"].to_numpy()] + x["size"].to_numpy()  # floats index nothing

    found = explain(look_up, Tabular(frame.iloc[[5]], frame), "boundary", resolution=50)
    u, v = grid(found)
    np.testing.assert_allclose(found.values, table[np.rint(u).astype(int)] + v, atol=1e-9)
    found = explain(
        lambda x: table[x[:, 0]] + 0 * np.arange(91)[x[:, 1]],
        Tabular(np.array([1, 0]), np.array([[0, 90], [3, 0]])),
        "boundary",
    )
    np.testing.assert_array_equal(found.values, table[np.rint(grid(found)[0]).astype(int)])


LAST = dt.time(23, 59, 59, 999999)


@pytest.mark.parametrize("plane", ["columns", "components"])
@pytest.mark.parametrize(
    ("times", "first", "last"),
    [
        (pd.Series([dt.time(0), dt.time(22)] * 6), dt.time(0), LAST),
        (pl.Series([dt.time(0), dt.time(22)] * 6), dt.time(0), LAST),
        (pl.Series([dt.time(1), LAST] * 6), dt.time(0), LAST),
        (pd.Series([dt.date(2000, 1, 1), dt.date.max] * 6), dt.date.min, dt.date.max),
        (pl.Series([dt.date(2000, 1, 1), dt.date.min] * 6), dt.date.min, dt.date.max),
        (pd.Series([dt.datetime(2000, 1, 1), dt.datetime.max] * 6, dtype=object), dt.datetime.min, dt.datetime.max),
        (
            pd.Series(pd.to_datetime(["1980-01-01", "2262-04-01"] * 6).as_unit("ns").tz_localize("Asia/Tokyo")),
            pd.Timestamp.min.tz_localize("UTC"),
            pd.Timestamp.max.tz_localize("UTC"),
        ),
    ],
    ids=["clock", "polars", "to midnight", "dates", "dates of polars", "moments", "nanoseconds"],
)
def test_no_point_lies_where_there_is_no_time(times: Any, first: Any, last: Any, plane: str) -> None:
    seen = []

    def model(frame: Any) -> np.ndarray:
        seen.extend(frame["at"].to_list())
        return np.asarray(frame["z"], dtype=float)

    kind = pl.DataFrame if isinstance(times, pl.Series) else pd.DataFrame
    table = kind({"z": np.arange(12.0) ** 2, "at": times})
    explain(model, Tabular(table[:1], table), "boundary", plane=plane, resolution=20)
    assert not any(pd.isna(one) for one in seen)
    assert first <= min(seen) < max(seen) <= last


def test_a_time_of_the_day_ends_at_midnight() -> None:
    frame = pd.DataFrame({"z": np.arange(12.0), "at": [dt.time(2 * hour) for hour in range(12)]})
    row = Tabular(frame.iloc[[0]], frame)
    found = explain(lambda rows: np.array([at.hour + at.minute / 60 for at in rows["at"]]), row, "boundary")
    low, high = found.details["y_low"], found.details["y_high"]
    assert (low, high) == (0, pytest.approx(22 / 24 * 1.05))
    np.testing.assert_allclose(found.values[:, 0], 24 * np.linspace(low, high, 100), atol=1 / 60)


def test_a_slice_says_that_it_is_one() -> None:
    (note,) = explain(curved(), labelled(curved()), "boundary", resolution=10).warnings
    assert note.startswith("this is a slice: the plane holds 40% of the background's variance")


def test_a_category_is_an_axis_of_its_values() -> None:
    values = np.array([[float(n), "xyz"[n % 3]] for n in range(12)], dtype=object)

    class Table(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return torch.stack([x[:, 0], 10 * x[:, 1]], 1)

    given = Tabular(values[4], values, names=["n", "kind"], labels=[int(10 * (n % 3) > n) for n in range(12)])
    found = explain(Table(), given, "boundary", target=0, horizontal=0, vertical=1, resolution=20)
    assert found.values.shape == (3, 20)
    assert (found.details["y_low"], found.details["y_high"]) == (0, 2)
    u = np.linspace(found.details["x_low"], found.details["x_high"], 20)
    right = 1 / (1 + np.exp(10 * np.arange(3)[:, None] - u))
    np.testing.assert_allclose(found.values, right, rtol=1e-6)
    assert found.names == ("n", "kind")


def test_categories_that_no_row_holds_are_left_empty() -> None:
    kinds = pd.Categorical(["x", "z"] * 20, categories=["w", "x", "y", "z"])
    frame = pd.DataFrame({"n": np.arange(40.0), "kind": kinds})

    def model(rows: Any) -> np.ndarray:
        high = rows["n"] / 40 * rows["kind"].map({"x": 0.5, "z": 1.0}).astype(float)
        if high.isna().any():
            raise KeyError("unknown kind")
        return np.stack([1 - high, high], 1)

    given = Tabular(frame.iloc[[4]], frame)
    found = explain(model, given, "boundary", target=1, horizontal="n", vertical="kind", resolution=20)
    assert found.values.shape == (4, 20)
    assert np.isnan(found.values[[0, 2]]).all()
    u = np.linspace(found.details["x_low"], found.details["x_high"], 20) / 40
    np.testing.assert_allclose(found.values[[1, 3]], [u / 2, u])
    figure(found, x=given)


def test_axes_are_told_by_name_or_by_number() -> None:
    given = table(names=["a", "b", "c", "d", "2"])
    by_name = explain(curved(), given, "boundary", horizontal="d", vertical="b", resolution=10)
    by_number = explain(curved(), given, "boundary", horizontal=3, vertical=1, resolution=10)
    np.testing.assert_array_equal(by_name.values, by_number.values)
    assert by_name.names == by_number.names == ("d", "b")
    assert by_name.params["horizontal"] == "d"
    (note,) = (one for one in explain(curved(), given, "boundary", horizontal=2, resolution=10).warnings if "at" in one)
    assert note.startswith("horizontal=2 is the one at place 2, counted from 0, which is called 'c'")
    with pytest.raises(ValueError, match="horizontal: there is no 'e'"):
        explain(curved(), given, "boundary", horizontal="e")
