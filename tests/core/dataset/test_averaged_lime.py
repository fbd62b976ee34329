"""LIME over rows: the mean of what lime tells of each row, its weights by lime's own fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lime.lime_tabular import LimeTabularExplainer

from nbexplain import Subject, explain
from nbexplain.core.ask import ask
from nbexplain.inputs import Tabular
from tests.core.dataset.tables import curved, outside, rows, straight, table

PARAMS: dict[str, Any] = {"rows": 8, "samples": 400}


def test_the_mean_of_lime_row_by_row() -> None:
    model, given = curved(), table()
    ours = explain(model, given, "averaged_lime", target=1, seed=3, **PARAMS)
    numbers = np.random.default_rng([3, 1]).permutation(40)[:8]
    each = [
        explain(model, given.another(given.background[number]), "lime", target=1, samples=400, seed=900 + place)
        for place, number in enumerate(numbers)
    ]
    sizes = np.abs([one.values for one in each])
    errors = np.sqrt(np.mean([one.standard_error**2 for one in each], axis=0) / 8)  # of the samples, not of the rows
    assert (np.abs(ours.values - sizes.mean(0)) < 5 * errors).all()
    assert ours.standard_error is not None
    # the spread of eight rows, itself only known to a third; t of seven degrees of freedom is wider than the normal
    # distribution by a fifth, and there is what the samples within a row leave open
    ratio = ours.standard_error / (sizes.std(0, ddof=1) / 8**0.5)
    assert ((ratio > 0.6) & (ratio < 4)).all()


def test_agrees_with_limes_own_explainer() -> None:
    model, given = outside(curved()), table()
    ours = explain(model, given, "averaged_lime", target=0, bins="value", **{**PARAMS, "samples": 2000})
    numbers = np.random.default_rng([0, 1]).permutation(40)[:8]
    explainer = LimeTabularExplainer(
        given.background, mode="regression", discretize_continuous=False, random_state=np.random.RandomState(1)
    )
    sizes = []
    for number in numbers:
        told = explainer.explain_instance(
            given.background[number], lambda x: model(x)[:, 0], num_features=5, num_samples=2000
        )
        sizes.append([abs(dict(told.local_exp[1])[column]) for column in range(5)])
    np.testing.assert_allclose(ours.values, np.mean(sizes, axis=0), rtol=0.1, atol=0.03 * np.max(sizes))


def test_a_linear_models_weights() -> None:
    model, given = straight(), table()
    ours = explain(model, given, "averaged_lime", target=2, bins="value", **PARAMS)
    weights = model.head.weight[2].detach().numpy() * given.background.std(0)  # per standard deviation
    np.testing.assert_allclose(ours.values, np.abs(weights), rtol=0.02, atol=0.01 * np.abs(weights).max())
    assert ours.standard_error.max() < 0.02 * ours.values.max()  # every row tells the same


def test_another_class_costs_no_pass_and_more_rows_go_on() -> None:
    model, given = curved(), table()
    subject = Subject(model, given)
    pictures = [*ask(subject, "averaged_lime", target=0, params=PARAMS)]
    assert [one.progress for one in pictures][-1] == 1
    assert pictures[0].details["rows"] == 1
    before = subject.passes["forward"]
    *_, other = ask(subject, "averaged_lime", target=2, params=PARAMS)
    assert subject.passes["forward"] == before
    np.testing.assert_allclose(other.values, explain(model, given, "averaged_lime", target=2, **PARAMS).values)
    *_, more = ask(subject, "averaged_lime", target=2, params={**PARAMS, "rows": 10})
    assert subject.passes["forward"] == before + 2 * PARAMS["samples"]
    assert more.details["rows"] == 10


def test_rows_that_lime_cannot_draw_from_are_named() -> None:
    background = rows(20)
    with pytest.raises(ValueError, match="background: LIME draws from the spread of the rows and needs at least two"):
        explain(curved(), Tabular(background[0], background[:1]), "averaged_lime")
    for odd, message in (
        (np.inf, "background: 'c' holds infinity, which LIME cannot draw from"),
        (np.nan, "background: there are missing values in 'c', and with them the score is NaN or infinite"),
    ):
        background[4, 2] = odd
        given = Tabular(background[0], background, names=list("abcde"))
        with pytest.raises(ValueError, match=message):
            explain(curved(), given, "averaged_lime")


def test_every_row_has_samples_of_its_own() -> None:
    model, given, asked = outside(curved()), table(), []

    def predict(x: np.ndarray) -> Any:
        asked.append(x)
        return model(x)

    explain(predict, given, "averaged_lime", bins="value", rows=4, samples=50)
    seen = np.concatenate(asked)
    assert len(np.unique(seen, axis=0)) >= 4 * 50  # drawn around the background's mean: equal draws would be equal rows


def test_rows_near_which_hardly_a_sample_lies_are_counted() -> None:
    model, given = curved(), table()
    assert not [said for said in explain(model, given, "averaged_lime", target=0, **PARAMS).warnings if "near" in said]
    narrow = explain(model, given, "averaged_lime", target=0, table_width=0.05, **PARAMS)
    assert narrow.warnings[-1] == (
        "near 8 rows too few samples are near enough to count, as few as 1.0 of 400, to tell what 5 columns weigh: "
        "choose a larger table_width"
    )
