"""What Hugging Face's models say of themselves: their labels, what they are for, how long a text they take."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Region, Subject, Text, explain
from nbexplain.core.twin import twin
from tests.core.test_texts import BERT, COUNT, GPT, T5
from tests.core.texts import SENTENCE, tokenizer
from tests.networks import seeded

transformers = pytest.importorskip("transformers")


def several_labels(**more: Any) -> Any:
    config = transformers.BertConfig(**BERT, num_labels=3, problem_type="multi_label_classification", **more)
    return seeded(lambda: transformers.BertForSequenceClassification(config)).eval()


def fewest_crossing(model: Any, tok: Any, label: int) -> set[tuple[int, ...]]:
    """The smallest sets of words without which a label's logit is on the other side of 0."""
    words = SENTENCE.split()

    def positive(without: tuple[int, ...]) -> bool:
        text = " ".join(word for place, word in enumerate(words) if place not in without)
        with torch.no_grad():
            return bool(model(**tok(text, return_tensors="pt")).logits[0, label] >= 0)

    for size in range(1, 4):
        found = {sets for sets in itertools.combinations(range(len(words)), size) if positive(sets) != positive(())}
        if found:
            return found
    raise AssertionError("no set of three words")


@pytest.mark.parametrize("way", ["logits", "pipeline", "raw pipeline", "sigmoid"])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_each_of_several_labels_is_decided_by_itself(way: str, label: int) -> None:
    model, tok = several_labels(), tokenizer()
    with torch.no_grad():
        model.classifier.bias += 0.05 - model(**tok(SENTENCE, return_tensors="pt")).logits[0]  # just above 0
    asked, x, more = model, Text(SENTENCE, tok), {}
    if "pipeline" in way:
        raw = {"function_to_apply": "none"} if way == "raw pipeline" else {}
        asked, x = transformers.pipeline("text-classification", model=model, tokenizer=tok, **raw), Text(SENTENCE)
    if way == "sigmoid":
        more = {"scores": lambda output: output.logits.sigmoid()}
    probability = way in ("pipeline", "sigmoid")
    subject = Subject(asked, x, **more)
    assert subject.independent
    assert (subject.score_name == "probability") == probability
    answer = explain(asked, x, "counterfactual", target=label, **more)
    assert answer.details["boundary"] == (0.5 if probability else 0)
    wanted = fewest_crossing(model, tok, label)
    assert tuple(np.flatnonzero(answer.values[0] == 0).tolist()) in wanted
    assert (float(answer.scores[0, label]) >= answer.details["boundary"]) is False


def test_probabilities_of_labels_that_add_up_to_1_by_chance_are_no_shares() -> None:
    model, tok = several_labels(), tokenizer()
    model.classifier.weight.data.zero_()
    model.classifier.bias.data = torch.tensor([1 / 3] * 3).logit()
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tok)
    assert Subject(pipe, Text(SENTENCE)).independent
    assert not Subject(model, Text(SENTENCE, tok), scores=lambda output: output.logits.softmax(1)).independent


@pytest.mark.parametrize(
    ("labels", "problem", "made", "name"),
    [
        (3, None, None, "probability"),
        (1, None, None, "probability"),
        (1, "regression", None, "prediction"),
        (3, None, "none", "score"),
        (3, "multi_label_classification", "softmax", "probability"),
    ],
)
def test_a_pipelines_scores_are_what_it_makes_of_logits(
    labels: int, problem: str | None, made: str | None, name: str
) -> None:
    config = transformers.BertConfig(**BERT, num_labels=labels, problem_type=problem)
    model = seeded(lambda: transformers.BertForSequenceClassification(config)).eval()
    more = {} if made is None else {"function_to_apply": made}
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer(), **more)
    subject = Subject(pipe, Text(SENTENCE))
    assert (subject.score_name, subject.independent) == (name, False)


def a_pipeline(**more: Any) -> Any:
    config = transformers.BertConfig(**BERT, num_labels=3)
    model = seeded(lambda: transformers.BertForSequenceClassification(config)).eval()
    return transformers.pipeline("text-classification", model=model, tokenizer=tokenizer(), **more)


def test_a_pipeline_that_counts_its_calls_is_not_changed_by_them_but_by_an_optimizer() -> None:
    pipe = a_pipeline()
    known = twin(pipe)
    for _ in range(3):
        Subject(known, Text(SENTENCE), whole=True).scores()
    pipe(SENTENCE)
    assert not known.changed()
    with torch.no_grad():
        pipe.model.classifier.bias += 1
    assert known.changed()


def test_a_pipeline_that_fills_texts_up_and_masks_them_mixes_none() -> None:
    subject = Subject(a_pipeline(batch_size=8), Text(SENTENCE))
    assert subject.takes_batches()
    assert subject.passes["forward"] > 8  # it was tried
    alone = Subject(a_pipeline(), Text(SENTENCE))
    assert alone.takes_batches()
    assert alone.passes["forward"] <= 2  # it runs each text by itself anyway


@pytest.mark.parametrize("second", ["resting", "person resting"])
def test_a_pair_of_which_a_text_is_hidden_stays_a_pair_for_a_pipeline(second: str) -> None:
    pipe, first = a_pipeline(), "a man sleeps"
    tok = tokenizer()
    ids = [*tok(first)["input_ids"], tok.sep_token_id]  # [CLS] a man sleeps [SEP] [SEP]
    with torch.no_grad():
        base = pipe.model(input_ids=torch.tensor([ids])).logits.softmax(1)[0, 1]
    answer = explain(pipe, Text((first, second), explain=1), "exact_shap", target=1)
    assert answer.base == pytest.approx(float(base), abs=1e-6)
    own = pipe({"text": first, "text_pair": " "}, top_k=None)
    assert answer.base == pytest.approx(next(one["score"] for one in own if one["label"] == "LABEL_1"), abs=1e-6)
    said = "the pipeline is asked with text_pair=' '"
    assert said in str(answer.warnings)
    for part in (0, *(["person"] if " " in second else [])):  # some of the second always stays
        assert said not in str(explain(pipe, Text((first, second), explain=part), "leave_one_out", target=1).warnings)


def test_a_pipeline_inside_a_function_is_read_by_the_advised_one() -> None:
    pipe = a_pipeline()

    def model(texts: list[str]) -> Any:
        return pipe(texts, top_k=None)

    with pytest.raises(ValueError, match="it returned dicts of 'label', 'score'") as raised:
        explain(model, Text(SENTENCE), "leave_one_out", target=1)
    written = str(raised.value)[str(raised.value).index("lambda inputs") :].partition(". A text-classification")[0]
    found = explain(eval(written, {"model": model}), Text(SENTENCE), "leave_one_out", target=1)
    right = explain(pipe, Text(SENTENCE), "leave_one_out", target=1)
    np.testing.assert_allclose(found.values, right.values, atol=1e-6)


def test_a_causal_model_is_explained_at_its_last_token_whatever_the_tokenizer_has() -> None:
    tok = tokenizer(framed=False)
    assert tok.mask_token_id is not None
    model = seeded(lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(**GPT))).eval()
    for text in (SENTENCE, "the [MASK] is really good"):
        given = tok(text, return_tensors="pt")
        with torch.no_grad():
            last = model(**given).logits[0, -1]
        answer = explain(model, Text(text, tok), "leave_one_out", hide="mask token")
        assert answer.target == Region(int(last.argmax()), (given["input_ids"].shape[1] - 1,))
        assert answer.score == pytest.approx(float(last.max()), abs=1e-5)


def test_a_model_that_fills_masks_is_explained_at_its_mask() -> None:
    tok = tokenizer()
    model = seeded(lambda: transformers.BertForMaskedLM(transformers.BertConfig(**BERT))).eval()
    answer = explain(model, Text("the [MASK] is really good", tok), "leave_one_out")
    with torch.no_grad():
        at_mask = model(**tok("the [MASK] is really good", return_tensors="pt")).logits[0, 2]
    assert answer.target == Region(int(at_mask.argmax()), (2,))
    with pytest.raises(ValueError, match=r"target: .* the text has no mask token; put '\[MASK\]' where"):
        explain(model, Text(SENTENCE, tok), "leave_one_out")


# Texts that are too long, and decoders


class Own(nn.Module):
    """Adds what stands in a table of places to the tokens; the vocabulary is smaller than that table, or larger."""

    def __init__(self, words: int, places: int) -> None:
        super().__init__()
        self.emb, self.at = nn.Embedding(words, 4), nn.Parameter(torch.randn(1, places, 4))
        self.head = nn.Linear(4, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head((self.emb(ids) + self.at[:, : ids.shape[1]]).mean(1))


BART = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 8}
BART |= {"decoder_attention_heads": 2, "decoder_ffn_dim": 8, "vocab_size": COUNT, "max_position_embeddings": 24}
TAKES = {
    "Bert": (BERT, 24),
    "Roberta": ({**BERT, "pad_token_id": 1}, 22),  # its places count from behind the padding's id
    "DistilBert": ({"dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8, "max_position_embeddings": 24}, 24),
    "GPT2": ({**GPT, "pad_token_id": 0, "eos_token_id": 5, "bos_token_id": 5}, 24),
}


@pytest.mark.parametrize("name", [*TAKES, "few words", "many words"])
def test_a_text_that_is_too_long_is_told_how_much_the_model_takes(name: str) -> None:
    tok, text, forward = tokenizer(), " ".join(["good"] * 40), None
    if name in TAKES:
        options, most = TAKES[name]
        config = getattr(transformers, f"{name}Config")(**{"vocab_size": COUNT, **options})
        model = seeded(lambda: getattr(transformers, f"{name}ForSequenceClassification")(config)).eval()
    else:
        most, forward = 30, lambda model, x: model(x["input_ids"])
        model = seeded(lambda: Own(COUNT if name == "few words" else 38, most)).eval()
    with pytest.raises(ValueError, match=rf"text: it has 42 tokens, and the model takes {most}; Text\(…, max_") as told:
        explain(model, Text(text, tok), "leave_one_out", forward=forward)
    (said,) = re.findall(r"max_length=(\d+)", str(told.value))
    answer = explain(model, Text(text, tok, max_length=int(said)), "leave_one_out", forward=forward)
    assert len(answer.names) == most - 2


@pytest.mark.parametrize("text", ["good " * 40, ("good " * 40, "film")])
def test_a_pipeline_whose_text_is_too_long_is_told_how_it_is_made(text: Any) -> None:
    pipeline, tok, net = transformers.pipeline, tokenizer(), several_labels()
    model = pipeline("text-classification", model=net, tokenizer=tok)
    with pytest.raises(RuntimeError, match="tokens, and the model takes 24: pipeline") as told:
        explain(model, Text(text), "leave_one_out")
    cutting = eval("pipeline(" + str(told.value).partition("pipeline(")[2])
    answer = explain(cutting, Text(text), "leave_one_out", target=1)
    parts = (text,) if isinstance(text, str) else text
    with torch.no_grad():
        cut = net(**tok(*parts, truncation=True, max_length=24, return_tensors="pt")).logits.sigmoid()
    assert answer.score == pytest.approx(float(cut[0, 1]), abs=1e-6)


def test_an_id_that_the_model_has_no_row_for_is_no_length() -> None:
    model = seeded(lambda: Own(COUNT, 64)).eval()
    with pytest.raises(ValueError, match=r"tokenizer: it gives an id, .* Is it this model's own\?"):
        explain(model, Text(SENTENCE, lambda text: [7] * 30 + [COUNT]), "leave_one_out")
    x = Text(SENTENCE, lambda text: [7] * len(text.split()), mask_token_id=COUNT)
    with pytest.raises(ValueError, match=rf"mask_token_id: {COUNT} stands for what is hidden, and the model has"):
        explain(model, x, "leave_one_out", hide="mask token")


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(("name", "options"), [("T5ForConditionalGeneration", T5), ("MarianMTModel", BART)])
def test_a_model_with_a_decoder_is_told_how_it_is_called(name: str, options: Any, masked: bool) -> None:
    kind = name.removesuffix("ForConditionalGeneration").removesuffix("MTModel")
    config = getattr(transformers, f"{kind}Config")(**{**options, "pad_token_id": 0, "decoder_start_token_id": 0})
    model, tok = seeded(lambda: getattr(transformers, name)(config)).eval(), tokenizer()
    x = Text(SENTENCE, tok if masked else lambda text: tok(text)["input_ids"])
    with pytest.raises(TypeError, match="x: the model also wants decoder_input_ids, the beginning of") as told:
        explain(model, x, "leave_one_out")
    forward = eval(str(told.value).partition("forward=")[2])
    answer = explain(model, x, "leave_one_out", forward=forward, target=7)

    def first(text: str) -> float:
        with torch.no_grad():
            said = model(input_ids=tok(text, return_tensors="pt")["input_ids"], decoder_input_ids=torch.tensor([[0]]))
        return float(said.logits[0, 0, 7])

    words = SENTENCE.split()
    right = [first(SENTENCE) - first(" ".join(words[:n] + words[n + 1 :])) for n in range(len(words))]
    np.testing.assert_allclose(answer.values, right, atol=1e-5)
