"""What is said of texts that came in another way than they are taken, with the call that works."""

from __future__ import annotations

import enum
from typing import Any

import pandas as pd
import pytest
import torch

from nbexplain import Session, Text, explain
from tests.core.test_text_models import BERT, seeded
from tests.core.texts import SENTENCE, tokenizer

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def model() -> Any:
    return seeded(lambda: transformers.BertForSequenceClassification(transformers.BertConfig(**BERT))).eval()


def lengths(texts: list[str]) -> list[list[float]]:
    return [[len(text), 1.0] for text in texts]


@pytest.mark.parametrize("given", ["encoding", "lists", "ids", "list"])
def test_ids_in_place_of_a_text(model: Any, given: str) -> None:
    tok = tokenizer()
    encoding = tok(SENTENCE, return_tensors="pt")
    x = {"encoding": encoding, "lists": tok(SENTENCE), "ids": encoding["input_ids"], "list": tok(SENTENCE)["input_ids"]}
    with pytest.raises((TypeError, ValueError), match=r"Text\(text, tokenizer\) with the text itself"):
        explain(model, x[given], "leave_one_out")


def test_a_gradient_of_a_model_that_reads_texts() -> None:
    with pytest.raises(ValueError, match=r"none goes through a model that reads the text itself; .* 'leave_one_out'"):
        explain(lengths, Text(SENTENCE), "gradient")


def test_a_method_that_comes_too_early(model: Any) -> None:
    x = Text(SENTENCE, tokenizer())
    for given in (("lime", model, x), (model, "lime", x)):
        with pytest.raises(TypeError, match=r"the order is explain\(model, x, 'lime'\)"):
            explain(*given)  # type: ignore[arg-type]


def test_a_tokenizer_that_does_not_know_a_word() -> None:
    known = {"the": 0, "good": 1}
    with pytest.raises(ValueError, match=r"tokenizer: it raised KeyError on the text 'the bad': 'bad'; .*get"):
        Text("the bad", lambda text: [known[word] for word in text.split()])


def test_several_texts() -> None:
    texts = pd.Series([SENTENCE, "a good film"])
    with pytest.raises(TypeError, match=r"texts are explained one by one, .*an explorer takes several: ") as told:
        explain(lengths, texts, "lime")
    made = eval(str(told.value).rpartition("several: ")[2], {"Text": Text, "x": texts})
    session = Session(lengths, made)
    assert [session.inputs[number].text for number in range(2)] == list(texts)


def test_names_of_classes_in_other_wrappings() -> None:
    class Feeling(enum.Enum):
        BAD = 0
        GOOD = 1

    def names(classes: Any) -> Any:
        return Session(lengths, Text(SENTENCE), classes=classes).classes

    assert tuple(names(pd.CategoricalDtype(["bad", "good"]))) == ("bad", "good")
    assert tuple(names(pd.Categorical(["good", "bad", "bad"], categories=["bad", "good"]))) == ("bad", "good")
    assert tuple(names(Feeling)) == tuple(names(list(Feeling))) == ("BAD", "GOOD")
    assert tuple(names([1, torch.float32])) == ("1", "torch.float32")
    with pytest.raises(TypeError, match="classes: expected names, got <object object"):
        names([object(), object()])


def test_a_text_that_a_pipeline_cuts_is_said_to_be(model: Any) -> None:
    cutting = transformers.pipeline(
        "text-classification", model=model, tokenizer=tokenizer(), truncation=True, max_length=8
    )
    warnings = explain(cutting, Text(SENTENCE), "leave_one_out").warnings
    assert any(w.startswith("the text has 10 tokens and the pipeline cuts it to 8: what it cuts off") for w in warnings)
    assert not any("cuts" in w for w in explain(cutting, Text("the film is good"), "leave_one_out").warnings)


def test_a_pipeline_without_examples_is_told_how_its_model_is_asked_of_a_label() -> None:
    names = {0: "contradiction", 1: "neutral", 2: "ENTAILMENT"}
    options = {**BERT, "id2label": names, "label2id": {name: number for number, name in names.items()}}
    model = seeded(lambda: transformers.BertForSequenceClassification(transformers.BertConfig(**options))).eval()
    tok, text = tokenizer(types=True), "the film is really good"
    pipe = transformers.pipeline("zero-shot-classification", model=model, tokenizer=tok)
    with pytest.raises(TypeError, match="whether a text entails each label; for one: ") as told:
        explain(pipe, Text(text), "leave_one_out")
    call = str(told.value).partition("for one: ")[2].partition(", with the label")[0]
    call = call.replace("This example is ….", "This example is good.").replace("…", "'leave_one_out'")
    answer = eval(call, {"explain": explain, "Text": Text, "pipe": pipe, "text": text})
    with torch.no_grad():
        logits = model(**tok(text, "This example is good.", return_tensors="pt")).logits[0]
    assert answer.score == pytest.approx(float(logits[2]), abs=1e-5)
    assert answer.names == tuple(text.split())


def test_a_pipeline_of_embeddings_is_told_that_they_are_no_scores(model: Any) -> None:
    pipe = transformers.pipeline("feature-extraction", model=model.bert, tokenizer=tokenizer())
    with pytest.raises(TypeError, match="no scores of classes; say which is to be explained: ") as told:
        explain(pipe, Text(SENTENCE), "leave_one_out")
    call = (
        str(told.value).partition("explained: ")[2].partition(", or take")[0].replace("…", "'leave_one_out', target=3")
    )
    answer = eval(call, {"explain": explain, "Text": Text, "pipe": pipe, "text": SENTENCE})
    assert answer.score == pytest.approx(pipe(SENTENCE)[0][0][3], abs=1e-5)
