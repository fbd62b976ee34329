"""The score that is explained."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from torch import Tensor, nn

from nbexplain import Region, Session, Subject, Tabular, explain
from nbexplain.core.ask import ask
from nbexplain.core.memory import STORE
from nbexplain.core.target import are_probabilities, classes_last, default, name_of, resolve, score
from tests.networks import picture, seeded

ROW = torch.tensor([[0.5, 2.0, -1.0]])
GRID = torch.arange(24.0).reshape(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (torch.tensor([[0.2, 0.8]]), True),
        (torch.tensor([[0.2, 0.8], [1.0, 0.0]]), True),
        (torch.tensor([[0.2, 0.9]]), False),
        (torch.tensor([[-0.2, 1.2]]), False),
        (torch.tensor([[1.0]]), False),
        (torch.tensor([[float("nan"), 1.0]]), False),
        (torch.full((1, 2, 2, 2), 0.5), True),
        (torch.full((1, 3, 2, 2), 0.5), False),
        (torch.tensor([[0.2, 0.8]]).half(), True),
    ],
)
def test_probabilities_are_recognised(scores: Tensor, expected: bool) -> None:
    assert are_probabilities(scores) is expected


@pytest.mark.parametrize(
    ("target", "scores", "expected"),
    [
        (None, ROW, 2.0),
        (2, ROW, -1.0),
        (np.int64(0), ROW, 0.5),
        ((1,), ROW, 2.0),
        ((1, 2, 3), GRID, 23.0),
        (torch.tensor([1.0, 0.0, 2.0]), ROW, -1.5),
        (np.array([1.0, 0.0, 2.0], np.float32), ROW, -1.5),
        (lambda scores: scores[:, 1] - scores[:, 0], ROW, 1.5),
        (None, torch.tensor([[float("nan"), 1.0]]), 1.0),
    ],
)
def test_targets(target: Any, scores: Tensor, expected: float) -> None:
    assert float(score(scores, resolve(target, scores))) == expected


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_])
def test_true_and_false_are_the_classes_that_are_called_so(value: Any) -> None:
    assert resolve(value, ROW[:, :2], names=("class False", "class True")) == int(value)
    with pytest.raises(TypeError, match=r"expected a whole number, got .*; a class by its name: target='class 1'"):
        resolve(value, ROW[:, :2], names=("class 0", "class 1"))


def test_each_input_has_its_score() -> None:
    batch = torch.cat([GRID, GRID + 100])
    mask = torch.zeros(2, 3, 4)
    mask[1, 2, 3] = 2.0
    assert score(batch, resolve((0, 1, 2), GRID)).tolist() == [6.0, 106.0]
    assert score(batch, resolve(mask, GRID)).tolist() == [46.0, 246.0]


@pytest.mark.parametrize(
    ("target", "scores", "error", "message"),
    [
        (3, ROW, ValueError, "target: class 3 is out of range, expected 0 to 2"),
        (-1, ROW, ValueError, "target: class -1 is out of range"),
        (0.0, ROW, TypeError, "target: expected a whole number, got 0.0"),
        (False, ROW, TypeError, "target: expected a whole number, got False"),
        ("1", ROW, TypeError, "target: expected a class by its number, got str '1'; names need classes="),
        ([1], ROW, TypeError, "target: .* got list"),
        ((0, 1), ROW, ValueError, r"target: \(0, 1\) has 2 indices, the scores have shape \(3,\)"),
        ((0, 3, 0), GRID, ValueError, "target: index 3 is out of range, expected 0 to 2"),
        ((0, 1.0, 0), GRID, TypeError, r"target: expected whole numbers, got \(0, 1.0, 0\)"),
        (2, GRID, ValueError, "target: class 2 is out of range, expected 0 to 1"),
        (0, GRID, ValueError, "target: class 0 is predicted nowhere in this input; .*Region\\(0, over='map'\\)"),
        (Region(1), ROW, ValueError, r"a region needs scores at several places, these have shape \(3,\)"),
        (Region(1, (2,)), GRID, ValueError, r"over: the place \(2,\) has 1 indices, the map of scores is \(3, 4\)"),
        (Region(1, (2, 4)), GRID, ValueError, "target: place 4 is out of range, expected 0 to 3"),
        (
            Region(1, np.ones((4, 3))),
            GRID,
            ValueError,
            r"a mask of shape \(4, 3\) for a map of scores of shape \(3, 4\)",
        ),
        (Region("cat", "map"), GRID, TypeError, "got str 'cat'; names need classes="),
        (Region(0), GRID[:, :1], ValueError, "a single score has no class to win against; give 'map'"),
        (torch.ones(2), ROW, ValueError, r"target: a mask of shape \(2,\) for scores of shape \(3,\)"),
    ],
)
def test_bad_targets(target: Any, scores: Tensor, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        resolve(target, scores)


@pytest.mark.parametrize("returned", [ROW, torch.tensor(1.0), 1.0, None])
def test_a_callable_must_return_one_score_per_input(returned: Any) -> None:
    with pytest.raises(ValueError, match=r"target: the callable must return one score per input, shape \(1,\)"):
        score(ROW, lambda scores: returned)


def test_what_a_callable_raises_is_said_with_the_shape_of_what_it_got() -> None:
    message = r"target: the callable raised IndexError on scores of shape \(1, 3\), a row for each input: index 7"
    with pytest.raises(ValueError, match=message):
        score(ROW, lambda scores: scores[:, 7])

    def full(scores: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError):  # of which fewer inputs are asked then
        score(ROW, full)


def test_a_callable_may_return_whole_numbers_and_truth_values() -> None:
    """Where several rows stand in, a share of them counts: 0.3 of one."""
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    model, x = seeded(lambda: nn.Linear(3, 3)), Tabular(rows[4], background=rows)
    for method in ("exact_shap", "kernel_shap", "leave_one_out", "lime", "ice", "permutation_importance"):
        for target in (lambda scores: scores.argmax(1), lambda scores: scores[:, 1] > scores[:, 0]):
            found = explain(model, x, method, target=target)
            wanted = explain(model, x, method, target=lambda scores, target=target: target(scores).double())
            np.testing.assert_allclose(found.values, wanted.values, atol=1e-6)
            assert np.any(found.values != np.round(found.values)) or method == "ice"
            assert found.score == wanted.score
    for dtype in (torch.float16, torch.bfloat16):  # which hold no 999
        assert score(torch.zeros(1, 1000, dtype=dtype), lambda scores: torch.tensor([999])).tolist() == [999]
    with pytest.raises(ValueError, match=r"target: the callable must return real numbers, got torch\.complex64; try"):
        explain(model, x, "exact_shap", target=lambda scores: scores[:, 1] * 1j)


# Regions

# class 1 is predicted at the two places of the upper row, class 0 at one of the lower, class 2 at the other
MAPS = torch.tensor([[[[1.0, 2.0], [9.0, 0.0]], [[3.0, 5.0], [1.0, 2.0]], [[0.0, 0.0], [4.0, 8.0]]]])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, 4.0),  # class 1 covers most
        (1, 4.0),
        (np.int64(1), 4.0),
        (Region(0), 9.0),
        (Region(2), 8.0),
        (Region(1, "map"), 11 / 4),
        (Region(2, (1, 0)), 4.0),
        (Region(0, np.array([[True, False], [True, False]])), 5.0),
        (Region(0, torch.tensor([[3.0, 0.0], [1.0, 0.0]])), 3.0),
        ((2, 1, 1), 8.0),
    ],
)
def test_regions(target: Any, expected: float) -> None:
    placed = resolve(target, MAPS)
    assert float(score(MAPS, placed)) == expected
    last = MAPS.movedim(1, -1)
    if not isinstance(target, tuple):
        assert float(score(last, resolve(target, last, last=True))) == expected


def test_the_predicted_region_stays_when_the_scores_change() -> None:
    placed = resolve(1, MAPS)
    changed = torch.cat([MAPS, -MAPS])
    assert score(changed, placed).tolist() == [4.0, -4.0]


def test_a_background_is_not_what_is_explained_first() -> None:
    assert default(MAPS, False, ["cat", "dog", "eel"]) == Region(1)
    assert default(MAPS, False, ["cat", "Background", "eel"]) == Region(0)
    assert default(MAPS[:, :, :1], False, ["cat", "background", "eel"]) == Region(1)  # where there is nothing else
    assert default(MAPS[:, :1], False) == Region(0, "map")
    assert resolve("eel", MAPS, names=["cat", "dog", "eel"]) == resolve(Region(2), MAPS)


def test_places_without_numbers_elsewhere_do_not_matter() -> None:
    maps = MAPS.clone()
    maps[0, 1, 1] = torch.nan
    assert float(score(maps, resolve(Region(1), maps))) == 4.0


@pytest.mark.parametrize(
    ("scores", "x", "last"),
    [
        ((1, 5, 8, 8), (1, 3, 8, 8), False),
        ((1, 3, 8, 8), (1, 3, 8, 8), False),
        ((1, 5, 4, 4), (1, 3, 8, 8), False),
        ((1, 8, 8, 5), (1, 8, 8, 3), True),
        ((1, 40, 5), (1, 40, 6), True),
        ((1, 5, 40), (1, 6, 40), False),
        ((1, 5), (1, 5), False),
    ],
)
def test_where_the_classes_are(scores: tuple[int, ...], x: tuple[int, ...], last: bool) -> None:
    assert classes_last(torch.zeros(scores), torch.zeros(x)) is last
    assert classes_last(torch.zeros(1, 7, 4), torch.zeros(1, 7, dtype=torch.long))  # ids


def test_regions_are_equal_where_they_say_the_same() -> None:
    mask = np.eye(3)
    assert Region(1, mask) == Region(np.int64(1), torch.eye(3)) != Region(1, mask * 2)
    assert (
        len({Region(1, mask), Region(1, mask.copy()), Region(1), Region(1, (2, 3)), Region(1, (np.int64(2), 3))}) == 3
    )
    assert [repr(each) for each in (Region(1), Region("cat", (2, 3)), Region(1, "map"))] == [
        "Region(1)", "Region('cat', over=(2, 3))", "Region(1, over='map')",
    ]  # fmt: skip
    mask[0, 0] = 5
    assert Region(1, np.eye(3)) != Region(1, mask)
    assert name_of(Region(1, mask), ["cat", "dog"]) == "dog over a mask"
    assert name_of(Region(1, (4,)), None, list("abcde")) == "class 1 at 4 “e”"
    assert name_of(Region(1, "map"), None, list("abcde")) == "class 1 over all tokens"
    assert name_of(Region(1, "map")) == "class 1 over the whole map"


@pytest.mark.parametrize(
    ("label", "over", "error", "message"),
    [
        (1.5, "map", TypeError, "label: expected the number or the name of a class, got 1.5"),
        (True, "map", TypeError, "label: "),
        (1, "somewhere", ValueError, "over: expected 'predicted', 'map', a place or a mask, got 'somewhere'"),
        (1, (1.0, 2), TypeError, r"over: expected a place of whole numbers, got \(1.0, 2\)"),
        (1, 3, TypeError, "over: expected a mask of numbers"),
        (1, np.zeros((2, 2)), ValueError, "over: expected a mask of numbers from 0 on, not all of them 0"),
        (1, -np.ones((2, 2)), ValueError, "over: expected a mask of numbers from 0 on"),
    ],
)
def test_bad_regions(label: Any, over: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Region(label, over)


def segmentation() -> nn.Module:
    """Scores that are linear in each pixel: what its gradient is can be written down."""
    return seeded(lambda: nn.Conv2d(3, 4, 1)).eval()


@pytest.mark.parametrize("classes_are_last", [False, True])
def test_the_gradient_of_a_mean_over_a_region(classes_are_last: bool) -> None:
    model, x = segmentation(), picture(6)
    won = model(x)[0].argmax(0)
    label = int(won.flatten().bincount().argmax())
    weight = model.weight[label, :, 0, 0].detach().numpy()
    mask = seeded(lambda: torch.rand(6, 6))
    place = torch.zeros(6, 6)
    place[2, 5] = 1
    ways: dict[str, Any] = {}
    if classes_are_last:
        x = x.movedim(1, -1)
        ways["forward"] = lambda m, x: m(x.movedim(-1, 1)).movedim(1, -1)
    for target, places in (
        (None, won == label),
        (label, won == label),
        (Region(label, "map"), torch.ones(6, 6)),
        (Region(label, (2, 5)), place),
        (Region(label, mask), mask),
    ):
        ours = explain(model, x, "gradient", target=target, **ways)
        share = (places.double() / places.double().sum()).numpy()
        right = weight[:, None, None] * share
        np.testing.assert_allclose(ours.values, np.moveaxis(right, 0, -1) if classes_are_last else right, rtol=1e-4)
        maps = ways["forward"](model, x).movedim(-1, 1) if ways else model(x)
        assert ours.score == pytest.approx(float((maps[0, label].detach().numpy() * share).sum()), rel=1e-4)
        assert ours.target == (Region(label) if target is None or target == label else target)


def test_occlusion_and_lime_of_a_region() -> None:
    model, x = segmentation(), picture(8)
    target = Region(2, (3, 6))
    occluded = explain(model, x, "occlusion", target=target, window=4, stride=4, fill="zero").values
    right = np.zeros((8, 8))
    right[:4, 4:] = float((model.weight[2, :, 0, 0] * x[0, :, 3, 6]).sum().detach())
    np.testing.assert_allclose(occluded, right, rtol=1e-4, atol=1e-6)
    pixels = (x[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    labels = np.arange(4).reshape(2, 2).repeat(4, 0).repeat(4, 1)
    from nbexplain import Image

    given = Image(pixels, segments=labels)
    hidden = explain(model, given, "leave_one_out", target=target, fill="zero").values
    assert np.flatnonzero(hidden).tolist() == [1]
    seen = given.tensor[0, :, 3, 6]
    assert hidden[1] == pytest.approx(float((model.weight[2, :, 0, 0] * seen).sum().detach()), rel=1e-4)


def test_of_maps_only_the_targets_numbers_are_kept() -> None:
    subject = Subject(segmentation(), picture(32))
    before = STORE.bytes
    for target in (Region(1, "map"), Region(2, "map")):
        *_, last = ask(subject, "occlusion", target=target, params={"window": 8, "stride": 8})
        right = explain(segmentation(), picture(32), "occlusion", target=target, window=8, stride=8)
        np.testing.assert_allclose(last.values, right.values, rtol=1e-5, atol=1e-7)
    assert STORE.bytes - before < 16 * 4 * 32 * 32 * 4  # less than one whole map for each window


def test_a_map_without_classes_is_not_taken_for_classes() -> None:
    class Depth(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x)[:, 0]

    model, x = seeded(lambda: Depth(3, 1, 1)).eval(), picture(6)
    for target in (None, 1):
        with pytest.raises(
            ValueError, match=r"scores have shape \(6, 6\), of which the input does not tell.*scores\[:, None\]"
        ):
            explain(model, x, "gradient", target=target)
    ours = explain(model, x, "gradient", scores=lambda output: output[:, None])
    np.testing.assert_allclose(ours.values, (model.weight[0] / 36).detach().expand(3, 6, 6), rtol=1e-5)
    assert ours.target == Region(0, "map")
    one = explain(model, x, "gradient", target=(2, 3))
    assert np.argwhere(one.values.any(0)).tolist() == [[2, 3]]
    session = Session(model, x)
    assert session.selection.target == (0, 0)
    assert one.warnings == (
        "which of the (6, 6) scores are classes and which places is not clear: the one at (2, 3) is explained",
    )
    assert not ours.warnings
    with pytest.raises(ValueError, match="of which the input does not tell"):
        session.select(target=1)
    session.close()


def test_cam_refuses_a_region() -> None:
    with pytest.raises(ValueError, match=r"target: CAM explains a class index, .*use 'grad_cam'"):
        explain(nn.Sequential(segmentation(), nn.ReLU()), picture(6), "cam", layer="0", target=Region(1, "map"))


def test_what_a_function_makes_of_the_scores_is_averaged_not_made_of_their_mean() -> None:
    """Hidden columns are filled from many rows; the mean of their functions is not the function of their mean."""
    rows = np.random.default_rng(0).normal(size=(50, 3))
    weights = np.array([2.0, -0.5, 0.3])
    x = Tabular(rows[4], background=rows, labels=(rows[:, 0] > 0) * 1)

    def model(table: np.ndarray) -> np.ndarray:
        rising = 1 / (1 + np.exp(-table @ weights))
        return np.stack([1 - rising, rising], 1)

    def log_odds(scores: Tensor) -> Tensor:
        return torch.logit(scores[:, 1])

    linear = weights * (rows[4] - rows.mean(0))
    for method, error in (
        ("exact_shap", 1e-9),
        ("kernel_shap", 1e-6),
        ("permutation_shap", 1e-9),
        ("leave_one_out", 1e-9),
    ):
        found = explain(model, x, method, target=log_odds, background=50)
        np.testing.assert_allclose(found.values, linear, atol=error)
        assert found.score_name == "score"  # of probabilities; the function's may be anything
        assert "probability" not in found.quantity
    assert found.score == pytest.approx(float(rows[4] @ weights))
    together = explain(model, x, "exact_shap", target=1, background=50)
    assert together.score_name == "probability"
    crossed = explain(model, x, "counterfactual", target=log_odds)
    assert any(note.startswith("the score is to cross 0, on both sides of which") for note in crossed.warnings)


def test_questions_of_classes_refuse_a_function_of_the_scores() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 3))
    side = (rows[:, 0] > 0) * 1
    x = Tabular(rows[4], background=rows, labels=side)
    forest = RandomForestClassifier(5, random_state=0).fit(rows, side)

    def most(scores: Tensor) -> Tensor:
        return scores.amax(1)

    for method in ("roc", "precision_recall", "confusion"):
        with pytest.raises(ValueError, match=f"target: '{method}' compares classes .* got a function of the scores"):
            explain(forest, x, method, target=most)
    with pytest.raises(ValueError, match=r"target: 'residuals' compares .* such as target=0"):
        explain(LinearRegression().fit(rows, rows[:, 1]), x, "residuals", target=most)
    found = explain(forest, x, "interaction", target=most)  # by all coalitions, as trees explain classes
    same = explain(lambda table: forest.predict_proba(table).max(1), x, "interaction")
    np.testing.assert_allclose(found.values, same.values, atol=1e-9)
    with pytest.raises(ValueError, match="explainer: 'tree' explains the score of a class, and the target is none"):
        explain(forest, x, "interaction", target=most, explainer="tree")


@pytest.mark.parametrize(
    "target",
    [
        lambda scores: scores[:, 1].clamp(max=scores[:, 1].quantile(0.9)),
        lambda scores: scores[:, 1] * ((scores[:, 1] < scores[:, 1].max()) | (len(scores) == 1)),
        lambda scores: scores[:, 1] * ((scores[:, 1] > scores[:, 1].min()) | (len(scores) == 1)),
        lambda scores: scores[:, 1].cummax(0).values,
        lambda scores: scores[:, 1] if len(scores) < 400 else scores[:, 0],
        lambda scores: torch.where(scores[:, 0] > scores[:, 0].topk(min(3, len(scores))).values[-1], 0.0, 1.0),
    ],
)
@pytest.mark.parametrize("count", [2, 40, 500])
def test_a_target_that_gives_a_few_inputs_other_numbers_beside_others_is_asked_for_each_alone(
    target: Any, count: int
) -> None:
    scores = torch.randn(count, 3, generator=torch.Generator().manual_seed(count))
    alone = torch.stack([target(one[None])[0] for one in scores])
    np.testing.assert_allclose(score(scores, target), alone)


@pytest.mark.parametrize(
    ("target", "shift"),
    [
        (lambda scores: scores.softmax(1)[:, 1] if scores.max() > 1 else scores[:, 1], 1),
        (lambda scores: scores.softmax(1)[:, 1] if (scores < 0).any() else scores[:, 1], 0),
        (lambda scores: scores[:, 1].exp() if (scores > 0).all() else scores[:, 1], -1),
        (lambda scores: scores[:, 1].sigmoid() if ((scores[:, 1] - 0.5).abs() > 0.4).any() else scores[:, 1], 0),
    ],
)
@pytest.mark.parametrize("count", [20, 40])
def test_a_condition_over_all_inputs_is_asked_for_each_alone(target: Any, shift: float, count: int) -> None:
    for seed in range(10):
        scores = 0.7 * torch.randn(count, 3, generator=torch.Generator().manual_seed(seed)) + shift
        alone = torch.stack([target(one[None])[0] for one in scores])
        np.testing.assert_allclose(score(scores, target), alone)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.bool, torch.int64, torch.bfloat16])
def test_a_target_of_many_inputs_in_any_dtype(dtype: torch.dtype) -> None:
    scores = (3 * torch.randn(40, 3, generator=torch.Generator().manual_seed(0))).to(dtype)
    np.testing.assert_array_equal(
        score(scores, lambda of: of[:, 1].abs() if of.is_complex() else of[:, 1] > 0),
        (scores[:, 1].abs() if scores.is_complex() else scores[:, 1] > 0),
    )


def test_a_target_whose_backward_fails_is_explained_without_one() -> None:
    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, scores: Tensor) -> Tensor:
            return (scores > 0).to(scores)

        @staticmethod
        def backward(ctx: Any, slope: Tensor) -> Tensor:
            raise TypeError("no slope")

    scores = torch.randn(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    np.testing.assert_array_equal(
        score(scores, lambda of: Step.apply(of)[:, 1] + of[:, 0]), (scores[:, 1] > 0) + scores[:, 0]
    )


def test_a_target_of_each_input_by_itself_is_asked_few_times() -> None:
    asked: list[int] = []

    def margin(scores: Tensor) -> Tensor:
        asked.append(len(scores))
        return scores[:, 1] - scores[:, 0]

    scores = torch.randn(20000, 3, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(score(scores, margin), scores[:, 1] - scores[:, 0])
    assert len(asked) < 50


@pytest.mark.parametrize("wrap", [lambda call: call, functools.partial], ids=["function", "partial"])
def test_a_softmax_over_the_wrong_axis_is_seen_among_scores_of_few_values(wrap: Any) -> None:
    target = wrap(lambda scores: scores[:, 1] / scores.max())
    table = torch.tensor([[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]])  # the leaves of a tree
    equal = table[[3] * 40]
    np.testing.assert_array_equal(score(equal, target), torch.ones(40))
    ends = [0, 3] * 20
    mixed = table[[*ends, 0, 3, 1, 2, *ends]]  # all but two have the largest score of all batches, as they have alone
    np.testing.assert_allclose(score(mixed, target), mixed[:, 1] / mixed.amax(1))


def test_a_target_that_is_no_key_and_one_that_equals_another() -> None:
    @dataclasses.dataclass
    class Margin:
        first: int = 1
        second: int = 0

        def __call__(self, scores: Tensor) -> Tensor:
            return scores[:, self.first] - scores[:, self.second]

    @dataclasses.dataclass(frozen=True)
    class Scaled:
        times: float = dataclasses.field(compare=False)

        def __call__(self, scores: Tensor) -> Tensor:
            return self.times * scores[:, 1]

    class Odd(Margin):
        def __eq__(self, other: object) -> Any:
            return torch.zeros(2)

        def __hash__(self) -> int:
            raise NotImplementedError

    torch.manual_seed(0)
    model, rows = nn.Linear(4, 3), torch.randn(20, 4)
    x = Tabular(rows[0], background=rows)
    plain = explain(model, x, "exact_shap", target=lambda scores: scores[:, 1] - scores[:, 0])
    for target in (Margin(), Odd()):
        for key in ("exact_shap", "kernel_shap", "leave_one_out", "partial_dependence", "gradient"):
            wanted = explain(model, x, key, target=lambda scores: scores[:, 1] - scores[:, 0])
            np.testing.assert_array_equal(explain(model, x, key, target=target).values, wanted.values)
    once, twice = (explain(model, x, "exact_shap", target=Scaled(times)) for times in (1.0, 2.0))
    np.testing.assert_allclose(twice.values, 2 * once.values, rtol=1e-6)
    assert not np.allclose(once.values, plain.values)


class Chosen:
    """A target that explains the class that is chosen at the moment."""

    number = 0

    def __call__(self, scores: Tensor) -> Tensor:
        return scores[:, self.number]


@pytest.mark.parametrize(
    ("key", "params"),
    [
        ("exact_shap", {}),
        ("kernel_shap", {"samples": 60}),
        ("lime", {"samples": 100}),
        ("leave_one_out", {}),
        ("gradient", {}),
        ("partial_dependence", {}),
        ("row_shap", {"explainer": "permutation"}),
        ("interaction", {}),
    ],
)
def test_what_a_callable_uses_is_looked_at_anew_by_each_question(key: str, params: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model, rows = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), torch.randn(20, 4)
    x, target = Tabular(rows[0], background=rows), Chosen()
    subject = Subject(model, x)
    for target.number in (0, 2, 0):
        *_, found = ask(subject, key, target=target, params=params)
        plain = explain(model, x, key, target=target.number, **params)
        np.testing.assert_allclose(found.values, plain.values, rtol=1e-4, atol=1e-6)
        assert found.score == pytest.approx(float(model(rows[:1])[0, target.number].detach()), rel=1e-5)
        assert not any("changed while" in note for note in found.warnings)


def test_what_a_callable_uses_and_changes_under_a_question_is_said() -> None:
    model, target = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 3))), Chosen()
    steps = ask(Subject(model, picture(12)), "occlusion", target=target, params={"window": 2, "stride": 1})
    first = next(steps)
    assert not any("changed while" in note for note in first.warnings)
    target.number = 2
    *_, last = steps
    assert any(note.startswith("what the callable makes of the same scores changed while") for note in last.warnings)


def test_only_what_was_kept_of_the_callable_itself_is_looked_at_anew() -> None:
    subject = Subject(seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 3))), picture(12))
    asked: dict[str, Any] = {"params": {"window": 4, "stride": 4}}
    one, other = Chosen(), Chosen()
    spent = []
    for target in (0, 1, one, other, one, 2):
        *_, found = ask(subject, "occlusion", target=target, **asked)
        spent.append(found.passes["forward"])
    assert spent[1:] == [0, 9, 9, 9, 0]  # a window at each of nine places
