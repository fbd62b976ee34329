"""What notebooks 6 and 7 say of tables and of words."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from nbexplain import Explanation, Tabular, Text, examples, explain
from nbexplain.core.dataset.by_group import groups_of
from nbexplain.core.dataset.row_scores import scores_by_group

tumour, moons, reviews = cache(examples.tumour), cache(examples.moons), cache(examples.reviews)

# Notebook 6


def row_of(number: int) -> Tabular:
    demo = tumour()
    return Tabular(demo.rows[number], background=demo.rows, labels=demo.labels, names=demo.names)


def said_of(model: Any, rows: np.ndarray) -> np.ndarray:
    """(N,) class numbers."""
    if hasattr(model, "predict"):
        return model.predict(rows)
    with torch.no_grad():
        return model(torch.from_numpy(rows).float()).argmax(1).numpy()


def turned(model: Any) -> list[str]:
    """The columns whose smallest or largest value turns the answer for tumour 1."""
    demo = tumour()
    ends = np.stack([demo.background.min(0), demo.background.max(0)])
    rows = np.tile(demo.rows[1], (2, 30, 1))
    rows[:, range(30), range(30)] = ends
    wrong = said_of(model, rows.reshape(-1, 30)).reshape(2, 30) != demo.labels[1]
    return [demo.names[column] for column in np.flatnonzero(wrong.any(0))]


def test_one_column_turns_the_network_and_not_the_forest():
    assert turned(tumour().model) == ["radius error", "area error", "worst area", "worst fractal dimension"]
    assert turned(tumour().forest) == []


def test_the_smallest_changes_that_turn_the_network():
    found = explain(tumour().model, row_of(1), "counterfactual", target=0)
    row, names = tumour().rows[1], tumour().names
    first, *_, last = [np.flatnonzero(values != row) for values in found.values]
    assert [names[column] for column in first] == ["worst area"]
    assert found.values[0, first[0]] == 2906
    assert found.values[0, first[0]] / row[first[0]] == pytest.approx(6, abs=0.2)
    assert len(last) == 4
    assert found.values[-1, first[0]] < 0.4 * found.values[0, first[0]]


def test_tumour_and_point_of_which_the_networks_are_least_sure():
    with torch.no_grad():
        logits = tumour().model(torch.from_numpy(tumour().rows).float())
        points = moons().model(torch.from_numpy(moons().rows).float()).softmax(1)[:, 0]
    assert (logits[:, 0] - logits[:, 1]).abs().argmin() == 68
    assert (points - 0.5).abs().argmin() == 67
    assert points[67].item() == pytest.approx(0.52, abs=0.005)


def test_the_network_is_sure_far_from_all_it_knows():
    assert -1.6 < moons().background.min() < moons().background.max() < 2.6
    with torch.no_grad():
        far = moons().model(torch.tensor([[20.0, 20.0], [20.0, -20.0]])).softmax(1)
    assert far[:, 1].min() > 0.9999


def curves_of(model: Any, column: str) -> Explanation:
    return explain(model, row_of(1), "partial_dependence", target=0, column=column, kind="individual")


def test_the_networks_mean_is_a_line_that_single_tumours_do_not_follow():
    found = curves_of(tumour().model, "radius error")
    mean, rise = found.values.mean(0), found.values[:, -1] - found.values[:, 0]
    assert [mean[0], mean[-1], rise.min(), rise.max()] == pytest.approx([0.02, 1.95, 0.06, 4.09], abs=0.006)
    assert np.corrcoef(found.grid.values, mean)[0, 1] > 0.998
    assert (tumour().rows[:, tumour().names.index("radius error")] > 1).sum() == 6


def test_the_forest_knows_below_and_above():
    found = curves_of(tumour().forest, "worst perimeter")
    perimeter, mean = found.grid.values, found.values.mean(0)
    assert np.ptp(mean[perimeter < 95]) < 0.01
    assert np.ptp(mean[perimeter > 125]) < 0.01
    assert [mean[0], mean[-1]] == pytest.approx([0.40, 0.62], abs=0.006)


def test_both_groups_of_cells():
    demo, row = tumour(), row_of(1)
    cells = groups_of(row, "mean radius")
    found = scores_by_group(explain(demo.model, row, "row_scores"), cells, 0, demo.labels)
    large, small = (found[group] for group in ("above 13.84", "at most 13.84"))
    assert [large.score, small.score] == pytest.approx([1.41, -1.09], abs=0.006)
    assert [large.accuracy, small.accuracy] == pytest.approx([0.98, 1.0], abs=0.005)
    assert large.accuracy_error == pytest.approx(0.04, abs=0.005)
    malignant = [(demo.labels[cells == group] == 0).mean() for group in ("above 13.84", "at most 13.84")]
    assert malignant == pytest.approx([0.87, 0.13], abs=0.005)


def test_the_best_column_of_the_forest_is_not_missed():
    demo, row = tumour(), row_of(1)
    own, shuffled = (explain(demo.forest, row, f"{kind}_importance") for kind in ("forest", "permutation"))
    best = int(own.values.argmax())
    assert demo.names[best] == "worst perimeter"
    assert own.values[best] == pytest.approx(0.17, abs=0.005)
    assert shuffled.values[best] <= 0
    assert 0 < shuffled.values.sum() < 0.03


def test_what_tells_the_size_is_missed_together():
    demo = tumour()
    size = [place for place, name in enumerate(demo.names) if {*name.split()} & {"radius", "perimeter", "area"}]
    assert len(size) == 9
    draw = np.random.default_rng(1)

    def fall(columns: list[int]) -> float:
        rows = demo.rows.copy()
        rows[:, columns] = rows[draw.permutation(len(rows))][:, columns]
        right, left = (said_of(demo.forest, each) == demo.labels for each in (demo.rows, rows))
        return float(right.mean() - left.mean())

    assert sum(fall([column]) for column in size) < 0.05
    assert np.mean([fall(size) for _ in range(10)]) == pytest.approx(1 / 3, abs=0.08)


def test_copies_share_the_importance_of_a_column():
    from sklearn.ensemble import RandomForestClassifier

    demo = tumour()
    best = demo.names.index("worst perimeter")
    columns = [*range(30), best, best, best]
    forest = RandomForestClassifier(100, random_state=0).fit(demo.background[:, columns], demo.background_labels)
    table = Tabular(demo.rows[1][columns], background=demo.rows[:, columns], labels=demo.labels)
    same = [best, 30, 31, 32]
    own = explain(forest, table, "forest_importance").values[same]
    assert [own[0], own.sum()] == pytest.approx([0.09, 0.40], abs=0.01)
    assert explain(forest, table, "permutation_importance").values[same] == pytest.approx(0, abs=0.005)


# Notebook 7


def of_text(text: str, method: str = "exact_shap", **params: Any) -> tuple[Explanation, dict[str, float]]:
    """The answer for "positive", and the value of each word."""
    demo = reviews()
    found = explain(demo.model, Text(text, demo.tokenizer), method, target=1, **params)
    return found, dict(zip(found.names, found.values.tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "score", "values"),
    [
        ("The plot is good.", 0.97, {"good": 0.41}),
        ("The plot is not good.", -1.69, {"not": -0.97, "good": -0.46}),
        ("The plot is silly, but the acting is wonderful.", 1.54, {"silly": 0.32, "wonderful": 0.38}),
        ("The acting is wonderful, but the plot is silly.", -1.60, {"wonderful": -0.46}),
        ("The plot is clever and original.", 1.59, {"clever": 0.51, "and": 0.49, "original": 0.43}),  # notebook 5
    ],
)
def test_a_word_turns_round(text, score, values):
    found, words = of_text(text)
    assert found.score == pytest.approx(score, abs=0.006)
    assert {word: words[word] for word in values} == pytest.approx(values, abs=0.006)


def test_leave_one_out_counts_twice_or_not_at_all():
    found, words = of_text("The plot is not good.", "leave_one_out")
    assert [words["not"], words["good"], found.values.sum()] == pytest.approx([-2.66, -1.58, -6.76], abs=0.006)
    _, words = of_text("The plot is clever and original.", "leave_one_out")
    assert max(words["clever"], words["original"]) < 0


NOT_BAD = "This is not a bad movie at all."


@pytest.mark.parametrize(
    ("hide", "bad", "alone", "without_it"),
    [("remove", 0.53, -0.82, -0.16), ("mask token", 0.45, -0.44, -0.15), ("neutral embedding", 0.07, -1.95, -0.19)],
)
def test_what_hides_a_word_changes_the_answer(hide, bad, alone, without_it):
    found, words = of_text(NOT_BAD, hide=hide)
    assert words["bad"] == pytest.approx(bad, abs=0.006)
    assert words["at"] + words["all"] == pytest.approx(0.14, abs=0.035)
    assert found.base == pytest.approx(0.02, abs=0.04)
    others = tuple(place for place, word in enumerate(found.names) if word != "bad")
    demo = reviews()
    for features, score in ((others, alone), ((4,), without_it)):
        hidden = explain(demo.model, Text(NOT_BAD, demo.tokenizer), "without", features=features, hide=hide)
        assert hidden.values[1, 1] == pytest.approx(score, abs=0.006)


def test_praise_that_the_network_does_not_read():
    for text in ("I do not think that the film is bad.", "Not a single scene was boring."):
        assert of_text(text, "leave_one_out")[0].score < 0


@pytest.mark.parametrize(("pairs", "right", "worth"), [(1, 24, 0.0), (2, 27, -0.03)])
def test_a_model_that_counts_words_does_not_hear_not(pairs, right, worth):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from nbexplain.examples.reviews_writing import write_reviews

    demo = reviews()
    wanted = [demo.classes.index(label) for label in demo.labels]
    counts = make_pipeline(TfidfVectorizer(ngram_range=(1, pairs)), LogisticRegression(max_iter=1000))
    counts.fit(*write_reviews(2000, seed=1, held_out=False))
    assert (counts.predict(demo.texts) == wanted).sum() == right
    shap, left_out = (
        explain(counts, Text("This is not a good movie."), method, target=1).values
        for method in ("exact_shap", "leave_one_out")
    )
    assert shap[2] == pytest.approx(worth, abs=0.012)
    assert shap[4] > 0.05
    if pairs == 1:
        assert shap == pytest.approx(left_out, abs=0.04)


def test_the_network_reads_all_forty():
    demo = reviews()
    found = [explain(demo.model, Text(text, demo.tokenizer), "leave_one_out").target for text in demo.texts]
    assert [demo.classes[number] for number in found] == demo.labels
    assert len(found) == 40
