"""TextExplorer: the coloured text, words that are dropped, and a text that is edited."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbexplain as nx
from nbexplain.widgets.attribution_map import ClassScores
from nbexplain.widgets.inputs_row import InputsRow
from nbexplain.widgets.token_map import TokenMap
from nbexplain.widgets.token_pane import TokenPane
from tests.core.methods.test_lime_rows_and_texts import SENTENCE, Bag, Words
from tests.widgets.comm import command, from_browser, living

WORTH = [0.0, 0.5, -1.0, 0.25, 2.0, 1.0, -0.5, 0.75, 0.0]  # of the words in the order in which they first come


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = living()
    yield
    assert living() == before


@pytest.fixture
def explorer() -> Iterator[nx.Explorer]:
    texts = [nx.Text(SENTENCE, Words()), nx.Text("wonderful wonderful cast", Words())]
    explorer = nx.explore(Bag(WORTH), texts, classes=["down", "up"], target="up")
    assert explorer.session.wait(60)
    yield explorer
    explorer.session.wait(60)
    explorer.close()


def shown(explorer: nx.Explorer) -> TokenPane:
    part: Any = next(each for each in explorer._parts if isinstance(each, TokenMap))
    pane: TokenPane = part.pane
    return pane


def weights(pane: TokenPane) -> np.ndarray:
    return np.frombuffer(pane.overlay.buffer, pane.overlay.dtype).reshape(pane.overlay.shape)


def test_a_text_is_explored_with_a_text_explorer(explorer: nx.Explorer) -> None:
    assert type(explorer) is nx.TextExplorer
    pane = shown(explorer)
    assert pane.text == SENTENCE
    assert [pane.text[a:b] for a, b in pane.spans] == SENTENCE.split()
    found, errors = weights(pane)
    assert np.isfinite(errors).all()
    right = np.array(WORTH)[[Words()(SENTENCE)["input_ids"]]][0]
    assert np.corrcoef(found, right)[0, 1] > 0.95
    assert pane.overlay.meta["title"] == "LIME · up"


def test_a_small_change_of_the_score_is_seen() -> None:
    def judge(texts: list[str]) -> np.ndarray:
        happy = np.array([0.33 + 0.0003 * ("good" in text) for text in texts])
        return np.stack([1 - happy, happy], 1)

    explorer = nx.TextExplorer(judge, nx.Text("a good film"), classes=["sad", "happy"], target=1)
    assert explorer.session.wait(60)
    pane = shown(explorer)
    from_browser(pane, dropped=[1])
    assert explorer.session.wait(60)
    assert pane.note == "without “good”: happy 0.3303 → 0.3300"
    explorer.close()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (0, "sad −1.00 → 2.00, now predicted"),
        (1, "happy 1.50 → −0.50, now sad 2.00"),
        (2, "bored 0.00 → 0.00, now sad 2.00"),
    ],
)
def test_another_class_that_is_predicted_without_a_word_is_said(target: int, said: str) -> None:
    def judge(texts: list[str]) -> np.ndarray:
        return np.array([[-1.0, 1.5, 0.0] if "good" in text else [2.0, -0.5, 0.0] for text in texts])

    explorer = nx.TextExplorer(judge, nx.Text("a good film"), classes=["sad", "happy", "bored"], target=target)
    assert explorer.session.wait(60)
    pane = shown(explorer)
    from_browser(pane, dropped=[1])
    assert explorer.session.wait(60)
    assert pane.note == f"without “good”: {said}"
    explorer.close()


def test_what_the_score_is_without_words(explorer: nx.Explorer) -> None:
    pane = shown(explorer)
    before = sum(WORTH[i] for i in Words()(SENTENCE)["input_ids"])
    from_browser(pane, dropped=[3, 4])  # not, good: worth 2 and 1
    assert explorer.session.wait(60)
    assert pane.note == f"without “not”, “good”: up {before:.2f} → {before - 3:.2f}"
    from_browser(pane, dropped=[])
    assert explorer.session.wait(60)
    assert pane.note == ""


class Running(nn.Module):
    """What the words up to each one are worth together: a score of each class at each word."""

    def __init__(self) -> None:
        super().__init__()
        self.worth = nn.Parameter(torch.tensor(WORTH, dtype=torch.float64))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        total = (self.worth[input_ids] * attention_mask).cumsum(1)
        return torch.stack([-total, total], 2)


@pytest.mark.parametrize("hide", ["remove", "mask token"])
def test_what_the_score_of_one_word_is_without_others(hide: str) -> None:
    explorer = nx.TextExplorer(
        Running(),
        nx.Text(SENTENCE, Words()),
        classes=["down", "up"],
        method="lime",
        target=nx.Region("up", (7,)),
        params={"hide": hide},
    )
    assert explorer.session.wait(60)
    pane = shown(explorer)
    from_browser(pane, dropped=[3, 4])  # not, good: worth 2 and 1 of the 3.5 up to "cast"
    assert explorer.session.wait(60)
    assert pane.note == "without “not”, “good”: up at 7 “cast” 3.50 → 0.50"
    explorer.session.select(target=nx.Region("down", (7,)))
    assert explorer.session.wait(60)
    assert pane.note == "without “not”, “good”: down at 7 “cast” −3.50 → −0.50"
    from_browser(pane, dropped=[7])
    assert explorer.session.wait(60)
    if hide == "remove":  # the word itself stays, so this is the next but one: it is not read before "cast"
        assert pane.note == "without “is”: down at 7 “cast” −3.50 → −3.50"
        with pytest.raises(ValueError, match="features: 9 is out of range, expected 0 to 8"):
            nx.explain(
                explorer.session.given.model, nx.Text(SENTENCE, Words()), "without", target=(7, 0), features=(9,)
            )
    else:
        assert pane.note == "without “cast”: down at 7 “cast” −3.50 → −2.75"
    explorer.close()


def test_an_edited_text_is_explained(explorer: nx.Explorer) -> None:
    pane = shown(explorer)
    command(pane, {"edit": "the cast is not good"})
    assert explorer.session.wait(60)
    assert pane.text == "the cast is not good"
    assert len(weights(pane)[0]) == 5
    given: Any = explorer.session.inputs[0]
    assert given.text == "the cast is not good"
    ids = torch.tensor([Words()("the cast is not good")["input_ids"]])
    assert explorer.session.facts.scores[0][0].tolist() == Bag(WORTH)(ids, torch.ones_like(ids))[0].tolist()


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "text: expected some words"), ("a film", "the model raised IndexError")],
)
def test_an_edit_that_cannot_be_taken_is_said_and_nothing_is_lost(explorer: nx.Explorer, text: str, said: str) -> None:
    pane = shown(explorer)
    before = weights(pane).copy()
    command(pane, {"edit": text})
    assert explorer.session.wait(60)
    assert said in pane.notice
    np.testing.assert_array_equal(weights(pane), before)


def test_another_input_is_another_text(explorer: nx.Explorer) -> None:
    explorer.input = 1
    assert explorer.session.wait(60)
    assert shown(explorer).text == "wonderful wonderful cast"
    assert len(weights(shown(explorer))[0]) == 3


def test_other_units(explorer: nx.Explorer) -> None:
    explorer.session.select(params={"lime": {"unit": "sentence", "samples": 20}})
    assert explorer.session.wait(60)
    assert shown(explorer).spans == [[0, len(SENTENCE)]]
    assert weights(shown(explorer)).shape == (2, 1)


def test_more_samples_go_on(explorer: nx.Explorer) -> None:
    assert "samples 500" in explorer._status.text
    command(explorer._models.controls, {"command": "more"})
    assert explorer.session.wait(60)
    assert "samples 1,000" in explorer._status.text
    assert "500 forward passes" in explorer._status.text  # those of the first are not run again
    assert explorer._models.controls.params["lime"]["samples"] == 1000
    explorer.session.select(params={"lime": {"samples": 5000}})
    assert explorer.session.wait(60)
    command(explorer._models.controls, {"command": "more"})
    assert explorer.session.wait(60)
    assert explorer._status.error == "samples: 5,000 is the most that LIME draws"


def test_only_methods_and_parameters_for_texts_are_offered(explorer: nx.Explorer) -> None:
    offered = {method["key"]: method for method in explorer._models.facts.methods}
    assert "lime" in offered
    assert "occlusion" not in offered or offered["occlusion"]["reason"]
    assert {"unit", "hide", "samples"} <= {param["name"] for param in offered["lime"]["params"]}
    assert not {"superpixels", "bins"} & {param["name"] for param in offered["lime"]["params"]}


def test_words_of_two_classes_beside_each_other() -> None:
    comparison = nx.MethodComparison(
        Bag(WORTH), nx.Text(SENTENCE, Words()), classes=["down", "up"], targets=["down", "up"], method="lime"
    )
    assert comparison.session.wait(60)
    down, up = (part.pane for part in comparison._parts)  # type: ignore[attr-defined]
    np.testing.assert_allclose(weights(down)[0], -weights(up)[0], atol=1e-5)
    comparison.close()


def test_the_scores_of_two_classes_are_shown_only_if_asked_for() -> None:
    for more, expected in (({}, False), ({"show": ["map", "classes"]}, True)):
        explorer = nx.TextExplorer(Bag(WORTH), nx.Text(SENTENCE, Words()), classes=["down", "up"], **more)
        assert explorer.session.wait(60)
        assert any(isinstance(each, ClassScores) for each in explorer._parts) == expected
        explorer.close()


def test_thumbnails_show_how_the_texts_begin(explorer: nx.Explorer) -> None:
    strip = next(part.strip for part in explorer._parts if isinstance(part, InputsRow))
    assert strip.texts == [SENTENCE, "wonderful wonderful cast"]
    command(shown(explorer), {"edit": "the cast is not good"})
    assert explorer.session.wait(60)
    assert strip.texts[0] == "the cast is not good"
