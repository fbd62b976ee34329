"""Detections as targets: followed by overlap, 0 where none overlaps, against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nbexplain as nx
from nbexplain import Session, Subject, detections, explain
from nbexplain.core.model.detections import Detections
from tests.core.snapshot import differences, snapshot
from tests.widgets.test_code import check, run

QUARTERS = ((0, 0), (0, 4), (4, 0), (4, 4))  # top and left of each


class Detector(nn.Module):
    """A box for each quarter of an image whose score, the sigmoid of its weighted mean, is above ½; best first."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, images: Any) -> list[dict[str, Tensor]]:
        found = []
        for x in images:
            scores = torch.stack([(self.weight * x[:, a : a + 4, b : b + 4].mean()).sigmoid() for a, b in QUARTERS])
            kept = scores.argsort(descending=True)
            kept = kept[scores[kept] > 0.5]
            boxes = torch.tensor([[b, a, b + 4, a + 4] for a, b in QUARTERS], dtype=torch.float32)
            found.append({"boxes": boxes[kept], "labels": 1 + kept % 2, "scores": scores[kept]})
        return found


def image(*means: float) -> Tensor:
    """(1, 1, 8, 8), with these means in its quarters."""
    x = torch.empty(1, 1, 8, 8)
    for (a, b), mean in zip(QUARTERS, means, strict=True):
        x[..., a : a + 4, b : b + 4] = mean
    return x


X = image(-1.0, 1.0, 2.0, -1.0)  # found: the third quarter (label 1), then the second (label 2)


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def test_scores_follow_what_was_found() -> None:
    subject = Subject(Detector(), X, scores=detections())
    assert subject.scores()[0].tolist() == pytest.approx([sigmoid(4), sigmoid(2)])
    changed = torch.cat([
        image(-1.0, 3.0, 2.0, -1.0),  # the order of the two is another one now
        image(3.0, 1.0, -1.0, 3.0),  # one is gone, others that were not there do not count
        image(-1.0, -1.0, -1.0, -1.0),  # nothing is found at all
    ])  # fmt: skip
    expected = [[sigmoid(4), sigmoid(6)], [0, sigmoid(2)], [0, 0]]
    np.testing.assert_allclose(subject.evaluate(changed), expected, rtol=1e-6)
    assert subject.score_name == "score"


def found(*rows: tuple[list[float], int, float]) -> list[dict[str, Tensor]]:
    boxes, labels, scores = zip(*rows, strict=True)
    return [{"boxes": torch.tensor(boxes), "labels": torch.tensor(labels), "scores": torch.tensor(scores)}]


@pytest.mark.parametrize(
    ("seen", "score"),
    [
        (([0.0, 0.0, 10.0, 5.0], 1, 0.6), 0.6),  # half of it: 50 / 100
        (([0.0, 0.0, 10.0, 4.9], 1, 0.6), 0.0),
        (([5.0, 0.0, 15.0, 10.0], 1, 0.6), 0.0),  # 50 shared of 150
        (([3.0, 0.0, 13.0, 10.0], 1, 0.6), 0.6),  # 70 shared of 130
        (([0.0, 0.0, 10.0, 10.0], 2, 0.6), 0.0),  # another label
        (([10.0, 10.0, 0.0, 0.0], 1, 0.6), 0.6),  # corners the wrong way round
    ],
)
def test_overlap_and_label_decide(seen: Any, score: float) -> None:
    followed = detections().for_input()
    with followed.learning():
        followed(found(([0.0, 0.0, 10.0, 10.0], 1, 0.9)), 1)
    assert followed(found(seen), 1)[0].tolist() == pytest.approx([score])
    more = found(([0.0, 0.0, 10.0, 9.0], 1, 0.3), seen)  # the one that overlaps most is it, not the surest
    full = seen[1] == 1 and seen[0] == [10.0, 10.0, 0.0, 0.0]
    assert followed(more, 1)[0].tolist() == pytest.approx([score if full else 0.3])


def test_two_that_overlap_equally_keep_their_places() -> None:
    box = [0.0, 0.0, 4.0, 4.0]
    followed, twice = detections().for_input(), found((box, 1, 0.9), (box, 1, 0.4))
    with followed.learning():
        clean = followed(twice, 1)
    assert followed(twice, 1).tolist() == clean.tolist() == [pytest.approx([0.9, 0.4])]


def test_the_gradient_is_that_of_the_detections_score() -> None:
    model = Detector()
    before = snapshot(model, X)
    for target, quarter in ((0, 2), (1, 1)):
        ours = explain(model, X, "gradient", target=target, scores=detections())
        p, (a, b) = ours.score, QUARTERS[quarter]
        right = np.zeros((1, 8, 8))
        right[0, a : a + 4, b : b + 4] = 2 * p * (1 - p) / 16
        np.testing.assert_allclose(ours.values, right, rtol=1e-5)
    assert differences(before, snapshot(model, X)) == []
    # where nothing is found any more, the gradient is zero and not missing
    subject = Subject(model, X, scores=detections())
    scores, gradients = subject.gradients(image(-1, -1, -1, -1), subject.target(0))
    assert scores.tolist() == [0]
    assert not gradients.any()


def test_occlusion_takes_a_detection_away() -> None:
    ours = explain(Detector(), X, "occlusion", target=0, scores=detections(), window=4, stride=4, fill="zero").values
    right = np.zeros((8, 8))
    right[4:, :4] = sigmoid(4)  # a mean of 0 is a score of ½, which is not found
    np.testing.assert_allclose(ours, right, rtol=1e-6)


def test_label_and_least_score_choose_what_is_followed() -> None:
    assert Subject(Detector(), X, scores=detections(2)).scores().tolist() == [pytest.approx([sigmoid(2)])]
    sure = Subject(Detector(), X, scores=detections(min_score=0.95))
    assert sure.scores().tolist() == [pytest.approx([sigmoid(4)])]
    assert sure.evaluate(image(-1, -1, 0.1, -1)).tolist() == [pytest.approx([sigmoid(0.2)])]  # less sure, but the same
    with pytest.raises(ValueError, match=r"the model finds nothing in this input with detections\(label=7\)"):
        explain(Detector(), X, "gradient", scores=detections(7))


def test_detr_outputs() -> None:
    class Detr(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            m = x.mean((1, 2, 3))[:, None, None]
            logits = torch.tensor([[[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]]]) + torch.cat([m, m, 0 * m], 2)
            boxes = torch.tensor([[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]]).expand(len(x), 2, 4)
            return {"logits": logits, "pred_boxes": boxes}

    x = torch.zeros(1, 1, 2, 2)
    subject = Subject(Detr(), x, scores=detections(activation="softmax"))
    e = np.exp
    right = [e(2) / (1 + e(2) + e(1)), e(3) / (e(3) + 2)]
    np.testing.assert_allclose(subject.scores(), [right], rtol=1e-6)
    assert subject.names == ("detection 0: label 1", "detection 1: label 0")
    every = Subject(Detr(), x, scores=detections(activation="sigmoid"))
    np.testing.assert_allclose(every.scores(), [[sigmoid(2), sigmoid(3)]], rtol=1e-6)
    with pytest.raises(ValueError, match="say what makes scores of them: detections\\(activation='softmax'\\)"):
        explain(Detr(), x, "gradient", scores=detections())
    ours = explain(Detr(), x, "gradient", target=(1, 0), scores=lambda output: output["logits"]).values
    np.testing.assert_allclose(ours, np.full((1, 2, 2), 0.25))


def test_an_explorer_names_detections_and_its_code_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = Detector(), [X, image(-1.0, -1.0, -1.0, 1.0)]
    explorer = nx.Explorer(model, inputs, scores=detections(), classes=["nothing", "person", "car"], target=1)
    assert explorer.session.wait(60)
    assert explorer.session.classes == ("detection 0: person", "detection 1: car")
    assert "for detection 1: car (score 0.88)" in explorer._status.text
    found = run(explorer, {"model": model, "inputs": inputs}, monkeypatch)
    assert "target=1, scores=detections(), classes=['nothing', 'person', 'car'])" in explorer.code()
    check(explorer, found)
    explorer.session.select(input=1, target=0)
    assert explorer.session.wait(60)
    assert list(explorer.session.classes) == explorer._models.facts.classes == ["detection 0: car"]
    assert "for detection 0: car (score 0.88)" in explorer._status.text
    explorer.close()


def test_weights_that_change_find_something_else() -> None:
    model = Detector()
    session = Session(model, X, scores=detections())
    assert session.classes == ("detection 0: label 1", "detection 1: label 2")
    with torch.no_grad():
        model.weight.neg_()
    session.refresh()
    session.renew(again=True)
    pane: list[Any] = []
    session.place(lambda place, answer: pane.append(answer), method="gradient", target=0)
    assert session.wait(60)
    assert session.classes == ("detection 0: label 1", "detection 1: label 2")  # now the first and the last quarter
    assert pane[-1].explanation.score == pytest.approx(sigmoid(2))
    session.close()


@pytest.mark.parametrize(
    ("output", "error", "message"),
    [
        (torch.zeros(1, 3), TypeError, "detections\\(\\) reads a list of dicts with 'boxes'.*returned Tensor"),
        ([{"boxes": torch.zeros(1, 4), "scores": torch.zeros(1)}], TypeError, "needs 'labels' of each image"),
        (
            [{"boxes": torch.zeros(2, 4), "labels": torch.zeros(1), "scores": torch.zeros(2)}],
            ValueError,
            r"expected boxes \(n, 4\), labels \(n,\) and scores \(n,\), got \(2, 4\), \(1,\) and \(2,\)",
        ),
    ],
)
def test_what_is_no_detection_is_refused(output: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^scores: .*{message}"):
        Detections().found(output)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"label": "person"}, TypeError, "label: expected the number of a label, got 'person'"),
        ({"iou": 0}, ValueError, "iou: expected an overlap above 0"),
        ({"activation": "relu"}, ValueError, "activation: expected one of 'softmax', 'sigmoid', got 'relu'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        detections(**arguments)


def test_detections_say_how_they_are_made() -> None:
    assert repr(detections()) == "detections()"
    assert repr(detections(3, iou=0.7, activation="softmax")) == "detections(label=3, iou=0.7, activation='softmax')"
