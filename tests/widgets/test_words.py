"""What a person reads of an answer."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nbexplain import Explanation, Region
from nbexplain.core.question import Answer, Question
from nbexplain.widgets import words
from nbexplain.widgets.near_rows import score_text

SESSION = SimpleNamespace(
    classes=("cat", "dog"),
    inputs=[None],
    selection=SimpleNamespace(input=0),
    facts=SimpleNamespace(independent=False),
)


def explanation(**more) -> Explanation:
    return Explanation(values=np.zeros((2, 2)), axes=("y", "x"), method="grad_cam", **more)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.00317, "3.2 ms"), (0.2404, "240 ms"), (1.2, "1.2 s"), (75.04, "75.0 s"), (0, "0.0 ms")]
)
def test_durations(seconds, said):
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("passes", "said"),
    [
        ({}, "no pass: it was known"),
        ({"forward": 1}, "1 forward pass"),
        ({"forward": 1, "backward": 1}, "1 forward and 1 backward passes"),
        ({"forward": 1500}, "1,500 forward passes"),
        ({"forward": 0, "backward": 1}, "1 backward pass"),
    ],
)
def test_passes(passes, said):
    assert words.passes(passes) == said


def test_what_was_stopped_has_nothing_left():
    half = explanation(seconds=2.0, progress=0.5, passes={"forward": 4})
    assert words.summary(half, SESSION).endswith("2.0 s, about 2.0 s left · 4 forward passes")
    assert words.summary(half, SESSION, stopped=True).endswith("2.0 s · 4 forward passes · stopped")


def test_a_summary_says_what_was_computed_for_what_where_and_at_what_cost():
    said = words.summary(
        explanation(target=1, layer="layer4", score=2.5, score_name="logit", seconds=0.004, passes={"backward": 1}),
        SESSION,
    )
    assert said.split(" · ") == ["Grad-CAM for dog (logit 2.50) at layer4", "4.0 ms", "1 backward pass"]


def test_the_ends_of_a_plane_are_left_to_its_axes():
    details = {"x_low": 0.0, "x_high": 2.0, "y_low": 1.0, "y_high": 3.0, "boundary": 0.5}
    said = words.summary(explanation(details=details, seconds=1.0, passes={"forward": 9}), SESSION)
    assert said.split(" · ")[1:] == ["boundary 0.5", "1.0 s", "9 forward passes"]


def test_a_summary_says_how_uncertain_it_is():
    errors = np.array([[0.1, 0.25], [0.01, 0.0]])
    assert "standard error up to 0.25" in words.summary(explanation(standard_error=errors), SESSION)
    assert "standard error up to 1,043 ·" in words.summary(explanation(standard_error=errors * 4170.5), SESSION)
    assert "not known yet" in words.summary(explanation(standard_error=errors * np.nan), SESSION)


def test_a_summary_names_the_figures_of_the_method():
    said = words.summary(explanation(details={"R²": 0.8125, "samples": 1500.0}), SESSION)
    assert "R² 0.812" in said
    assert "samples 1,500" in said
    assert "MAE 10,010 ·" in words.summary(explanation(details={"MAE": 10_010.4}), SESSION)
    said = [words.number(value) for value in (0.01234, 99.96, -123.4, 2.5e12 + 0.5, 2e9, -2e300)]
    assert said == ["0.0123", "100", "−123", "2.5e+12", "2,000,000,000", "−2e+300"]


def test_the_score_of_a_near_row_has_two_places_unless_it_is_huge():
    assert [score_text(score) for score in (0.128, -1.0, np.nan, -2e300)] == ["0.13", "−1.00", "…", "−2e+300"]


def test_targets_have_names():
    def whole_sum(scores):
        return scores.sum(1)

    assert words.target_name(1, SESSION) == "dog"
    assert words.target_name(7, SESSION) == "class 7"
    assert words.target_name(Region(1), SESSION) == "dog where it is predicted"
    assert words.target_name(Region(1, (3, 4)), SESSION) == "dog at 3, 4"
    assert words.target_name(whole_sum, SESSION) == "whole_sum"
    assert words.target_name((1, 4, 2), SESSION) == "(1, 4, 2)"


def test_errors_in_a_sentence():
    assert words.sentence(ValueError("layer: no")) == "layer: no"
    assert words.sentence(KeyError("conv1")) == "KeyError('conv1')"
    assert words.sentence(ValueError()) == "ValueError()"


def test_a_failure_has_its_traceback():
    try:
        raise RuntimeError("the fuse has blown")
    except RuntimeError as error:
        sentence, traceback = words.failure(Answer(Question(0, "grad_cam"), "failed", None, error))
    assert sentence == "the fuse has blown"
    assert traceback.startswith("Traceback")
    assert "test_words.py" in traceback
