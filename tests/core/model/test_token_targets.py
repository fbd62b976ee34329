"""Texts whose tokens have scores of their own: what is explained first, and that a label stays with its token."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nbexplain as nx
from nbexplain import Region, Session, Text, explain
from tests.networks import seeded
from tests.widgets.comm import from_browser
from tests.widgets.test_code import check, run

WORDS = ["[PAD]", "[MASK]", "anna", "lives", "in", "paris", "today"]
LABELS = ("O", "PER", "LOC")


class Tokenizer:
    """A token for each word; like Hugging Face's in what it is asked."""

    mask_token, mask_token_id, pad_token_id = WORDS[1], 1, 0

    def __call__(self, text: str) -> dict[str, Any]:
        found = list(re.finditer(r"\[MASK\]|\w+", text))
        ids = [WORDS.index(each[0] if each[0] in WORDS else each[0].lower()) for each in found]
        spans = [each.span() for each in found]
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "offset_mapping": spans}

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [WORDS[each] for each in ids]


class Tagger(nn.Module):
    """Scores of each token: those of its own word, and a tenth of those of the word before it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(len(WORDS), classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        own = self.emb(input_ids)
        return own + 0.1 * nn.functional.pad(own, (0, 0, 1, 0))[:, :-1]


@pytest.fixture
def tagger() -> Tagger:
    model = seeded(lambda: Tagger(3)).eval()
    rows = torch.tensor(
        [[0, 0, 0], [0, 0, 0], [0, 4, 0], [9, 0, 0], [8, 0, 0], [0, 0, 5], [7, 0, 0]], dtype=torch.float32
    )
    model.emb.weight.data = rows
    return model


TEXT = "Anna lives in Paris today"


def test_the_most_certain_label_that_is_not_o_is_explained_first(tagger: Tagger) -> None:
    text = Text(TEXT, Tokenizer())
    ours = explain(tagger, text, "leave_one_out", hide="mask token", classes=LABELS)
    assert ours.target == Region(2, (3,))  # e⁵ of e⁵ + e⁰·⁸ + 1 is more than e⁴ of e⁴ + 2
    assert ours.score == 5
    tagger.config = SimpleNamespace(id2label=dict(enumerate(LABELS)))
    assert explain(tagger, text, "leave_one_out", hide="mask token").target == Region(2, (3,))
    del tagger.config
    assert explain(tagger, text, "leave_one_out", hide="mask token").target == Region(0, (2,))  # who knows what O is?


def test_a_label_by_its_name_at_a_token(tagger: Tagger) -> None:
    text = Text(TEXT, Tokenizer())
    for target in ((3, "LOC"), (3, 2), Region("LOC", (3,))):
        answer = explain(tagger, text, "leave_one_out", target=target, classes=LABELS)
        assert answer.score == 5
    with pytest.raises(ValueError, match="target: there is no class 'LCO'; nearest: 'LOC'"):
        explain(tagger, text, "leave_one_out", target=(3, "LCO"), classes=LABELS)
    with pytest.raises(TypeError, match=r"target: expected whole numbers, got \('LOC', 3\)"):
        explain(tagger, text, "leave_one_out", target=("LOC", 3), classes=LABELS)


@pytest.mark.parametrize("target", ["PER", 1])
def test_a_label_that_is_predicted_nowhere_is_told_at_which_token(tagger: Tagger, target: Any) -> None:
    tagger.emb.weight.data[2, 0] = 9  # Anna is O
    text = Text(TEXT, Tokenizer())
    with pytest.raises(ValueError, match=r"target: 'PER' \(class 1\) is predicted nowhere in this input; ") as told:
        explain(tagger, text, "leave_one_out", target=target, classes=LABELS)
    place = eval(str(told.value).partition("target=")[2])
    assert place == (0, 1)
    assert explain(tagger, text, "leave_one_out", target=place, classes=LABELS).score == 4


def test_a_label_stays_with_its_token(tagger: Tagger) -> None:
    text = Text(TEXT, Tokenizer())
    right = [0, 0, 0, 5, 0]  # the score of LOC at Paris hangs on Paris, and on the word before it, whose LOC is 0
    for target in ((3, 2), Region(2, (3,)), Region("LOC", (3,))):
        ours = explain(tagger, text, "leave_one_out", target=target, hide="mask token", classes=LABELS)
        np.testing.assert_allclose(ours.values, right, atol=1e-6)
    ours = explain(tagger, text, "leave_one_out", target=(3, 0), hide="mask token")
    np.testing.assert_allclose(ours.values, [0, 0, 0.8, 0, 0], atol=1e-6)
    with pytest.raises(ValueError, match=r"hide: 'remove' would move the tokens behind, .*'mask token' and 'neutral"):
        explain(tagger, text, "leave_one_out", target=lambda scores: scores[:, 3, 2])


@pytest.mark.parametrize(("target", "label"), [((3, 0), 0), (Region("O", (3,)), 0), (None, 2)])
@pytest.mark.parametrize("method", ["leave_one_out", "permutation_shap"])
def test_a_label_follows_its_token_when_others_are_removed(
    tagger: Tagger, method: str, target: Any, label: int
) -> None:
    ids = torch.tensor([[2, 3, 4, 5, 6]])

    def without(*places: int) -> float:
        """The score at Paris, the fourth token, of the shorter text, in which another word may stand before it."""
        left = [place for place in range(5) if place not in places]
        return float(tagger(ids[:, left], torch.ones(1, len(left)))[0, left.index(3), label])

    found = explain(tagger, Text(TEXT, Tokenizer()), method, target=target, classes=LABELS)
    others = [0, 1, 2, 4]
    assert [TEXT.split()[place] for place in others] == list(found.names)
    if method == "leave_one_out":
        np.testing.assert_allclose(found.values, [without() - without(place) for place in others], atol=1e-6)
    else:
        assert found.base == pytest.approx(without(*others))
        assert found.base + found.values.sum() == pytest.approx(without(), abs=1e-5)


def test_what_holds_a_token_that_is_explained_is_not_removed(tagger: Tagger) -> None:
    with pytest.raises(ValueError, match="hide: each sentence holds a token whose score is explained, so none can be"):
        explain(tagger, Text(TEXT, Tokenizer()), "leave_one_out", target=(3, 2), unit="sentence", classes=LABELS)
    over = np.array([1.0, 0, 0, 1, 0])
    found = explain(tagger, Text(TEXT, Tokenizer()), "leave_one_out", target=Region(2, over), classes=LABELS)
    assert list(found.names) == ["lives", "in", "today"]
    assert np.isfinite(found.values).all()


def test_the_best_word_for_a_mask_is_explained_first() -> None:
    model = seeded(lambda: Tagger(len(WORDS))).eval()
    model.emb.weight.data = torch.eye(len(WORDS))[[0, 5, 2, 3, 4, 5, 6]] * 3  # the mask speaks for paris
    ours = explain(model, Text("Anna lives in [MASK]", Tokenizer()), "leave_one_out", hide="mask token")
    assert (ours.target, ours.score) == (Region(5, (3,)), 3)
    session = Session(model, Text("Anna lives in [MASK]", Tokenizer()))
    assert session.classes == tuple(WORDS)
    session.close()


class Speaks(nn.Module):
    """Scores of the whole vocabulary at each token, from those before it, or from both sides."""

    def __init__(self, both: bool = False) -> None:
        super().__init__()
        self.emb = nn.Embedding(len(WORDS), 8)
        self.body = nn.GRU(8, 8, batch_first=True, bidirectional=both)
        self.head = nn.Linear(16 if both else 8, len(WORDS))

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.body(self.emb(ids))[0])


def ids_alone(model: nn.Module, x: Any) -> Tensor:
    return model(x["input_ids"])


def test_a_model_that_reads_only_what_came_before_is_explained_at_its_last_token_whatever_the_tokenizer_has() -> None:
    model, text = seeded(Speaks).eval(), Text(TEXT, Tokenizer())
    with torch.no_grad():
        last = model(torch.tensor([[2, 3, 4, 5, 6]]))[0, -1]
    ours = explain(model, text, "leave_one_out", hide="mask token", forward=ids_alone)
    assert ours.target == Region(int(last.argmax()), (4,))
    assert ours.score == pytest.approx(float(last.max()))
    twice = {"forward": lambda model, x: {"anything": ids_alone(model, x) * 2}}
    np.testing.assert_allclose(
        explain(model, text, "leave_one_out", hide="mask token", **twice).values, 2 * ours.values, atol=1e-6
    )

    def picky(model: nn.Module, x: Any) -> Tensor:
        if ids_alone(nn.Identity(), x).eq(Tokenizer.mask_token_id).any():
            raise ValueError("no such token")
        return ids_alone(model, x)

    with pytest.raises(ValueError, match=r"if it fills masks, put '\[MASK\]' .*; if it predicts the next") as told:
        explain(model, text, "leave_one_out", forward=picky)
    place, word = eval(str(told.value).partition("target=")[2])
    assert (place, word) == (4, int(last.argmax()))


def test_a_model_that_reads_both_ways_is_asked_for_a_mask() -> None:
    model, text = seeded(lambda: Speaks(both=True)).eval(), Text(TEXT, Tokenizer())
    with pytest.raises(ValueError, match=r"target: the model predicts one of 7 tokens .*; put '\[MASK\]' where it is"):
        explain(model, text, "leave_one_out", hide="mask token", forward=ids_alone)


def test_the_next_word_is_explained_where_no_token_stands_for_a_mask() -> None:
    class Plain(Tokenizer):
        mask_token_id = mask_token = None  # type: ignore[assignment]

    model = seeded(lambda: Tagger(len(WORDS))).eval()
    text = Text(TEXT, Plain())
    scores = model(torch.tensor([[2, 3, 4, 5, 6]]), torch.ones(1, 5))
    ours = explain(model, text, "leave_one_out", hide="neutral embedding")
    assert ours.target == Region(int(scores[0, -1].argmax()), (4,))


def test_the_next_word_is_that_after_the_last_token_which_is_no_padding() -> None:
    class Characters(nn.Module):
        """More places than signs."""

        def __init__(self) -> None:
            super().__init__()
            self.emb, self.places, self.head = nn.Embedding(5, 4), nn.Embedding(32, 4), nn.Linear(4, 5)

        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.emb(ids) + self.places(torch.arange(ids.shape[1])))

    def read(text: str) -> list[int]:
        return [" abcd".index(sign) for sign in text][:10]

    model = seeded(Characters).eval()
    for text, filled in (("abcd", read), ("abcd", lambda text: (read(text) + [0] * 10)[:10])):
        ours = explain(model, Text(text, filled), "leave_one_out", hide="neutral embedding")
        wanted = model(torch.tensor([filled(text)]))[0, 3].argmax()
        assert ours.target == Region(int(wanted), (3,))


def test_an_explorer_of_tokens(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Text(TEXT, Tokenizer())
    explorer = nx.explore(tagger, text, classes=LABELS, method="leave_one_out")
    assert explorer.session.wait(60)
    assert "for LOC at 3 “Paris” (score 5.00)" in explorer._status.text
    facts, controls = explorer._models.facts, explorer._models.controls
    assert facts.overs[3] == ["3", "at 3 “Paris”"]
    assert (controls.target, controls.over) == (2, "3")
    assert facts.scores == pytest.approx([0.8, 0, 5])
    from_browser(controls, over="0", target=1)
    assert explorer.session.wait(60)
    assert explorer.session.selection.target == Region(1, (0,))
    assert "for PER at 0 “Anna” (score 4.00)" in explorer._status.text
    assert facts.scores == [0, 4, 0]
    found = run(explorer, {"tagger": tagger, "text": text}, monkeypatch)
    assert f"target=Region(1, over=(0,)), hide='mask token', classes={list(LABELS)})" in explorer.code()
    check(explorer, found)
    explorer.close()
