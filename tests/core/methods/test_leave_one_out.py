"""Leave one out: one difference for each feature, on all kinds of input."""

from __future__ import annotations

import numpy as np
import pytest

from nbexplain import Subject, explain
from nbexplain.core.ask import ask as answers_to
from nbexplain.inputs import Tabular, Text
from tests.core import oracles
from tests.core.methods.test_shap import feeling, mixed, network, on, photo, table, tensor


def test_what_stands_in_for_each_other_gets_nothing() -> None:
    # OR: hiding one of two changes nothing, though Shapley gives each a half; AND: hiding either takes all
    values = on(
        lambda keep: np.maximum(keep[:, 0], keep[:, 1]) + 3 * keep[:, 2] * keep[:, 3], 4, "leave_one_out"
    ).values
    np.testing.assert_allclose(values, [0, 0, 3, 3])


def test_the_difference_of_two_scores() -> None:
    ours = on(mixed, 7, "leave_one_out")
    whole, *without = mixed(np.concatenate([np.ones((1, 7)), 1 - np.eye(7)]))
    np.testing.assert_allclose(ours.values, whole - np.array(without), atol=1e-12)
    assert ours.details["evaluations"] == 8
    assert (ours.base, ours.gap, ours.standard_error) == (None, None, None)  # it does not add up, and draws nothing


def test_pictures_texts_and_tables() -> None:
    ours = explain(network(), photo(), "leave_one_out", preprocess=tensor, target=1, superpixels=9, segmentation="grid")
    labels = ours.features
    assert labels is not None
    keep = np.concatenate([np.ones((1, 9)), 1 - np.eye(9)])
    scores = oracles.scores(network(), oracles.hide(tensor(photo()), labels, keep))[:, 1].numpy()
    np.testing.assert_allclose(ours.values, scores[0] - scores[1:], atol=1e-9)

    words = explain(feeling, Text("not bad but long"), "leave_one_out", target=0)
    # whole: 2 − 1 + 0.4; without "not": −2 − 1 + 0.3; without "bad": −1 + 0.3; "but": 2 − 1 + 0.3; "long": 2 + 0.3
    np.testing.assert_allclose(words.values, [4.1, 2.1, 0.1, -0.9], atol=1e-12)

    rows = np.array([[1.0, 10.0], [3.0, 30.0]])
    columns = explain(lambda x: x[:, 0] * x[:, 1], Tabular([2.0, 5.0], rows), "leave_one_out", target=0)
    np.testing.assert_allclose(columns.values, [10 - (5 + 15) / 2, 10 - (20 + 60) / 2])  # mean over the background


def test_on_the_way_the_rest_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.methods.shap_game.Pace.due", True)
    subject = Subject(network(), photo(), preprocess=tensor)
    *before, last = answers_to(subject, "leave_one_out", target=1, params={"superpixels": 30, "segmentation": "grid"})
    assert before
    for picture in before:
        known = ~np.isnan(picture.values)
        assert 0 < known.sum() < len(known)
        np.testing.assert_array_equal(picture.values[known], last.values[known])
    assert not np.isnan(last.values).any()


def test_it_says_that_it_is_not_shap() -> None:
    from nbexplain import METHODS

    doc = METHODS["leave_one_out"].function.__doc__ or ""
    assert "not: SHAP averages" in " ".join(doc.split())
    assert table()[1].background is not None
