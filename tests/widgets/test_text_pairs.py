"""Pairs of texts and parts of prompts in explorers: what is coloured, edited and given as code."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import nbexplain as nx
from tests.core.texts import WORDS, tokenizer
from tests.networks import seeded
from tests.widgets.comm import command
from tests.widgets.test_code import check, run
from tests.widgets.test_text_explorer import shown

pytest.importorskip("transformers")
PREMISE, HYPOTHESIS = "a man sleeps outside", "a person is resting"
PROMPT, REVIEW = "is the film good ? i love it", "i love it"


class Sum(nn.Module):
    """Each token and its type add what their embeddings hold."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.types = nn.Embedding(len(WORDS), 2), nn.Embedding(2, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        each = self.emb(input_ids) * (1 + self.types(token_type_ids))
        return torch.tanh(each * attention_mask[..., None]).sum(1)


@pytest.mark.parametrize(
    ("given", "explain", "call"),
    [
        ((PREMISE, HYPOTHESIS), None, "Text((premise, 'a person is resting'), tok)"),
        ((PREMISE, HYPOTHESIS), 1, "Text((premise, 'a person is resting'), tok, explain=1)"),
        (PROMPT, REVIEW, "Text('is the film good ? i love it', tok, explain=review)"),
    ],
)
def test_the_code_makes_the_pair_or_the_prompt_again(
    given: Any, explain: Any, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tok = seeded(Sum).eval(), tokenizer(types=True)
    explorer = nx.TextExplorer(model, nx.Text(given, tok, explain=explain))
    names = {"model": model, "tok": tok, "premise": PREMISE, "review": REVIEW}
    check(explorer, run(explorer, names, monkeypatch))
    assert f"x = {call}\n" in explorer.code()
    explorer.close()


@pytest.mark.parametrize(
    ("given", "explain", "edited", "words"),
    [
        ((PREMISE, HYPOTHESIS), 1, f"{PREMISE}\na man is good", ["a", "man", "is", "good"]),
        (PROMPT, REVIEW, "is the film good ? it sleeps", ["it", "sleeps"]),
    ],
)
def test_what_is_explained_can_be_edited(
    given: Any, explain: Any, edited: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = seeded(Sum).eval(), nx.Text(given, tokenizer(types=True), explain=explain)
    explorer = nx.TextExplorer(model, x)
    pane = shown(explorer)
    assert explorer.session.wait(60)
    assert (pane.text, [pane.text[a:b] for a, b in pane.spans]) == (x.text, list(x.masker().names))
    command(pane, {"edit": "something else"})
    assert explorer.session.wait(60)
    assert "where it stood" in pane.notice or "below each other" in pane.notice
    command(pane, {"edit": edited})
    assert explorer.session.wait(60)
    assert (pane.text, [pane.text[a:b] for a, b in pane.spans]) == (edited, words)
    check(explorer, run(explorer, {"model": model, "texts": [x]}, monkeypatch))
    again = tuple(edited.split("\n")) if isinstance(given, tuple) else edited
    assert f"texts[0].another({again!r})" in explorer.code()
    explorer.close()
