"""The code that an explorer gives computes, run as it is, what is on screen."""

from __future__ import annotations

import functools
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
from nbexplain.examples import moons, reviews
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
    made = dict(namespace)
    exec(explorer.code(), made)
    return {name: made[name] for name in made if name not in namespace and isinstance(made[name], nx.Explanation)}


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


def column(number: int) -> Any:
    """Functions that are all called alike."""

    def chosen(scores: torch.Tensor) -> torch.Tensor:
        return scores[:, number]

    return chosen


FIRST, FOURTH, FIFTH = (lambda scores: scores[:, 0]), column(3), column(4)
PART = functools.partial(torch.select, dim=1, index=1)


@pytest.mark.parametrize(
    ("targets", "known", "names"),
    [
        ([FIRST, FOURTH, FIFTH], {}, ["target_1", "target_2", "target_3"]),
        ([FIRST, FOURTH, PART, FIRST], {"chosen": FOURTH}, ["target_1", "chosen", "target_2", "target_1"]),
        ([FIRST, 2], {}, ["target", "2"]),
        ([FIRST, FOURTH], {"target": FOURTH}, ["target_", "target"]),
        ([FIRST, FOURTH], {"target_1": 7}, ["target_1_", "target_2"]),
        ([np.eye(5)[3], np.eye(5)[1]], {}, ["target_1", "target_2"]),
    ],
)
def test_each_target_without_a_name_gets_one(
    targets: list[Any], known: dict[str, Any], names: list[str], example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = picture()
    comparison = nx.MethodComparison(example.model, x, targets=targets, method="gradient")
    namespace = {"net": example.model, "x": x, **known}
    lines = code_in(comparison, namespace, monkeypatch).splitlines()
    missing = [line for line in lines if "= ..." in line]
    asked = [name for name in dict.fromkeys(names) if name.startswith("target") and name not in known]
    assert missing == [f"{name} = ...  # what is explained that was given here" for name in asked]
    calls = [line.partition("target=")[2].partition(")")[0] for line in lines if "target=" in line]
    assert calls == list(dict.fromkeys(names))
    made = {**namespace, **dict(zip(names, comparison._values, strict=True))}
    exec("\n".join(line for line in lines if line not in missing), made)
    check(comparison, {name: value for name, value in made.items() if isinstance(value, nx.Explanation)})
    comparison.close()


def test_the_comments_have_the_numbers_of_the_titles(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = nx.MethodComparison(example.model, picture(), targets=[column(0), column(1)], method="gradient")
    text = code_in(comparison, {"net": example.model, "x": comparison.session.given.inputs[0]}, monkeypatch)
    assert text.splitlines()[-2:] == [
        "gradient = explain(net, x, 'gradient', target=target_1)  # chosen 1",
        "gradient_2 = explain(net, x, 'gradient', target=target_2)  # chosen 2",
    ]
    comparison.close()


def test_each_mask_without_a_name_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, masks = seeded(lambda: nn.Conv2d(3, 2, 1)), picture(), [np.eye(12), 1 - np.eye(12)]
    targets = [nx.Region(0, over=mask) for mask in (masks[0], masks[1], masks[1].copy())] + [nx.Region(1, masks[0])]
    comparison = nx.MethodComparison(model, x, targets=targets, method="gradient")
    lines = code_in(comparison, {"net": model, "x": x}, monkeypatch).splitlines()
    assert lines[2:4] == [f"mask_{number} = ...  # the mask that was given here" for number in (1, 2)]
    calls = [(0, "mask_1"), (0, "mask_2"), (1, "mask_1")]
    assert [line.partition("target=")[2].partition(")")[0] for line in lines[5:]] == [
        f"Region({label}, over={mask}" for label, mask in calls
    ]
    lines = code_in(comparison, {"net": model, "x": x, "diagonal": masks[0]}, monkeypatch).splitlines()
    assert lines[2] == "mask = ...  # the mask that was given here"
    comparison.close()


def test_a_method_that_has_another_name_in_its_class(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    class Choice:
        third = lambda self, scores: scores[:, 2]  # noqa: E731
        first = third
        first.__name__ = "second"

        def second(self, scores: torch.Tensor) -> torch.Tensor:
            return scores[:, 1]

    x, choice = picture(), Choice()
    comparison = nx.MethodComparison(example.model, x, targets=[choice.second, choice.third], method="gradient")
    names = {"net": example.model, "x": x, "choice": choice}
    lines = code_in(comparison, names, monkeypatch).splitlines()
    assert lines[2] == "target = ...  # what is explained that was given here"
    assert [line.partition("target=")[2].partition(")")[0] for line in lines[4:]] == ["choice.second", "target"]
    comparison.close()


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


def test_functions_of_imported_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    model = seeded(Plain)
    explorer = nx.AttributionExplorer(model, picture(), scores=torch.square, method="gradient")
    x = explorer.session.given.inputs[0]
    found = run(explorer, {"model": model, "x": x, "t": torch, "os": types.ModuleType("os")}, monkeypatch)
    assert "scores=t.square" in explorer.code()
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
    assert "'ablation', target=4, layer='conv2', channel=4)" in explorer.code()
    check(explorer, found)
    explorer.close()


# Texts and tables


def test_texts_made_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    r = reviews()
    explorer = nx.TextExplorer(r.model, [nx.Text(t, r.tokenizer) for t in r.texts[:3]], classes=r.classes, input=1)
    found = run(explorer, {"r": r}, monkeypatch)
    lines = explorer.code().splitlines()
    assert lines[0] == "from nbexplain import Text, explain"
    assert "x1 = Text(r.texts[1], r.tokenizer)" in lines
    made = "[Text(text, r.tokenizer) for text in r.texts[:3]]"
    assert f"class_scores = explain(r.model, {made}, 'class_scores', classes=r.classes)" in lines
    check(explorer, found)
    explorer.close()


def test_an_edited_text(monkeypatch: pytest.MonkeyPatch) -> None:
    r = reviews()
    texts = [nx.Text(t, r.tokenizer, max_length=20) for t in r.texts[:2]]
    explorer = nx.TextExplorer(r.model, texts, classes=r.classes)
    assert "explain(r.model, texts[0], 'lime'" in code_in(explorer, {"r": r, "texts": texts}, monkeypatch)
    edited = "It's \"odd\"\nand not 'bad'."
    explorer.session.replace(0, texts[0].another(edited))
    for names, line in (
        ({"r": r, "texts": texts}, f"x0 = Text({edited!r}, r.tokenizer, max_length=20)"),
        ({"net": r.model, "texts": texts}, f"x0 = texts[0].another({edited!r})"),
        ({"net": r.model, "texts": texts, "x0": 3}, f"x0_ = texts[0].another({edited!r})"),
    ):
        found = run(explorer, names, monkeypatch)
        assert line in explorer.code().splitlines()
        check(explorer, found)
    assert "tokenizer = ...  # the tokenizer that was given here" in code_in(explorer, {}, monkeypatch)
    explorer.close()


def code_in(explorer: nx.Explorer, namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(code, "_namespace", lambda: namespace)
    assert explorer.session.wait(60)
    return explorer.code()


def test_a_changed_row_of_a_named_table(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = moons()
    row = nx.Tabular(demo.rows[0], background=demo.background, names=demo.names)
    explorer = nx.TabularExplorer(demo.model, row, classes=demo.classes, method="lime", params={"samples": 100})
    assert f"explain(net, row, 'lime', target=0, samples=100, classes={list(demo.classes)})" in code_in(
        explorer, {"net": demo.model, "row": row}, monkeypatch
    )
    explorer.session.replace(0, row.another([0.1 + 0.2, float("1e-17")]))
    found = run(explorer, {"net": demo.model, "row": row}, monkeypatch)
    assert "x = row.another([0.30000000000000004, 1e-17])" in explorer.code().splitlines()
    check(explorer, found)
    explorer.close()


def test_a_row_made_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = moons()
    made = nx.Tabular(demo.rows[7], demo.background, names=demo.names, labels=demo.background_labels.tolist())
    explorer = nx.TabularExplorer(demo.model, made, classes=demo.classes)
    found = run(explorer, {"demo": demo}, monkeypatch)
    about = "names=demo.names, background=demo.background, labels=demo.background_labels"
    assert f"x = Tabular(demo.rows[7], {about})" in explorer.code().splitlines()
    check(explorer, found)
    explorer.session.replace(0, made.another([0.5, -0.25]))
    names = {"net": demo.model, "other": demo.background * 2, "table": demo.background, "right": demo.background_labels}
    found = run(explorer, names, monkeypatch)
    line = "x = Tabular({'x': 0.5, 'y': -0.25}, background=table, labels=right)"
    assert line in explorer.code().splitlines()
    check(explorer, found)
    names |= {"table": demo.background.tolist(), "right": demo.background_labels.tolist()}
    check(explorer, run(explorer, names, monkeypatch))
    del names["right"], names["table"]
    lines = code_in(explorer, names, monkeypatch).splitlines()
    assert "background = ...  # the background that was given here" in lines
    assert "# add labels=… to Tabular(…): the labels of the background that were given here" in lines
    assert "x = Tabular({'x': 0.5, 'y': -0.25}, background=background)" in lines
    explorer.close()


def test_categories_frames_and_models_of_other_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    draw = np.random.default_rng(0)
    frame = pandas.DataFrame({"age": draw.normal(40, 9, 50), "town": draw.choice(["Bonn", "Köln"], 50), "level": 1.0})
    frame.loc[draw.integers(0, 50, 20), "level"] = 3.0

    def score(rows: Any) -> np.ndarray:
        high = (rows["town"] == "Köln") * 0.3 + (rows["age"] > 40) * 0.5
        return np.stack([1 - high, high], 1)

    levels = {"level": [3.0, 1.0]}
    row = nx.Tabular(frame.iloc[3], frame, categories=levels)
    explorer = nx.TabularExplorer(score, row, show=["map"])
    explorer.session.replace(0, row.another([41.5, 1, 0]))
    found = run(explorer, {"score": score, "matrix": frame.to_numpy(), "frame": frame}, monkeypatch)
    line = "x = Tabular({'age': 41.5, 'town': 'Köln', 'level': 3.0}, background=frame, categories="
    assert line + "{'town': ['Bonn', 'Köln'], 'level': [3.0, 1.0]})" in explorer.code().splitlines()
    check(explorer, found)
    explorer.close()
    plain = nx.TabularExplorer(score, nx.Tabular(frame.iloc[3], frame), show=["map"])
    found = run(plain, {"score": score, "frame": frame}, monkeypatch)
    assert "categories" not in plain.code()
    check(plain, found)
    plain.close()


def test_questions_over_the_rows_of_a_background(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = moons()
    rows = [
        nx.Tabular(each, background=demo.background[:40], names=demo.names, labels=demo.background_labels[:40])
        for each in demo.rows[:2]
    ]
    explorer = nx.GlobalExplorer(demo.model, rows, classes=demo.classes)
    found = run(explorer, {"demo": demo, "rows": rows}, monkeypatch)
    line = "row_shap = explain(demo.model, rows[0], 'row_shap', target=0, classes=demo.classes)  # upper"
    assert line in explorer.code().splitlines()
    check(explorer, found)
    explorer.close()


def test_a_few_labels_without_a_name_are_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = moons()
    few, labels = demo.background[:8], demo.background_labels[:8]
    explorer = nx.TabularExplorer(demo.model, nx.Tabular(demo.rows[7], few, names=demo.names, labels=labels))
    found = run(explorer, {"net": demo.model, "few": few}, monkeypatch)
    assert f"labels={labels.tolist()}" in explorer.code()
    check(explorer, found)
    column = labels[:, None]
    found = run(explorer, {"net": demo.model, "few": few, "column": column}, monkeypatch)
    assert "labels=column" in explorer.code()
    check(explorer, found)
    explorer.close()


@pytest.mark.parametrize("named", [True, False])
def test_classes_that_say_what_the_scores_are(named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(0).normal(size=(40, 2))

    def level(rows: np.ndarray) -> np.ndarray:
        return np.array(["lo", "mid", "hi"])[np.digitize(rows[:, 0], [-0.5, 0.5])]

    def share(rows: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-rows[:, 0]))

    row = nx.Tabular([2.0, 0.1], table)
    for model, classes, target in ((level, ("lo", "mid", "hi"), 2), (share, ("no", "yes"), 1)):
        explorer = nx.TabularExplorer(model, row, classes=classes, target=target, method="exact_shap", show=["map"])
        found = run(explorer, {"f": model, "row": row} | ({"names": classes} if named else {}), monkeypatch)
        said = "names" if named else repr(list(classes))
        line = f"explain(f, row, 'exact_shap', target={target}, classes={said})  # {classes[target]}"
        assert line in explorer.code()
        check(explorer, found)
        explorer.close()
