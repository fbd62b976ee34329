"""Where a model's scores are, what they are called, and what is refused with the call that works."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Session, Subject, explain
from nbexplain.core.model.outputs import scores_of
from tests.networks import Plain, picture, seeded

ROW = torch.tensor([[0.5, 2.0, -1.0]])
MAPS = torch.arange(24.0).reshape(1, 2, 3, 4)
WIDE = torch.zeros(1, 512)
WHOLE = torch.tensor([[1, 2, 3]])
LOSS = torch.tensor(0.7)


@dataclasses.dataclass
class Output:
    loss: Any = None
    hidden: Any = None
    logits: Any = None


class ModelOutput(OrderedDict):
    """As Hugging Face's: an ordered mapping that is read by attribute."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(self.values())


Named = namedtuple("Named", ["aux", "logits"])


@pytest.mark.parametrize(
    ("output", "scores"),
    [
        (ROW, ROW),
        (MAPS, MAPS),
        (torch.tensor([2.0]), torch.tensor([[2.0]])),
        (torch.tensor(2.0), torch.tensor([[2.0]])),
        ((ROW,), ROW),
        ((ROW, MAPS), ROW),
        ((ROW, (WIDE, WIDE)), ROW),
        ((ROW, LOSS, WHOLE, None), ROW),
        ((ROW, torch.zeros(5, 512)), ROW),
        ([MAPS, LOSS], MAPS),
        ({"features": WIDE, "logits": ROW}, ROW),
        (ModelOutput(loss=LOSS, logits=ROW, hidden_states=(WIDE,)), ROW),
        (ModelOutput(logits_per_text=WIDE, logits_per_image=ROW, image_embeds=WIDE), ROW),
        (Output(LOSS, WIDE, ROW), ROW),
        (Named(WIDE, ROW), ROW),
        (SimpleNamespace(logits=ROW, extra=WIDE), ROW),
        ({"out": ROW}, ROW),
        ({"out": MAPS, "aux": MAPS + 1}, MAPS),
        ({"prediction": ROW, "loss": LOSS, "classes": WHOLE, "epoch": 3}, ROW),
        ((ROW, torch.tensor([0.3])), ROW),  # a policy and its value
        ((torch.tensor([2.0]), MAPS), torch.tensor([[2.0]])),
        ({"mu": torch.tensor([2.0])}, torch.tensor([[2.0]])),
        ({"out": MAPS, "loss": torch.tensor([0.3])}, MAPS),
        ({"head": {"scores": ROW}, "loss": LOSS}, ROW),
        (ModelOutput(prediction=ROW, hidden_states=(WIDE, WIDE), attentions=(MAPS,)), ROW),
    ],
)
def test_scores_are_taken_from_a_clear_place(output: Any, scores: Tensor) -> None:
    assert torch.equal(scores_of(output, 1), scores)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            (ROW, WIDE),
            r"not clear .*: output\[0\] \(1, 3\), output\[1\] \(1, 512\); .* scores=lambda output: output\[0\]$",
        ),
        ([MAPS, MAPS + 1], r"output\[0\] \(1, 2, 3, 4\), output\[1\]"),
        ((MAPS, ROW), r"not clear"),
        ((WHOLE, ROW), r"output\[0\] \(1, 3\) of int64, .*scores=lambda output: output\[1\]$"),
        ((LOSS, ROW), r"output\[0\] \(\), output\[1\] \(1, 3\); .*scores=lambda output: output\[1\]$"),
        (((ROW,), MAPS), r"output\[0\]\[0\] \(1, 3\), output\[1\] .*scores=lambda output: output\[0\]\[0\]$"),
        (
            {"mean": ROW, "variance": ROW},
            r"output\['mean'\] \(1, 3\), output\['variance'\] .*lambda output: output\['mean'\]$",
        ),
        ({"out": MAPS, "features": MAPS}, r"not clear .*output\['out'\]"),
        (Output(hidden=ROW, loss=WIDE), r"output.loss \(1, 512\), output.hidden \(1, 3\)"),
        ({"loss": LOSS}, r"no tensor of scores was found: output\['loss'\] \(\); .*scores=lambda output: …"),
        (ModelOutput(loss=LOSS), r"no tensor of scores was found: output.loss \(\)"),
        ({"scores": torch.zeros(4, 3)}, r"no tensor of scores was found: output\['scores'\] \(4, 3\)"),
        ("cat", "returned str, in which no tensor of scores was found; "),
        (WHOLE, r"expected floating-point numbers, got torch.int64 of shape \(1, 3\): .*before any argmax"),
        (ROW > 0, "expected floating-point numbers, got torch.bool"),
        (torch.zeros(3), r"shape \(1, K\), got \(3,\); has a squeeze\(\) taken the batch axis away\?"),
        (torch.zeros(4, 3), r"shape \(1, K\), got \(4, 3\)$"),
        (torch.zeros(1, 0), r"got \(1, 0\)"),
        ({"logits": torch.zeros(2, 3)}, r"shape \(1, K\), got \(2, 3\)"),
        (
            [{"boxes": WIDE, "labels": WHOLE, "scores": ROW[0]}],
            r"detections, .*'boxes', 'labels', 'scores'; .*nbexplain.detections\(\)",
        ),
        (
            ModelOutput(logits=torch.zeros(1, 5, 4), pred_boxes=torch.zeros(1, 5, 4)),
            r"boxes, and logits \(1, 5, 4\) .*detections\(activation='softmax'\).*scores=lambda output: output.logits",
        ),
        (
            ModelOutput(last_hidden_state=torch.zeros(1, 5, 16), pooler_output=WIDE),
            r"has no head.*scores=lambda output: output.pooler_output or scores=lambda output: "
            r"output.last_hidden_state\[:, 0\]",
        ),
        (ModelOutput(last_hidden_state=torch.zeros(1, 5, 16)), r"last_hidden_state \(1, 5, 16\): it has no head"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_refused_with_what_there_is(output: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^scores: .*{message}"):
        scores_of(output, 1)


def test_one_number_for_several_inputs_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(8, K\), got a single number for all of them"):
        scores_of(LOSS, 8)
    assert scores_of(torch.zeros(8), 8).shape == (8, 1)


def test_the_advice_for_a_body_without_a_head_works() -> None:
    class Body(Plain):
        def forward(self, x: Tensor) -> Any:
            tokens = self.features(x).flatten(2).transpose(1, 2)
            return ModelOutput(last_hidden_state=tokens, pooler_output=tokens.mean(1))

    model, x = seeded(Body), picture()
    with pytest.raises(TypeError, match="has no head"):
        explain(model, x, "gradient")
    taken = explain(model, x, "gradient", target=2, scores=lambda output: output.last_hidden_state[:, 0])
    leaf = x.clone().requires_grad_()
    (right,) = torch.autograd.grad(seeded(Body).eval().features(leaf)[0, 2, 0, 0], leaf)
    np.testing.assert_allclose(taken.values, right[0], rtol=1e-5, atol=1e-8)
    assert taken.score_name == "score"


def test_a_squeezed_score_is_one_score_per_input() -> None:
    model, x = seeded(Plain).eval(), picture()

    def squeezed(module: nn.Module, x: Tensor) -> Tensor:
        return module(x)[:, 3].squeeze()

    for method, params in (("gradient", {}), ("occlusion", {"window": 4, "stride": 4})):
        ours = explain(model, x, method, forward=squeezed, **params)
        np.testing.assert_allclose(
            ours.values, explain(model, x, method, target=3, **params).values, rtol=1e-4, atol=1e-6
        )
        assert ours.score == pytest.approx(model(x)[0, 3].item(), rel=1e-5)


class Heads(nn.Module):
    """What is made of six numbers (N, 6)."""

    def __init__(self, end: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.head = seeded(lambda: nn.Linear(4, 6))
        self.end = end

    def forward(self, x: Tensor) -> Any:
        return self.end(self.head(x))


@dataclasses.dataclass
class Held:
    parts: Any
    emb: Any


@pytest.mark.parametrize(
    ("end", "call", "number"),
    [
        (lambda o: (o[:, 0], o[:, 1]), "output[0]", 0),
        (lambda o: [o[:, 2], o[:, :2]], "output[0]", 2),
        (lambda o: {"age": o[:, 3], "bmi": o[:, 1]}, "output['age']", 3),
        (lambda o: {"age": o[:, 3], "sex": o[:, :2]}, "output['age']", 3),
        (lambda o: {"age": o[:, 3], "bmi": o[:, 1], "map": o[:, :, None, None]}, "output['age']", 3),
        (lambda o: {"cls": {"logits": o[:, 1:]}, "reg": o[:, :1]}, "output['cls']['logits']", 1),
        (lambda o: {"reg": o[:, :1], "cls": {"logits": o[:, 1:]}}, "output['cls']['logits']", 1),
        (lambda o: {"heads": [o[:, 4:], o[:, :2]], "emb": o.repeat(1, 3)}, "output['heads'][0]", 4),
        (lambda o: Held({"a": [o[:, 2:]], "b": o[:, 0]}, None), "output.parts['a'][0]", 2),
        (lambda o: ([o[:, 2:], o[:, :2]], o), "output[0][0]", 2),
    ],
)
def test_of_several_heads_none_is_taken_silently(end: Callable[[Tensor], Any], call: str, number: int) -> None:
    model, x = Heads(end), torch.ones(1, 4)
    with pytest.raises(TypeError, match="not clear") as refused:
        explain(model, x, "gradient")
    advised = str(refused.value).rpartition("scores=")[2]
    assert advised == f"lambda output: {call}"
    ours = explain(model, x, "gradient", target=0, scores=eval(advised))
    np.testing.assert_allclose(ours.values.ravel(), model.head.weight[number].detach(), rtol=1e-6)


# Names


class Ends(nn.Module):
    """Logits of a linear layer, put through what is given."""

    def __init__(self, end: Callable[[Tensor], Tensor], classes: int = 3) -> None:
        super().__init__()
        self.head = seeded(lambda: nn.Linear(4, classes))
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.head(x))


def both(x: Tensor) -> Tensor:
    return torch.cat([x.sigmoid(), x.neg().sigmoid()], 1)


@pytest.mark.parametrize(
    ("end", "name", "independent"),
    [
        (lambda z: z, "logit", False),
        (lambda z: z.clamp(0.2, 0.4), "logit", False),  # from 0 to 1, but not by a sigmoid
        (lambda z: z.sigmoid() * 0.5, "probability", True),
        (lambda z: z.sigmoid() * 2, "logit", False),
        (lambda z: z.sigmoid().clamp(1e-6, 1 - 1e-6), "probability", True),
        (lambda z: z.softmax(1), "probability", False),
        (lambda z: z.log_softmax(1), "log-probability", False),
        (nn.Sigmoid(), "probability", True),
        (torch.sigmoid, "probability", True),
        (lambda z: z.sigmoid_(), "probability", True),
        (lambda z: z.sigmoid().mul_(0.5), "probability", True),
        (lambda z: z.sigmoid().mul_(2), "logit", False),
        (lambda z: z.detach().sigmoid(), "probability", True),  # where no graph could tell
        (both, "probability", True),
        (lambda z: z.sigmoid()[:, :1], "probability", False),
        (lambda z: z[:, 0], "score", False),
    ],
)
def test_scores_are_named_by_what_made_them(end: Callable[[Tensor], Tensor], name: str, independent: bool) -> None:
    subject = Subject(Ends(end), torch.ones(1, 4))
    assert (subject.score_name, subject.independent) == (name, independent)


def test_a_regression_that_says_so_is_a_prediction() -> None:
    model = Ends(lambda z: z)
    model.config = SimpleNamespace(problem_type="regression")
    assert Subject(model, torch.ones(1, 4)).score_name == "prediction"
    assert Subject(model, torch.ones(1, 4), scores=lambda output: output).score_name == "score"


def test_maps_are_logits_where_the_model_says_so() -> None:
    conv, x = seeded(lambda: nn.Conv2d(3, 2, 1)), picture(4)
    assert Subject(conv, x).score_name == "score"
    assert Subject(conv, x, forward=lambda m, x: {"logits": m(x)}).score_name == "logit"
    assert Subject(conv, x, forward=lambda m, x: m(x).softmax(1)).score_name == "probability"


# Two classes of one number


@pytest.mark.parametrize("sigmoid", [False, True])
def test_two_names_make_both_classes_of_one_number(sigmoid: bool) -> None:
    model = Ends(nn.Sigmoid() if sigmoid else nn.Identity(), classes=1).eval()
    x = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    s = float(model(x))
    weights = model.head.weight[0].detach().numpy() * (s * (1 - s) if sigmoid else 1)
    names = ("no", "yes")
    yes = explain(model, x, "gradient", target="yes", classes=names)
    no = explain(model, x, "gradient", target=0, classes=names)
    np.testing.assert_allclose(yes.values, weights, rtol=1e-5)
    np.testing.assert_allclose(no.values, -weights, rtol=1e-5)
    assert (yes.score, no.score) == pytest.approx((s, 1 - s if sigmoid else -s))
    assert yes.score_name == ("probability" if sigmoid else "logit")
    assert not Subject(model, x, classes=names).independent
    session = Session(model, x, classes=names)
    assert session.classes == names
    assert session.facts.scores[0].tolist() == [pytest.approx([1 - s if sigmoid else -s, s])]
    session.close()
    # without names there is one number, as of a regression
    assert explain(model, x, "gradient").values == pytest.approx(weights)
    assert Session(model, x).classes == ("score",)
    with pytest.raises(ValueError, match="classes: expected 1 names, one per score, got 3"):
        explain(model, x, "gradient", classes=("a", "b", "c"))


def test_many_inputs_have_both_classes_too() -> None:
    model = Ends(nn.Sigmoid(), classes=1).eval()
    batch = seeded(lambda: torch.randn(5, 4))
    subject = Subject(model, batch[:1], classes=("no", "yes"))
    p = model(batch).detach()
    torch.testing.assert_close(subject.evaluate(batch), torch.cat([1 - p, p], 1))
