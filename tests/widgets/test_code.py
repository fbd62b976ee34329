"""The code that an explorer gives computes, run as it is, what is on screen."""

from __future__ import annotations

import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import nn

import nbexplain as nx
from nbexplain.core.inside.ablation import THIS
from nbexplain.widgets import code
from nbexplain.widgets.parts import PANES
from tests.networks import Plain, TupleOutput, picture, seeded


@dataclass
class Example:
    """As the packaged examples are."""

    model: nn.Module
    pictures: list[Any]

    def preprocess(self, image: PIL.Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 100


@pytest.fixture
def example() -> Example:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 12, 12, 3), dtype=np.uint8)
    return Example(seeded(Plain), [PIL.Image.fromarray(each) for each in pixels])


def run(explorer: nx.Explorer, namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, nx.Explanation]:
    """What the explorer's code computes in this namespace."""
    monkeypatch.setattr(code, "_namespace", lambda: namespace)
    assert explorer.session.wait(60)
    made: dict[str, Any] = {}
    exec(explorer.code(), dict(namespace), made)
    return {name: thing for name, thing in made.items() if isinstance(thing, nx.Explanation)}


def check(explorer: nx.Explorer, found: dict[str, nx.Explanation]) -> None:
    answers = [answer for answer in explorer._answers.values() if answer.explanation is not None]
    assert len(found) == len({answer.question for answer in answers})
    for answer in answers:
        wanted = answer.explanation
        alike = [each for each in found.values() if each.method == answer.question.method]
        assert any(
            each.values.shape == wanted.values.shape
            and np.allclose(each.values, wanted.values, rtol=1e-4, atol=1e-5, equal_nan=True)
            for each in alike
        ), answer.question


def test_every_pane_with_the_names_of_the_notebook(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = nx.Explorer(
        example.model, list(example.pictures), preprocess=example.preprocess, show=PANES, layer="conv2", target=3,
        params={"relu": False},
    )  # fmt: skip
    explorer.session.select(input=1)
    found = run(explorer, {"demo": example}, monkeypatch)
    text = explorer.code()
    assert "demo.model, demo.pictures[1], 'grad_cam', target=3, layer='conv2', relu=False, preprocess=demo.pre" in text
    assert "explain(demo.model, demo.pictures[:3], 'class_scores'" in text
    assert "= ..." not in text
    check(explorer, found)
    explorer.close()


def test_comparisons_number_their_answers(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    x = picture()
    explorer = nx.MethodComparison(example.model, x, targets=[0, 1, 2], layer="conv2")
    found = run(explorer, {"net": example.model, "x": x}, monkeypatch)
    assert [*found] == ["grad_cam", "grad_cam_2", "grad_cam_3"]
    assert [each.target for each in found.values()] == [0, 1, 2]
    check(explorer, found)
    explorer.close()


def test_odd_outputs_targets_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "it's one.png"
    PIL.Image.fromarray(np.full((12, 12, 3), 99, np.uint8)).save(path)

    def second(output: Any) -> torch.Tensor:
        return output[0] * 2

    def odds(scores: torch.Tensor) -> torch.Tensor:
        return scores[:, 0] - scores[:, 1]

    model = seeded(TupleOutput)
    explorer = nx.AttributionExplorer(model, path, scores=second, target=odds, method="input_x_gradient")
    found = run(explorer, {"model": model, "second": second, "odds": odds}, monkeypatch)
    check(explorer, found)
    explorer.close()


def test_what_has_no_name_gets_one_and_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = nx.AttributionExplorer(seeded(Plain), picture(), preprocess=lambda image: image)
    monkeypatch.setattr(code, "_namespace", lambda: {"os": types.ModuleType("os")})
    text = explorer.code()
    for line in (
        "model = ...  # the model that was given here",
        "x = ...  # input 0 that was given here",
        "preprocess = ...  # preprocess that was given here",
    ):
        assert line in text.splitlines()
    compile(text, "code", "exec")
    explorer.close()


def test_a_class_name_cannot_break_out_of_its_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a\nimport os", "b", "c", "d", "e"]
    explorer = nx.AttributionExplorer(seeded(Plain), picture(), classes=names, target=0)
    monkeypatch.setattr(code, "_namespace", dict)
    assert "import os" in explorer.code()
    assert not any(line.startswith("import os") for line in explorer.code().splitlines())
    explorer.close()


def test_the_chosen_channel_is_asked_for_where_it_counts(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    x = picture()
    explorer = nx.Explorer(example.model, x, show=["ablation"], layer="conv2", channel=4)
    explorer._parts[0]._slider.choice = THIS
    found = run(explorer, {"net": example.model, "x": x}, monkeypatch)
    assert f"channel=4, which='{THIS}'" in explorer.code()
    check(explorer, found)
    explorer.close()
