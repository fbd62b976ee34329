"""Texts and models as people bring them: each shortened text has the score that it has by itself, padded or not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nbexplain as nx
from nbexplain import Subject, Text, explain
from nbexplain.core.ask import ask
from nbexplain.core.twin import twin
from tests.core.texts import SENTENCE, WORDS, alone, shapley, tokenizer
from tests.networks import seeded

transformers = pytest.importorskip("transformers")

COUNT = len(WORDS)
SMALL: dict[str, Any] = {"vocab_size": COUNT, "initializer_range": 0.4}
BERT: dict[str, Any] = {
    **SMALL,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 24,
    "pad_token_id": 0,
}
GPT: dict[str, Any] = {**SMALL, "n_positions": 24, "n_embd": 8, "n_layer": 1, "n_head": 2}
LLAMA: dict[str, Any] = {
    **SMALL,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 5,
}
XLNET: dict[str, Any] = {**SMALL, "d_model": 8, "n_layer": 1, "n_head": 2, "d_inner": 16, "pad_token_id": 0}
T5: dict[str, Any] = {
    "vocab_size": COUNT,
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 16,
    "num_layers": 1,
    "num_heads": 2,
    "pad_token_id": 0,
    "eos_token_id": 3,
    "decoder_start_token_id": 0,
}


def logits(output: Any) -> Tensor:
    return output.logits


def next_token(output: Any) -> Tensor:
    return output.logits[:, -1]


def made(name: str, config: str, options: dict[str, Any]) -> Callable[[], nn.Module]:
    return lambda: getattr(transformers, name)(getattr(transformers, config)(**options))


CLASSIFY, NEXT = "ForSequenceClassification", next_token
MODELS = {
    "BERT": (made(f"Bert{CLASSIFY}", "BertConfig", BERT), {}, logits, "right"),
    "RoBERTa": (made(f"Roberta{CLASSIFY}", "RobertaConfig", BERT), {}, logits, "right"),
    "ELECTRA": (made(f"Electra{CLASSIFY}", "ElectraConfig", {**BERT, "embedding_size": 8}), {}, logits, "right"),
    "ALBERT": (
        made(f"Albert{CLASSIFY}", "AlbertConfig", {**BERT, "embedding_size": 16, "initializer_range": 0.9}),
        {},
        logits,
        "right",
    ),
    "DeBERTa": (
        made(
            f"DebertaV2{CLASSIFY}",
            "DebertaV2Config",
            {**BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "max_relative_positions": 8},
        ),
        {},
        logits,
        "right",
    ),
    "XLNet": (made(f"XLNet{CLASSIFY}", "XLNetConfig", XLNET), {"side": "left"}, logits, "left"),
    "XLNet, tokenizer on the right": (made(f"XLNet{CLASSIFY}", "XLNetConfig", XLNET), {}, logits, "left"),
    "T5": (made(f"T5{CLASSIFY}", "T5Config", T5), {}, logits, "right"),
    "GPT-2, padding by the configuration": (
        made(f"GPT2{CLASSIFY}", "GPT2Config", {**GPT, "pad_token_id": 5, "eos_token_id": 5, "bos_token_id": 5}),
        {"framed": False, "pad": None},
        logits,
        "right",
    ),
    "GPT-2, next token": (
        made("GPT2LMHeadModel", "GPT2Config", {**GPT, "pad_token_id": 0, "eos_token_id": 5, "bos_token_id": 5}),
        {"framed": False},
        next_token,
        None,  # its places are counted from the left end
    ),
    "Llama, next token": (made("LlamaForCausalLM", "LlamaConfig", LLAMA), {"framed": False}, next_token, "left"),
    "Llama": (made(f"Llama{CLASSIFY}", "LlamaConfig", LLAMA), {"framed": False}, logits, "right"),
}


@pytest.mark.parametrize("name", MODELS)
def test_each_shortened_text_has_the_score_that_it_has_alone(name: str) -> None:
    make, how, scores, side = MODELS[name]
    model, tokens = seeded(make).eval(), tokenizer(**how)
    words = SENTENCE.split()[:6]
    x = Text(" ".join(words), tokens)
    ways = {} if scores is logits else {"scores": scores}
    asked = explain(model, x, "exact_shap", target=1, **ways)
    right = shapley(lambda kept: alone(model, tokens, scores, " ".join(words[n] for n in kept)), 6)
    np.testing.assert_allclose(asked.values, right, atol=1e-5)
    assert np.abs(right).max() > 0.01
    subject = Subject(model, x, **ways)
    keep = np.array([list(row) for row in itertools.product([True, False], repeat=6)])
    subject.hidden(subject.masker(), keep)
    (padding,) = subject.twin.paddings.values()  # what can be padded is, as that takes fewer passes
    assert (padding.side if padding else None) == side


def test_a_model_that_knows_no_padding_gets_one_text_at_a_time() -> None:
    model = seeded(made(f"GPT2{CLASSIFY}", "GPT2Config", {**GPT, "pad_token_id": None, "eos_token_id": 5})).eval()
    tokens = tokenizer(framed=False, pad=None)
    ours = explain(model, Text(SENTENCE, tokens), "leave_one_out", target=1)
    words = SENTENCE.split()
    without = [alone(model, tokens, logits, " ".join(words[:n] + words[n + 1 :])) for n in range(8)]
    np.testing.assert_allclose(ours.values, alone(model, tokens, logits, SENTENCE) - np.array(without), atol=1e-5)
    assert ours.warnings == (
        "the model takes one input at a time: a batch of 4 raises ValueError (Cannot handle batch sizes > 1 if no "
        "padding token is defined.)",
    )


class Reads(nn.Module):
    """Reads a text without a look at the attention mask: by its last step, on average, or by the largest of all."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.emb, self.out = how, nn.Embedding(COUNT, 6), nn.Linear(6, 2)
        self.rnn = {"lstm": nn.LSTM, "gru": nn.GRU}.get(how, nn.GRU)(6, 6, batch_first=True)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        steps = self.emb(input_ids)
        if self.how == "mean":
            return self.out(steps.mean(1))
        if self.how == "max":
            return self.out(steps.amax(1))
        return self.out(self.rnn(steps)[0][:, -1])


@pytest.mark.parametrize("how", ["lstm", "gru", "mean", "max"])
def test_a_model_that_does_not_heed_the_mask_gets_no_padding(how: str) -> None:
    model, tokens = seeded(lambda: Reads(how)).eval(), tokenizer(framed=False)

    def once(text: str) -> dict[str, Any]:
        return {name: row for name, row in tokens(text).items() if name != "token_type_ids"}

    subject, words = Subject(model, Text(SENTENCE, once, mask_token_id=4)), SENTENCE.split()
    keep = np.random.default_rng(0).random((60, 8)) < 0.7
    keep[:, 7] = True
    found = subject.hidden(subject.masker(), keep)
    with torch.no_grad():
        for row, scores in zip(keep, found, strict=True):
            ids = torch.tensor([[WORDS[word] for word, shown in zip(words, row, strict=True) if shown]])
            torch.testing.assert_close(scores, model(ids, torch.ones_like(ids))[0], rtol=1e-5, atol=1e-6)
    assert list(subject.twin.paddings.values()) == [None]


def test_padding_that_one_text_allows_is_tried_anew_for_another_of_the_same_length() -> None:
    model, tokens = seeded(lambda: Reads("max")).eval(), tokenizer(framed=False)
    first, second = "the film is really the film is really", "and i love it a man sleeps outside"
    with torch.no_grad():
        model.emb.weight[:] = -model.emb.weight.abs() - 0.1
        model.emb.weight[0] = 0
        for word in first.split():
            model.emb.weight[WORDS[word]].abs_()  # beside these, padding with zeros is nothing

    texts = [Text(each, tokens) for each in (first, second)]
    shared = twin(model)
    for x in texts:
        subject = Subject(shared, x)
        keep = np.random.default_rng(0).random((60, 8)) < 0.8
        keep[:, 7] = True
        found = subject.hidden(subject.masker(), keep)
        with torch.no_grad():
            for row, scores in zip(keep, found, strict=True):
                left = torch.from_numpy(x.ids[row])[None]
                torch.testing.assert_close(scores, model(left, torch.ones_like(left))[0], rtol=1e-5, atol=1e-6)


class ReadsStrings(nn.Module):
    """Makes its ids itself, as sentence embedders do."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = seeded(lambda: Reads("mean"))

    def forward(self, texts: list[str]) -> Tensor:
        ids = [torch.tensor([[WORDS[word] for word in text.split()] or [4]]) for text in texts]
        return torch.cat([self.inner(row, torch.ones_like(row)) for row in ids])


def test_a_torch_module_gets_the_text_itself_where_there_is_no_tokenizer() -> None:
    model, words = ReadsStrings().eval(), ["the", "film", "is", "good"]
    with torch.no_grad():
        right = shapley(lambda kept: float(model([" ".join(words[n] for n in kept)])[0, 1]), 4)
    text = Text(" ".join(words))
    np.testing.assert_allclose(explain(model, text, "exact_shap", target=1).values, right, atol=1e-6)
    called = explain(model.inner, text, "exact_shap", target=1, forward=lambda _, texts: model(texts))
    np.testing.assert_allclose(called.values, right, atol=1e-6)
    takes_ids = nn.Sequential(nn.Embedding(COUNT, 4), nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(
        RuntimeError, match=r"on the text itself: .*; for a model that takes ids: Text\(text, tokenizer\)"
    ):
        explain(takes_ids, text, "exact_shap", target=1)


# Labels of tokens


def test_an_explained_mask_follows_its_token_when_words_are_removed() -> None:
    model, tokens = seeded(made("BertForMaskedLM", "BertConfig", BERT)).eval(), tokenizer()
    words = ["the", "film", "is", "[MASK]", "and", "good"]
    label = WORDS["really"]

    def right(kept: tuple[int, ...]) -> float:
        left = [words[n] for n in sorted((*(k + (k > 2) for k in kept), 3))]  # the mask itself always stays
        ids = torch.tensor([[2, *(WORDS[word] for word in left), 3]])
        with torch.no_grad():
            return float(model(ids).logits[0, 1 + left.index("[MASK]"), label])

    x = Text(" ".join(words), tokens)
    for method in ("exact_shap", "kernel_shap", "partition_shap", "lime", "leave_one_out"):
        ours = explain(model, x, method, target=(4, label))
        assert ours.names == ("the", "film", "is", "and", "good"), method
        if method in ("exact_shap", "kernel_shap"):
            np.testing.assert_allclose(ours.values, shapley(right, 5), atol=1e-5)
        if method == "leave_one_out":
            without = [right(tuple(k for k in range(5) if k != out)) for out in range(5)]
            np.testing.assert_allclose(ours.values, right((0, 1, 2, 3, 4)) - np.array(without), atol=1e-5)


def test_a_token_by_its_name_alone_is_asked_for_with_a_place_that_works() -> None:
    model, x = seeded(made("BertForMaskedLM", "BertConfig", BERT)).eval(), Text("the film is [MASK]", tokenizer())
    with pytest.raises(TypeError, match=r"score at each of 6 places; say at which, such as target=\(5, 'film'\)"):
        explain(model, x, "leave_one_out", target="film")
    assert explain(model, x, "leave_one_out", target=(4, "film")).target == (4, WORDS["film"])


def test_the_next_word_of_a_language_model_with_scores_at_every_token() -> None:
    model = seeded(made("LlamaForCausalLM", "LlamaConfig", LLAMA)).eval()
    x, words, label = Text(SENTENCE, tokenizer(framed=False)), SENTENCE.split(), WORDS["it"]
    ours = explain(model, x, "leave_one_out", target=(7, label))

    def right(left: list[str]) -> float:
        with torch.no_grad():
            return float(model(torch.tensor([[WORDS[word] for word in left]])).logits[0, -1, label])

    assert ours.names == tuple(words[:7])
    np.testing.assert_allclose(
        ours.values, [right(words) - right(words[:n] + words[n + 1 :]) for n in range(7)], atol=1e-5
    )


@pytest.mark.parametrize("hide", ["remove", "mask token"])
def test_the_score_of_a_token_without_some_words_is_read_where_the_token_stands_then(hide: str) -> None:
    model = seeded(made("LlamaForCausalLM", "LlamaConfig", LLAMA)).eval()
    x, words, label, place = Text(SENTENCE, tokenizer(framed=False)), SENTENCE.split(), WORDS["it"], 5

    def right(left: list[str]) -> float:
        with torch.no_grad():
            return float(model(torch.tensor([[WORDS[word] for word in left]])).logits[0, place - len(words), label])

    left = [words[0], *words[2:4], *words[5:]]
    changed = left if hide == "remove" else [words[0], "[MASK]", *words[2:4], "[MASK]", *words[5:]]
    for target in ((place, label), nx.Region(label, (place,))):
        ours = explain(model, x, "without", target=target, features=(1, 4), hide=hide)
        assert (ours.axes, ours.names) == (("state",), (words[1], words[4]))
        np.testing.assert_allclose(ours.values, [right(words), right(changed)], atol=1e-5)
        assert list(ours.details.values()) == ours.values.tolist()
    falls = explain(model, x, "leave_one_out", target=(place, label), hide=hide).values
    one = explain(model, x, "without", target=(place, label), features=(1,), hide=hide).values
    assert falls[1] == pytest.approx(one[0] - one[1], abs=1e-5)


def test_where_an_answer_begins_is_asked_of_tokens_by_themselves() -> None:
    model = seeded(made("BertForQuestionAnswering", "BertConfig", BERT)).eval()
    tokens, question, context = tokenizer(), "is the film good", "i love the film"

    def start(output: Any) -> Tensor:
        return output.start_logits

    x = Text((question, context), tokens)
    assert x.tokens[6] == "i"
    ours = explain(model, x, "exact_shap", target=6, scores=start)
    both, stays = (*question.split(), *context.split()), 4

    def right(kept: tuple[int, ...]) -> float:
        chosen = sorted((*(k + (k >= stays) for k in kept), stays))
        first = [both[n] for n in chosen if n < 4]
        given = tokens(" ".join(first), " ".join(both[n] for n in chosen if n >= 4))
        with torch.no_grad():
            found = model(**{name: torch.tensor([row]) for name, row in given.items()})
        return float(found.start_logits[0, 2 + len(first)])

    assert ours.names == (*both[:4], *both[5:])
    np.testing.assert_allclose(ours.values, shapley(right, 7), atol=1e-5)
    explorer = nx.TextExplorer(model, x, scores=start, target=6)
    assert explorer.session.wait(60)
    assert explorer.session.classes[6] == "6 “i”"
    assert [answer.error for answer in explorer._answers.values()] == [None]
    explorer.close()


# A text of which nothing is left


def mean_length(texts: list[str]) -> np.ndarray:
    return np.array([sum(map(len, text.split())) / len(text.split()) for text in texts])


@pytest.mark.parametrize("method", ["lime", "kernel_shap", "exact_shap", "partition_shap", "permutation_shap"])
def test_a_model_that_cannot_take_an_empty_text_says_so(method: str) -> None:
    text = Text("the movie is good")
    with pytest.raises(
        ValueError,
        match=r"hide: the model cannot take the text with everything hidden, which the method asks for: on ' +' it "
        r"raised ZeroDivisionError: division by zero\. hide='mask token' leaves 'UNKWORDZ' for each hidden word",
    ):
        explain(mean_length, text, method)
    explain(mean_length, text, method, hide="mask token")


def test_a_text_of_one_sentence_without_it_is_said_to_be_asked_for_by_the_method() -> None:
    text = Text("the movie is good")
    with pytest.raises(ValueError, match=r"with everything hidden, which the method asks for: on ' +' ") as told:
        explain(mean_length, text, "leave_one_out", unit="sentence")
    assert not any(name in str(told.value) for name in ("SHAP", "LIME"))
    explain(mean_length, text, "leave_one_out", unit="sentence", hide="mask token")


def test_it_is_not_blamed_on_the_empty_text_where_it_is_another() -> None:
    def refuses(texts: list[str]) -> np.ndarray:
        if any("good" not in text and "movie" in text for text in texts):
            raise KeyError("good")
        return np.ones(len(texts))

    with pytest.raises(RuntimeError, match=r"the model raised KeyError on \d+ texts, the first of them '.*': 'good'"):
        explain(refuses, Text("the movie is good"), "lime")  # whose first samples are empty ones and others


def test_a_model_that_leaves_empty_texts_out_is_told_which_it_was() -> None:
    def drops(texts: list[str]) -> np.ndarray:
        return np.array([float(len(text)) for text in texts if text.strip()])

    with pytest.raises(ValueError, match=r"with everything hidden, .* on '   ' it raised model: expected a row"):
        explain(drops, Text("the movie is good"), "exact_shap")


def test_a_label_that_comes_first_for_a_changed_text_is_not_blamed_on_the_empty_one() -> None:
    def label(texts: list[str]) -> list[str]:
        return ["pos" if "good" in text else "neg" for text in texts]

    with pytest.raises(ValueError, match=r"the label 'neg', and 'pos' for .*: classes=\['pos', 'neg'\], all") as told:
        explain(label, Text("a good film"), "exact_shap")
    assert "hide:" not in str(told.value)
    ours = explain(label, Text("a good film"), "exact_shap", classes=["neg", "pos"], target="pos")
    np.testing.assert_allclose(ours.values, [0, 1, 0], atol=1e-9)


def test_dicts_that_a_pipeline_returns_are_no_scores_and_it_is_told_what_is() -> None:
    for told in ([{"label": "good", "score": 0.7}], [[{"label": "good", "score": 0.7}]]):
        with pytest.raises(ValueError, match=r"model: it returned dicts of 'label', 'score'; .* itself as the model"):
            explain(lambda texts, told=told: told * len(texts), Text("a good film"), "lime")


def test_a_score_of_an_empty_text_that_is_no_number_is_named() -> None:
    def mean(texts: list[str]) -> np.ndarray:
        return np.array([np.nan if not text.split() else 1.0 for text in texts])

    for method in ("exact_shap", "lime"):
        with pytest.raises(
            ValueError, match=r"scores: \d+ of \d+ .* is NaN or infinite \(those with everything hidden\)"
        ):
            explain(mean, Text("it is"), method)


class Picky(nn.Module):
    """Takes no text without words of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(COUNT, 2)

    def forward(self, input_ids: Tensor, **_: Tensor) -> Tensor:
        if (input_ids < 6).all(1).any():
            raise ValueError("no words")
        return self.emb(input_ids).mean(1)


def test_a_network_that_cannot_take_an_empty_text_says_so() -> None:
    model = seeded(Picky)
    with pytest.raises(
        ValueError, match=r"with everything hidden, .*: on the ids \[2, 3\] it raised ValueError: no wor"
    ):
        explain(model, Text("the film", tokenizer()), "exact_shap")
    explain(model, Text("the film", tokenizer()), "leave_one_out")


# Names of the classes


def test_classes_are_called_as_the_configuration_has_them() -> None:
    named = {**BERT, "id2label": {0: "bad", 1: "good"}, "label2id": {"bad": 0, "good": 1}}
    model, x = seeded(made(f"Bert{CLASSIFY}", "BertConfig", named)).eval(), Text(SENTENCE, tokenizer())
    by_number = explain(model, x, "leave_one_out", target=1)
    assert explain(model, x, "leave_one_out", target="good").values.tolist() == by_number.values.tolist()
    explorer = nx.TextExplorer(model, x, target="good")
    comparison = nx.MethodComparison(model, x, methods=["lime", "leave_one_out"], target="good")
    for each in (explorer, comparison):
        assert each.session.wait(60)
        assert each.session.classes == ("bad", "good")
        assert each.session.selection.target == 1
        each.close()


def counts(texts: list[str]) -> np.ndarray:
    """Columns: signs alone, signs beside the word "good"."""
    signs = [2.0 * text.count(",") + text.count("!") for text in texts]
    return np.array([[sign, 10.0 * ("good" in text) + sign] for sign, text in zip(signs, texts)])


@pytest.mark.parametrize("method", ["exact_shap", "leave_one_out", "lime", "kernel_shap", "partition_shap"])
def test_punctuation_that_carries_the_score_is_named_where_no_word_holds_it(method: str) -> None:
    text = Text("good , film ! really ?")
    said = (
        "“,”, “!”, “?”: never hidden, as no word holds them, and without them the score is 3 lower; unit='token' hides "
        "each sign"
    )
    answer = explain(counts, text, method, target=0)
    assert answer.values == pytest.approx(np.zeros(3), abs=1e-9)
    assert said in answer.warnings
    assert said not in explain(counts, text, method, target=1).warnings  # 3 is little beside 10
    assert said not in explain(counts, text, method, target=0, unit="token").warnings


def test_signs_that_do_not_count_or_are_not_explained_cost_no_note() -> None:
    for text in (Text("good film really"), Text("good , film ! really", explain="really")):
        answer = explain(counts, text, "leave_one_out", target=0)
        assert not [note for note in answer.warnings if "never hidden" in note]
    subject = Subject(counts, Text("good , film"))
    list(ask(subject, "exact_shap", target=0))
    answers = [list(ask(subject, "leave_one_out", target=target))[-1] for target in (0, 1)]
    assert [answer.passes["forward"] for answer in answers] == [0, 0]  # the signs were hidden once, for all classes
    assert "without it the score is 2 lower" in str(answers[0].warnings)


def test_a_model_that_wants_punctuation_is_explained_all_the_same() -> None:
    def model(texts: list[str]) -> np.ndarray:
        if not all(text.strip().endswith(".") for text in texts):
            raise ValueError("no end")
        return np.array([float("good" in text) for text in texts])

    assert explain(model, Text("a good film ."), "exact_shap").values == pytest.approx([0, 1, 0])


@pytest.mark.parametrize("hide", ["remove", "mask token"])
def test_punctuation_among_tokens_is_hidden_as_words_are(hide: str) -> None:
    class Signs(nn.Module):
        """How often the id 7 is there."""

        def forward(self, ids: Tensor) -> Tensor:
            return (ids == 7).float().sum(1, keepdim=True)

    ids = {",": 7, "good": 3, "film": 4}
    text = Text("good , film ,", lambda text: [ids[word] for word in text.split()], mask_token_id=1)
    answer = explain(Signs(), text, "exact_shap", hide=hide)
    assert answer.values == pytest.approx(np.zeros(2), abs=1e-6)
    assert "“,”: never hidden, as no word holds it, and without it the score is 2 lower" in str(answer.warnings)
