"""Which words stand on the page where the word whose own score is explained cannot be left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import nbexplain as nx
from nbexplain import Region, Text
from nbexplain.widgets.token_map import TokenMap
from nbexplain.widgets.views.counterfactual_view import CounterfactualView
from tests.core.table.test_counterfactual_of_texts import bert
from tests.core.test_texts import GPT
from tests.core.texts import SENTENCE, tokenizer
from tests.networks import seeded
from tests.widgets.comm import from_browser

transformers = pytest.importorskip("transformers")


def test_each_value_stands_at_its_own_word() -> None:
    model, x = bert("TokenClassification", num_labels=3), Text(SENTENCE, tokenizer())
    explorer = nx.explore(model, x, method="leave_one_out")
    assert explorer.session.wait(60)
    (shown,) = [part for part in explorer._parts if isinstance(part, TokenMap)]
    for place, hide in ((1, "remove"), (3, "remove"), (3, "mask token"), (4, "remove")):
        target = Region(1, (place,))
        explorer.session.select(target=target, params={"leave_one_out": {"hide": hide}})
        assert explorer.session.wait(60)
        right = nx.explain(model, x, "leave_one_out", target=target, hide=hide)
        assert tuple(x.text[start:end] for start, end in shown.pane.spans) == right.names == tuple(shown.pane.names)
        assert (SENTENCE.split()[place - 1] in right.names) == (hide == "mask token")
    explorer.close()


def test_a_counterfactual_of_where_an_answer_begins() -> None:
    model, x = bert("QuestionAnswering"), Text(("the is film good", "i love it"), tokenizer(types=True), explain=0)
    explorer = nx.TextExplorer(
        model,
        x,
        target=4,
        method="leave_one_out",
        show=["map", "counterfactual"],
        scores=lambda output: output.start_logits,
    )
    (map_,) = [part for part in explorer._parts if isinstance(part, TokenMap)]
    (view,) = [part for part in explorer._parts if isinstance(part, CounterfactualView)]
    explorer.session.select(params={"leave_one_out": {"hide": "remove"}, "counterfactual": {"hide": "remove"}})
    assert explorer.session.wait(60)
    assert map_.pane.names == ["the", "is", "film"]
    view.pane.on_find()
    assert explorer.session.wait(60)
    right = nx.explain(model, x, "counterfactual", target=4, hide="remove", scores=lambda output: output.start_logits)
    assert len(view.pane.rows) == len(right.values) > 0
    for row, keep, scores in zip(view.pane.rows, right.values, right.scores, strict=True):
        gone = "".join(piece for piece, struck in row["parts"] if struck)
        assert gone == "".join(name for name, left in zip(right.names, keep) if not left)
        assert row["outcome"].startswith(f"{np.nanargmax(scores)} “")
    explorer.close()


def test_words_are_left_out_beside_a_method_that_hides_none() -> None:
    model, x = bert("TokenClassification", num_labels=3), Text(SENTENCE, tokenizer())
    explorer = nx.TextExplorer(model, x, method="grad_cam", target=Region(1, (2,)), show=["map"])
    assert explorer.session.wait(60)
    (shown,) = [part for part in explorer._parts if isinstance(part, TokenMap)]
    from_browser(shown.pane, dropped=[1])
    assert explorer.session.wait(60)
    words = SENTENCE.split()
    texts = SENTENCE, " ".join([words[0], "[MASK]", *words[2:]])
    with torch.no_grad():
        each = [model(**tokenizer()(text, return_tensors="pt")).logits[0, 2, 1] for text in texts]
    before, after = map(float, each)
    assert f"{before:.2f} → {after:.2f}".replace("-", "−") in shown.pane.note
    explorer.close()


def test_what_is_said_of_a_token_that_is_predicted_nowhere_names_it() -> None:
    config = transformers.GPT2Config(**GPT, pad_token_id=0, bos_token_id=5, eos_token_id=5)
    model = seeded(lambda: transformers.GPT2LMHeadModel(config)).eval()
    x, tok = Text(SENTENCE, tokenizer(framed=False)), tokenizer(framed=False)
    with torch.no_grad():
        predicted = set(model(**tok(SENTENCE, return_tensors="pt")).logits[0].argmax(1).tolist())
    number = next(n for n in range(6, len(tok)) if n not in predicted)
    name = tok.convert_ids_to_tokens(number)
    explorer = nx.TextExplorer(model, x, target=name, method="leave_one_out", show=["map"])
    assert explorer.session.wait(60)
    assert explorer._status.error.startswith(f"target: {name!r} (class {number}) is predicted nowhere in this input")
    explorer.session.select(target=Region(number, "map"))
    assert explorer.session.wait(60)
    assert f"for {name} over all tokens (" in explorer._status.text
    (shown,) = [part for part in explorer._parts if isinstance(part, TokenMap)]
    assert shown.pane.overlay.meta["title"] == f"Leave one out · {name} over all tokens"
    explorer.close()
