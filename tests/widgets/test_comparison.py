"""MethodComparison: one question a pane, and clear words about what cannot be compared."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import nbexplain as nx
from nbexplain.core.question import Answer, Price, Question
from nbexplain.core.registry import METHODS
from nbexplain.widgets import words
from nbexplain.widgets.attribution_map import AttributionMap
from nbexplain.widgets.controls import Toolbar
from nbexplain.widgets.explorers.compared import compared_warnings, compared_words
from nbexplain.widgets.layout import title_of
from nbexplain.widgets.pane_link import PaneLink
from tests.core.methods.test_lime_rows_and_texts import SENTENCE, Bag, Words
from tests.networks import Linear, Plain, picture, seeded
from tests.targets import EQUAL_OR_NO_KEY
from tests.widgets.comm import from_browser, living


@pytest.fixture(autouse=True)
def _nothing_stays() -> Any:
    before = living()
    yield
    assert living() == before


def maps(comparison: nx.MethodComparison) -> list[AttributionMap]:
    assert comparison.session.wait(60)
    return [part for part in comparison._parts if isinstance(part, AttributionMap)]


def shown(part: AttributionMap) -> np.ndarray:
    array = part.pane.overlay
    return np.frombuffer(array.buffer, array.dtype).reshape(array.shape)


@pytest.mark.parametrize(
    ("of", "what", "fixed"),
    [
        ({"methods": ["grad_cam", "gradient", "grad_cam_plus_plus"]}, "method", {"method", "params"}),
        ({"targets": [0, 4, 2]}, "target", {"target"}),
        ({"numbers": [2, 0, 1]}, "input", {"input"}),
    ],
)
def test_each_pane_has_its_own_question_and_follows_in_the_rest(of: Any, what: str, fixed: set[str]) -> None:
    model, inputs = seeded(Plain), [picture(seed=n) for n in range(3)]
    comparison = nx.MethodComparison(model, inputs, layer="conv1", **of)
    for layer in ("conv1", "conv2"):
        comparison.layer = layer
        for part, own in zip(maps(comparison), next(iter(of.values())), strict=True):
            asked = {"method": "grad_cam", "target": comparison.target, "input": 0, what: own}
            more = {} if asked["method"] == "gradient" else {"layer": layer}
            right = nx.explain(model, inputs[asked["input"]], asked["method"], target=asked["target"], **more)
            np.testing.assert_allclose(shown(part), right.values, atol=1e-6)
            assert part.pane.link is comparison._link
    toolbar = comparison.children[0]
    assert isinstance(toolbar, Toolbar)
    assert not fixed & set(toolbar.show)
    comparison.close()


@pytest.mark.parametrize("make", EQUAL_OR_NO_KEY)
def test_callable_targets_are_compared_each_as_itself(make: Any) -> None:
    model = seeded(Plain)
    targets = [make(0), make(3)]
    comparison = nx.MethodComparison(model, picture(), targets=targets)
    for part, number in zip(maps(comparison), (0, 3), strict=True):
        np.testing.assert_allclose(shown(part), nx.explain(model, picture(), target=number).values, atol=1e-6)
    assert comparison._status.text.startswith("Grad-CAM for 2 targets")
    assert comparison._status.text.count(" ms · ") == 2  # what each of them took
    comparison.close()


def column(number: int) -> Any:
    """Functions that are all called alike."""

    def chosen(scores: Tensor) -> Tensor:
        return scores[:, number]

    return chosen


def titles(comparison: nx.MethodComparison) -> list[str]:
    assert comparison.session.wait(60)
    if comparison.session.facts.kind == "table":
        return [title_of(part.pane).value for part in comparison._parts]  # type: ignore[attr-defined]
    return [part.pane.overlay.meta["title"] for part in comparison._parts]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        ([column(0), 3, column(1)], ["chosen 1", "class 3", "chosen 2"]),
        ([lambda scores: scores[:, 0], lambda scores: scores[:, 1]], ["<lambda> 1", "<lambda> 2"]),
        ([same := column(2), same], ["chosen", "chosen"]),
        ([np.eye(5)[0], np.eye(5)[1]], ["a mask of shape (5,) 1", "a mask of shape (5,) 2"]),
        ([lambda scores: scores[:, 0], column(0)], ["<lambda>", "chosen"]),
    ],
)
def test_targets_that_are_called_alike_are_numbered(targets: list[Any], names: list[str]) -> None:
    comparison = nx.MethodComparison(seeded(Plain), picture(), targets=targets, method="gradient")
    assert titles(comparison) == [f"Gradient · {name}" for name in names]
    said = [part.rpartition(" ms")[0].rpartition(" ")[0] for part in comparison._status.text.split(" · ")[1:-1]]
    assert said == names
    comparison.close()


def test_words_and_columns_have_the_numbers_too() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3))
    both = Bag([0.5] * 9), nx.Text(SENTENCE, Words())
    for model, one in ((lambda table: table, nx.Tabular(rows[0], rows)), both):
        comparison = nx.MethodComparison(model, one, targets=[column(0), column(0)], method="leave_one_out")
        assert titles(comparison) == ["Leave one out · chosen 1", "Leave one out · chosen 2"]
        comparison.close()


def test_regions_over_two_masks_are_numbered() -> None:
    model, masks = seeded(lambda: torch.nn.Conv2d(3, 2, 1)), [np.eye(12), 1 - np.eye(12)]
    targets = [nx.Region(0, over=masks[0]), nx.Region(1, over=masks[0]), nx.Region(0, over=masks[1])]
    comparison = nx.MethodComparison(model, picture(), targets=targets, method="gradient")
    assert titles(comparison) == [
        "Gradient · class 0 over a mask 1", "Gradient · class 1 over a mask", "Gradient · class 0 over a mask 2",
    ]  # fmt: skip
    comparison.close()


@pytest.mark.parametrize("place", [0, 1])
def test_a_warning_names_the_one_of_two_alike_that_it_is_about(place: int) -> None:
    model, x = seeded(Plain), picture()

    def unknown(scores: Tensor) -> Tensor:
        return scores[:, 0] * torch.nan

    unknown.__name__ = "chosen"
    (warning,) = nx.explain(model, x, "gradient", target=unknown).warnings
    assert not nx.explain(model, x, "gradient", target=column(1)).warnings
    targets = [column(1)]
    targets.insert(place, unknown)
    comparison = nx.MethodComparison(model, x, targets=targets, method="gradient")
    assert comparison.session.wait(60)
    assert comparison._status.warnings == [f"chosen {place + 1}: {warning}"]
    comparison.close()


def test_what_fails_of_two_alike_is_named() -> None:
    def failing(scores: Tensor) -> Tensor:
        raise RuntimeError("not today")

    failing.__name__ = "chosen"
    comparison = nx.MethodComparison(seeded(Plain), picture(), targets=[column(1), failing], method="gradient")
    assert comparison.session.wait(60)
    assert comparison._status.error.startswith("chosen 2: target: the callable raised RuntimeError")
    comparison.close()


def test_class_names_and_shared_sessions() -> None:
    session = nx.Session(seeded(Plain), picture(), classes=["ant", "bee", "cat", "dog", "eel"])
    comparison = nx.MethodComparison(session, targets=["bee", "eel"])
    assert [part._place.question().target for part in maps(comparison)] == [1, 4]
    assert [part.pane.overlay.meta["title"] for part in maps(comparison)] == ["Grad-CAM · bee", "Grad-CAM · eel"]
    other = nx.AttributionExplorer(session)
    from_browser(other._models.controls, layer="conv1")
    assert {part._place.question().layer for part in maps(comparison)} == {"conv1"}
    comparison.close()
    other.close()
    session.close()


def test_what_is_compared_by_itself() -> None:
    comparison = nx.MethodComparison(seeded(Plain), [picture(seed=n) for n in range(12)])
    assert [part._place.question().input for part in maps(comparison)] == [*range(9)]
    comparison.close()
    comparison = nx.MethodComparison(seeded(Linear), picture())
    methods = [part._place.question().method for part in maps(comparison)]
    assert methods == ["gradient", "input_x_gradient", "occlusion"]  # it has no layer for a CAM
    comparison.close()


def test_texts_and_tables_are_compared_by_methods_that_suit_them() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3))
    given = {
        "permutation_shap": ((lambda table: table.sum(1)), nx.Tabular(rows[0], rows)),  # of no network
        "partition_shap": (Bag([0.5] * 9), nx.Text(SENTENCE, Words())),
    }
    for last, (model, one) in given.items():
        comparison = nx.MethodComparison(model, one)
        assert comparison.session.wait(60)
        methods = [part._place.question().method for part in comparison._parts]  # type: ignore[attr-defined]
        assert methods == ["leave_one_out", "lime", last]
        assert not any(isinstance(child, PaneLink) for child in comparison.children)  # it links pictures only
        comparison.close()


class Detached(Linear):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return super().forward(x)


def test_where_no_usual_methods_suit_they_have_to_be_named() -> None:
    with pytest.raises(ValueError, match=r"methods: of the usual ones only \['occlusion'\] suit; name 2 to 9"):
        nx.MethodComparison(seeded(Detached), picture())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"targets": range(10)}, ValueError, "targets: expected 2 to 9 to compare, got 10"),
        ({"methods": ["gradient"]}, ValueError, "methods: expected 2 to 9 to compare, got 1"),
        ({"methods": ["gradient", "lrpp"]}, ValueError, "method: there is no 'lrpp'"),
        ({"methods": ["gradient", "ablation"]}, ValueError, "method: 'ablation' makes no map over the picture"),
        ({"targets": [0, 5]}, ValueError, "target: class 5 is out of range, expected 0 to 4"),
        ({"numbers": [0, 1]}, ValueError, "input: expected 0 to 0, got 1"),
        ({"targets": [0, 1], "methods": ["gradient", "cam"]}, TypeError, "methods and targets: expected one of them"),
        ({"targets": [0, 1], "show": ["map"]}, TypeError, "show: a comparison shows its maps"),
    ],
    ids=str,
)
def test_what_cannot_be_compared(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        nx.MethodComparison(seeded(Plain), picture(), **options)


def test_a_shared_session_lives_on_after_a_refusal() -> None:
    session = nx.Session(seeded(Plain), picture())
    with pytest.raises(ValueError, match="target: class 9"):
        nx.MethodComparison(session, targets=[0, 9])
    assert not session._places
    explorer = nx.AttributionExplorer(session)
    assert explorer.session.wait(20)
    explorer.close()
    session.close()


def test_the_status_line_speaks_of_all_that_are_compared() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))

    def model(table: np.ndarray) -> np.ndarray:
        if not np.isin(table, rows).all():
            raise ValueError("values that never were")  # as LIME draws them
        return table.sum(1)

    given = nx.Tabular(rows[0], rows)
    comparison = nx.MethodComparison(model, given, methods=["leave_one_out", "lime", "permutation_shap"])
    assert comparison.session.wait(60)
    status = comparison._status
    assert re.fullmatch(
        r"3 methods for the score −?[\d.]+ · Leave one out [\d.]+ m?s · LIME failed · "
        r"Permutation SHAP [\d.]+ m?s · \d+ forward passes",
        status.text,
    )
    assert (status.level, status.error[:34]) == ("error", "LIME: the model raised ValueError ")
    comparison.close()

    wide = np.random.default_rng(0).normal(size=(40, 12))
    comparison = nx.MethodComparison(
        lambda table: table.sum(1),
        nx.Tabular(wide[0], wide),
        methods=["permutation_shap", "lime"],
        method="lime",
        params={"samples": 10},
    )
    assert comparison.session.wait(60)
    few = [warning for warning in comparison._status.warnings if "samples" in warning]
    assert len(few) == 1
    assert few[0].startswith("LIME: ")
    comparison.close()


@pytest.mark.parametrize("kind", ["picture", "text"])
def test_maps_of_an_earlier_class_say_so_and_the_status_line_does_not_count_them(kind: str) -> None:
    model: Any = seeded(Plain)
    x: Any = picture()
    methods = ["gradient", "input_x_gradient"]
    if kind == "text":
        model, x, methods = Bag([0.5] * 9), nx.Text(SENTENCE, Words()), ["lime", "leave_one_out"]
    comparison = nx.MethodComparison(model, x, methods=methods)
    assert comparison.session.wait(60)
    panes = [part.pane for part in comparison._parts]  # type: ignore[attr-defined]
    places = [part._place for part in comparison._parts]  # type: ignore[attr-defined]
    answers = [comparison._answers[place] for place in places]
    assert comparison._status.text.startswith("2 methods for ")
    for pane, place, answer in zip(panes, places, answers, strict=True):
        place.tell(dataclasses.replace(answer, state="stopped", explanation=None))
        assert pane.notice == "stopped before the first picture"
    first, second = (METHODS[method].label for method in methods)
    gone = "stopped before the first picture"
    assert comparison._status.text == f"0 of 2 methods · {first} {gone} · {second} {gone}"
    half = dataclasses.replace(answers[0].explanation, progress=0.4, passes={})  # type: ignore[type-var]
    places[0].tell(dataclasses.replace(answers[0], state="stopped", explanation=half))
    assert panes[0].notice == ""  # how far it came stands beside its title
    about = words.about(half, comparison.session)
    assert comparison._status.text == f"1 of 2 methods{about} · {first} stopped at 40% · {second} {gone}"
    for place, answer in zip(places, answers, strict=True):
        place.tell(answer)
    assert [pane.notice for pane in panes] == ["", ""]
    assert comparison._status.text.startswith("2 methods for ")
    comparison.close()


def test_answers_on_their_way_are_said_with_the_others() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    session = nx.Session(lambda table: np.stack([table.sum(1), -table.sum(1)], 1), nx.Tabular(rows[0], rows))
    done = nx.explain(session.given.model, session.inputs[0], "lime")
    part = dataclasses.replace(done, progress=0.4, warnings=("few", "odd row"))
    answers = [
        Answer(Question(0, "lime", target=0), "done", dataclasses.replace(done, seconds=1.2, passes={"forward": 5})),
        Answer(Question(0, "lime", target=1), "running", dataclasses.replace(part, passes={"forward": 2})),
        Answer(Question(0, "lime", target=1), "running", price=Price(1000, 30.0)),
        Answer(Question(0, "lime", target=1), "stopped", dataclasses.replace(part, passes={})),
    ]
    assert compared_words("target", answers, session, 5) == (
        "LIME for 5 targets · class 0 1.2 s · class 1 40% … · class 1 is on its way (about 1,000 passes, 30 s) · "
        "class 1 stopped at 40% · 7 forward passes"
    )
    assert compared_warnings([("LIME", ["few", "odd row"]), ("Occlusion", ["odd row"])]) == ["LIME: few", "odd row"]
    session.close()
