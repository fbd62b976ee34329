"""What callables of texts return: what cannot be read is refused with the function that can be, which is run."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import re
from collections.abc import Callable
from typing import Any

import numpy
import pandas
import polars
import pytest
import torch
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from nbexplain import explain
from nbexplain.core.model.estimator_answers import as_array
from nbexplain.inputs import Tabular, Text

WORDS = ["the", "film", "is", "really", "not", "good"]
TEXT = " ".join(WORDS)


def score(text: str) -> float:
    """Words have a weight each, which is lower the later the word comes first."""
    found = re.findall(r"\w+", text.lower())
    return float(sum(0.5**place for place, word in enumerate(WORDS) if word in found))


def effects(of: Callable[[float], float] = lambda score: score) -> list[float]:
    left = [score(" ".join(word for word in WORDS if word != gone)) for gone in WORDS]
    return [of(score(TEXT)) - of(part) for part in left]


class Doc:
    def __init__(self, text: str) -> None:
        self.cats = {"neg": -score(text), "pos": score(text)}


class Fast:
    """Labels and probabilities, the likeliest first, as fastText returns them."""

    def predict(self, texts: list[str], k: int = 1) -> tuple[list[list[str]], Any]:
        found = [sorted({"neg": -score(one), "pos": score(one)}.items(), key=lambda item: -item[1]) for one in texts]
        k = k if k > 0 else 2
        labels = [[label for label, _ in one[:k]] for one in found]
        return labels, numpy.array([[share for _, share in one[:k]] for one in found])


class OfOne:
    def predict_proba(self, text: str) -> list[float]:
        return [-score(text.lower()), score(text)]


def labelled(text: str) -> list[dict[str, Any]]:
    both = [{"label": "neg", "score": -score(text)}, {"label": "pos", "score": score(text)}]
    return both if "good" in text else both[::-1]


async def later(texts: list[str]) -> list[float]:
    await asyncio.sleep(0)
    return [score(text) for text in texts]


def lower(text: str) -> str:
    return text.lower()  # which a list has not


class Named:
    """A model whose tokens were made of a frame of one column."""

    def __init__(self) -> None:
        texts = pandas.DataFrame({"review": [TEXT, "the film is good", "not", "really not good", "film"]})
        made = ColumnTransformer([("words", CountVectorizer(), "review")])
        self.model = make_pipeline(made, LogisticRegression()).fit(texts, [1, 1, 0, 0, 1])


def table(texts: list[str]) -> Any:
    return numpy.array([[-score(text), score(text)] for text in texts])


CASES: dict[str, tuple[Any, str | int | None]] = {
    # asked for one text
    "a list": (lambda text: [-score(lower(text)), score(text)], 1),
    "a dict": (lambda text: {"neg": -score(lower(text)), "pos": score(text)}, 1),
    "a row": (lambda text: numpy.array([[-score(lower(text)), score(text)]]), 1),
    "a tensor": (lambda text: torch.tensor([-score(lower(text)), score(text)], requires_grad=True), 1),
    "a row in a tensor": (lambda text: torch.tensor([[-score(lower(text)), score(text)]]), 1),
    "a number in a tensor": (lambda text: torch.tensor(score(lower(text))), None),
    "a document": (lambda text: Doc(lower(text)), 1),
    "labels of one": (lambda text: labelled(lower(text)), 1),
    "a list of labels of one": (lambda text: [labelled(lower(text))], 1),
    "scores and a text": (lambda text: {"pos": score(lower(text)), "version": "1"}, None),
    "the first label of one": (lambda text: [{"label": "pos", "score": score(lower(text))}], None),
    "a method": (OfOne(), 1),
    "a row and more": (lambda text: ([-score(lower(text)), score(text)], {"seconds": 1}), 1),
    "a label and a number": (lambda text: ("pos", score(lower(text))), None),
    "a label and a number in a list": (lambda text: ["pos", score(lower(text))], None),
    "a list of a label and a number": (lambda text: [(score(lower(text)), "pos")], None),
    "the text and a number": (lambda text: (text, score(lower(text))), None),
    "a number and its reason": (lambda text: (score(lower(text)), f"because of {text}"), None),
    "a label and a row": (lambda text: ("pos", 1, torch.tensor([-score(lower(text)), score(text)])), 1),
    "a label and a dict": (lambda text: ("pos", {"neg": -score(lower(text)), "pos": score(text)}), 1),
    "labels with numbers": (lambda text: sorted({"neg": -score(lower(text)), "pos": score(text)}.items()), 1),
    "a dict of what is read as one text": (lambda text: {"neg": -score(str(text)), "pos": score(str(text))}, 1),
    "a label and a row of what is read as one text": (lambda text: ("pos", [-score(str(text)), score(str(text))]), 1),
    "labels of what is read as one text": (lambda text: labelled(str(text)), 1),
    "a list of labels of what is read as one text": (lambda text: [labelled(str(text))], 1),
    "a label and a dict of what is read as one text": (lambda text: ("pos", {"pos": score(str(text))}), None),
    "a list of a label and a number of what is read as one text": (lambda text: [("pos", score(str(text)))], None),
    "a number of one that has words": (lambda text: sum(0.5**n * (word in text) for n, word in enumerate(WORDS)), None),
    "numbers of one that has words": (lambda text: [0.0, sum(0.5**n * (w in text) for n, w in enumerate(WORDS))], 1),
    # asked for a list of one text
    "a sum": (lambda texts: sum(map(score, texts)), None),
    "the first of them": (lambda texts: [-score(texts[0]), score(texts[0])], 1),
    "all of them as one": (lambda texts: numpy.squeeze([score(text) for text in texts]), None),
    # asked for a list of texts
    "dicts": (lambda texts: [{"neg": -score(text), "pos": score(text)} for text in texts], 1),
    "labels": (lambda texts: [labelled(text) for text in texts], 1),
    "first labels": (lambda texts: [{"label": "pos", "score": score(text)} for text in texts], None),
    "lists of labels with quotes": (lambda texts: [[('said "it\'s"', score(text))] for text in texts], None),
    "lists of first labels": (lambda texts: [[{"label": "pos", "score": score(text)}] for text in texts], None),
    "labels and numbers": (lambda texts: [("pos", score(text)) for text in texts], None),
    "documents": (lambda texts: [Doc(text) for text in texts], 1),
    "a dict of lists": (lambda texts: {"neg": [-score(t) for t in texts], "pos": [score(t) for t in texts]}, 1),
    "a dict with labels": (lambda texts: {"label": ["a" for _ in texts], "score": [score(t) for t in texts]}, None),
    "labels, scores and all of them": (lambda ts: (["a" for _ in ts], [score(t) for t in ts], table(ts)), 1),
    "a dict of labels, scores and all": (
        lambda ts: {"a": ["a" for _ in ts], "p": table(ts)[:, 1], "all": table(ts)},
        1,
    ),
    "texts and numbers": (lambda texts: (texts, [score(text) for text in texts]), None),
    "a dict of texts and numbers": (lambda texts: {"text": texts, "n": [score(text) for text in texts]}, None),
    "a label and all numbers by name": (lambda ts: [{"a": "pos", "neg": -score(t), "pos": score(t)} for t in ts], 1),
    "a frame of all and a label": (lambda ts: pandas.DataFrame(table(ts), columns=["a", "b"]).assign(c="b"), 1),
    "a structured array": (lambda ts: numpy.rec.fromarrays(table(ts).T, names="neg,pos"), 1),
    "scores and labels": (lambda texts: (table(texts), ["a" for _ in texts]), 1),
    "labels and scores": (lambda texts: (["a" for _ in texts], table(texts)), 1),
    "scores and a dict": (lambda texts: (table(texts), {"seconds": 1}), 1),
    "a tensor and more": (lambda texts: (torch.tensor(table(texts)), {"seconds": 1}), 1),
    "columns": (lambda texts: table(texts).T, 1),
    "an axis more": (lambda texts: table(texts)[:, None], 1),
    "later": (later, None),
    "fastText": (Fast(), 1),
    # asked for something else than a list
    "an array": (lambda texts: numpy.array([score(text) for text in texts.astype(str).ravel()]), None),
    "a series": (lambda texts: texts.str.lower().map(score), None),
    "a column": (lambda frame: frame["review"].map(score).to_numpy(), None),
}


def advised(error: BaseException, model: Any) -> Any:
    """The function that an error tells, as it is printed."""
    written = str(error)[str(error).index("lambda inputs") :].partition(". A text-classification")[0]
    return eval(written, {"model": model, "numpy": numpy, "pandas": pandas})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES)
def test_the_advised_function_is_explained(case: str) -> None:
    model, target = CASES[case]
    method = "leave_one_out" if case != "columns" else "exact_shap"
    with pytest.raises((ValueError, TypeError, RuntimeError)) as raised:
        explain(model, Text(TEXT), method, target=target)
    said = str(raised.value)
    assert ": lambda inputs" in said or " lambda inputs" in said, said
    written = said[said.index("lambda inputs") :].partition(". A text-classification")[0]
    names = {"model": model, "numpy": numpy, "pandas": pandas, "asyncio": asyncio, "concurrent": concurrent}
    found = explain(eval(written, names), Text(TEXT), "leave_one_out", target=target)
    numpy.testing.assert_allclose(found.values, effects(), atol=1e-6)


def test_letters_are_counted_in_each_text() -> None:
    def model(text: str) -> float:  # of a list it counts the items: none is a letter
        return float(text.count("o"))

    with pytest.raises(ValueError, match=r"one at a time: lambda inputs: numpy.stack\(\[model\(one\) for") as raised:
        explain(model, Text(TEXT), "leave_one_out")
    written = str(raised.value).partition("one at a time: ")[2]
    found = explain(eval(written, {"model": model, "numpy": numpy}), Text(TEXT), "leave_one_out")
    numpy.testing.assert_array_equal(found.values, [0, 0, 0, 0, 1, 2])


def test_a_label_of_one_text_is_asked_for_each() -> None:
    def model(text: str) -> str:
        return "pos" if "good" in text.lower() else "neg"

    with pytest.raises(RuntimeError, match=r"answers when it is asked as in lambda inputs: \[model\(one\) for one in"):
        explain(model, Text(TEXT), "leave_one_out")


def test_a_label_that_no_longer_wins_has_the_score_0() -> None:
    def model(texts: list[str]) -> list[dict[str, Any]]:
        return [{"label": "pos", "score": 0.75} if "good" in text else {"label": "neg", "score": 0.5} for text in texts]

    with pytest.raises(ValueError, match="the score of 'pos', 0 where another label wins") as raised:
        explain(model, Text(TEXT), "leave_one_out")
    written = str(raised.value)[str(raised.value).index("lambda inputs") :].partition(". A text-classification")[0]
    found = explain(eval(written, {"model": model}), Text(TEXT), "leave_one_out")
    numpy.testing.assert_array_equal(found.values, [0, 0, 0, 0, 0, 0.75])


def test_a_label_beside_its_score_has_the_score_0_where_another_wins() -> None:
    def model(text: str) -> tuple[str, float]:
        return ("pos", 0.75) if "good" in lower(text) else ("neg", 0.5)

    with pytest.raises(RuntimeError, match="the score of 'pos', 0 where another label wins: ") as raised:
        explain(model, Text(TEXT), "leave_one_out")
    found = explain(eval(str(raised.value).partition("wins: ")[2], {"model": model}), Text(TEXT), "leave_one_out")
    numpy.testing.assert_array_equal(found.values, [0, 0, 0, 0, 0, 0.75])


def halves(text: str, k: int) -> tuple[tuple[str, ...], Any]:
    """The likeliest of two labels and their probabilities; "neg" is the likelier one without the first word."""
    found = sorted({"neg": 1 - score(text) / 2, "pos": score(text) / 2}.items(), key=lambda item: -item[1])[:k]
    return tuple(label for label, _ in found), numpy.array([share for _, share in found])


HALVES: dict[str, tuple[Any, int, str]] = {
    "of one": (lambda text: halves(lower(text), 1), 1, "'pos', 0 where another label wins"),
    "of one, both": (lambda text: halves(lower(text), 2), 2, "these labels, 0 where one is not told"),
    "of one, numbers first": (lambda text: halves(lower(text), 2)[::-1], 2, "these labels, 0 where one is not told"),
    "of one, and more": (lambda text: (*halves(lower(text), 2), {}), 2, "these labels, 0 where one is not told"),
    "of what is read as one": (lambda text: halves(str(text), 1), 1, "'pos', 0 where another label wins"),
    "of each": (lambda texts: tuple(zip(*[halves(one, 1) for one in texts])), 1, "'pos', 0 where another label wins"),
    "of each, both": (lambda texts: tuple(zip(*[halves(one, 2) for one in texts])), 2, "these labels, 0 where one"),
}


@pytest.mark.parametrize("case", HALVES)
def test_labels_beside_their_numbers_are_read_by_label(case: str) -> None:
    model, count, note = HALVES[case]
    with pytest.raises((RuntimeError, ValueError), match=f"the scores? of {note}") as raised:
        explain(model, Text(TEXT), "leave_one_out")
    written = str(raised.value)[str(raised.value).index("lambda inputs") :]
    found = explain(eval(written, {"model": model}), Text(TEXT), "leave_one_out", target=1 if count == 2 else None)
    wanted = effects(lambda score: score / 2 if count == 2 or score > 1 else 0)
    numpy.testing.assert_allclose(found.values, wanted, atol=1e-6)


def firsts(texts: list[str]) -> tuple[list[str], list[float]]:
    """The likeliest of two labels of each text, and its probability."""
    found = [halves(text, 1) for text in texts]
    return [labels[0] for labels, _ in found], [float(shares[0]) for _, shares in found]


FIRSTS: dict[str, Callable[[Any], Any]] = {
    "in a tuple": firsts,
    "in a tuple, numbers first": lambda texts: firsts(texts)[::-1],
    "in a tuple of arrays": lambda texts: tuple(map(numpy.array, firsts(texts))),
    "in a tuple, numbers in a tensor": lambda ts: (firsts(ts)[0], torch.tensor(firsts(ts)[1], requires_grad=True)),
    "in a tuple with more": lambda texts: (*firsts(texts), {"seconds": 1}),
    "in a list": lambda texts: list(firsts(texts)),
    "in a dict": lambda texts: dict(zip(("label", "score"), firsts(texts))),
    "in a dict of other names": lambda texts: dict(zip(("sentiment", "share"), map(numpy.array, firsts(texts)))),
    "in a dict with more": lambda ts: {**dict(zip(("text", "label", "score"), (ts, *firsts(ts)))), "version": 1},
    "in a dict of each": lambda texts: [{"sentiment": a, "share": p} for a, p in zip(*firsts(texts))],
    "in a dict of one": lambda text: dict(zip(("sentiment", "share"), (part[0] for part in firsts([lower(text)])))),
    "beside each text": lambda texts: list(zip(texts, *firsts(texts))),
    "beside one text": lambda text: (lower(text), *(part[0] for part in firsts([text]))),
    "in a dict beside each text": lambda ts: [{"t": t, "a": a, "b": p, "n": 3} for t, a, p in zip(ts, *firsts(ts))],
    "in a frame": lambda texts: pandas.DataFrame(dict(zip(("label", "score"), firsts(texts)))),
    "in a frame of polars": lambda texts: polars.DataFrame(dict(zip(("label", "score"), firsts(texts)))),
    "in a structured array": lambda texts: numpy.rec.fromarrays(firsts(texts), names="label,score"),
    "in an array of objects": lambda texts: numpy.array(list(zip(*firsts(texts))), dtype=object),
    "in an array of strings": lambda texts: numpy.array(list(zip(*firsts(texts)))),
}


@pytest.mark.parametrize("case", FIRSTS)
def test_a_number_beside_a_label_is_that_of_the_label(case: str) -> None:
    model = FIRSTS[case]
    with pytest.raises((RuntimeError, ValueError), match="the score of 'pos', 0 where another label wins") as raised:
        explain(model, Text(TEXT), "leave_one_out")
    found = explain(advised(raised.value, model), Text(TEXT), "leave_one_out")
    numpy.testing.assert_allclose(found.values, effects(lambda score: score / 2 if score > 1 else 0), atol=1e-6)


def test_of_one_word_it_is_not_known_whether_a_string_is_a_label() -> None:
    def model(texts: list[str]) -> list[tuple[str, float]]:  # of the word twice it tells another
        return [("ab"[len(text.split()) % 2], score(text)) for text in texts]

    with pytest.raises(ValueError, match="expected numbers, got strings such as 'b'") as raised:
        explain(model, Text("good"), "leave_one_out")
    assert "lambda" not in str(raised.value)


def test_whole_numbers_that_are_called_labels_are_no_scores() -> None:
    def model(texts: list[str]) -> dict[str, Any]:
        labels, shares = firsts(texts)
        return {"label": numpy.array([label == "pos" for label in labels]).astype(int), "score": shares}

    with pytest.raises(ValueError, match="the score of 1, 0 where another label wins") as raised:
        explain(model, Text(TEXT), "leave_one_out")
    found = explain(advised(raised.value, model), Text(TEXT), "leave_one_out")
    numpy.testing.assert_allclose(found.values, effects(lambda score: score / 2 if score > 1 else 0), atol=1e-6)


def thirds(text: str) -> list[tuple[str, float]]:
    """The scores of three labels, the highest first; "pos" is the last of them without the first word."""
    return sorted({"neg": 0.3, "neu": 0.24625, "pos": score(text) / 4}.items(), key=lambda item: -item[1])


def dicts(pairs: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"label": label, "score": share} for label, share in pairs]


def zero_shot(pairs: list[tuple[str, float]], text: str) -> dict[str, Any]:
    labels, shares = zip(*pairs)
    return {"sequence": text, "labels": list(labels), "scores": list(shares)}


SEVERAL: dict[str, Callable[[int], Callable[[Any], Any]]] = {  # of so many labels that are told
    "pairs": lambda k: lambda texts: [thirds(text)[:k] for text in texts],
    "pairs, numbers first": lambda k: lambda texts: [[one[::-1] for one in thirds(text)[:k]] for text in texts],
    "pairs of one": lambda k: lambda text: thirds(lower(text))[:k],
    "dicts": lambda k: lambda texts: [dicts(thirds(text)[:k]) for text in texts],
    "dicts of one": lambda k: lambda text: dicts(thirds(lower(text))[:k]),
    "a dict": lambda k: lambda texts: [dict(thirds(text)[:k]) for text in texts],
    "a dict of one": lambda k: lambda text: dict(thirds(lower(text))[:k]),
    "rows": lambda k: lambda texts: tuple(zip(*[tuple(zip(*thirds(text)[:k])) for text in texts])),
    "rows of each": lambda k: lambda texts: [tuple(zip(*thirds(text)[:k])) for text in texts],
    "zero-shot dicts": lambda k: lambda texts: [zero_shot(thirds(text)[:k], text) for text in texts],
    "a zero-shot dict": lambda k: lambda text: zero_shot(thirds(lower(text))[:k], text),
}


@pytest.mark.parametrize("told", [2, 3])
@pytest.mark.parametrize("case", SEVERAL)
def test_labels_come_and_go(case: str, told: int) -> None:
    model = SEVERAL[case](told)
    with pytest.raises((RuntimeError, ValueError), match="these labels, 0 where one is not told") as raised:
        explain(model, Text(TEXT), "leave_one_out")
    found = explain(advised(raised.value, model), Text(TEXT), "leave_one_out", target=2)  # of neg, neu, pos
    wanted = effects(lambda score: score / 4 if told == 3 or score / 4 > 0.24625 else 0)
    numpy.testing.assert_allclose(found.values, wanted, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("kind", [tuple, list])
def test_a_list_of_labels_and_one_of_numbers_are_told_from_rows(kind: Any, count: int) -> None:
    said = kind([["pos", "neg", "pos"][:count], [0.9, 0.8, 0.7][:count]])
    with pytest.raises(ValueError, match=r"for said in zip\(\*model\(inputs\)\)\]$") as raised:
        as_array(said, count)
    found = numpy.reshape(advised(raised.value, lambda inputs: said)(None), (count, -1))
    wanted = [[0.0, 0.9], [0.8, 0.0], [0.0, 0.7]][:count]  # of neg and pos
    numpy.testing.assert_array_equal(found, wanted if count > 1 else [[0.9]])


@pytest.mark.parametrize("case", ["parts", "pairs", "dicts", "frame"])
def test_labels_of_rows_are_written_as_python_writes_them(case: str) -> None:
    names, rows = numpy.array(["low", "high"]), numpy.arange(20.0)[:, None] / 20

    def firsts(rows: Any) -> tuple[Any, Any]:
        return names[(rows[:, 0] > 0.5).astype(int)], numpy.maximum(rows[:, 0], 1 - rows[:, 0])

    made: dict[str, Callable[[Any], Any]] = {
        "parts": firsts,
        "pairs": lambda rows: list(zip(*firsts(rows))),
        "dicts": lambda rows: [{"label": label, "score": share} for label, share in zip(*firsts(rows))],
        "frame": lambda rows: pandas.DataFrame(dict(zip(("label", "score"), firsts(rows)))),
    }
    x = Tabular(rows[14], rows)
    with pytest.raises(ValueError, match="the score of 'high', 0 where another label wins") as raised:
        explain(made[case], x, "exact_shap", background=20)
    found = explain(advised(raised.value, made[case]), x, "exact_shap", background=20)
    assert found.values[0] == pytest.approx(0.7 - sum(row for row in rows[:, 0] if row > 0.5) / 20)


def test_words_beside_their_weights_are_no_labels() -> None:
    def model(text: str) -> tuple[list[str], list[float]]:
        return lower(text).split(), [float(len(word)) for word in text.split()]

    with pytest.raises(RuntimeError, match=r"has no attribute 'lower'$"):
        explain(model, Text(TEXT), "leave_one_out")


@pytest.mark.parametrize(
    "model",
    [
        lambda text: ("pos", score(lower(text)), 0.01),  # which of them is its score is not known
        lambda text: ("ab"[len(text) == len(TEXT)], score(lower(text))),  # nor whether this is a label
        lambda text: {"sentiment": "pos", "n": score(lower(text)), "seconds": 0.01},
        lambda text: ("pos", "film", score(lower(text))),
    ],
)
def test_of_a_label_and_numbers_that_cannot_be_told_apart_none_is_advised(model: Any) -> None:
    with pytest.raises(RuntimeError, match=r"has no attribute 'lower'$"):
        explain(model, Text(TEXT), "leave_one_out")


def test_as_many_parts_as_texts_were_tried_are_no_rows() -> None:
    with pytest.raises(ValueError, match=r"for each of 1 inputs, got object \(3,\)") as raised:
        explain(lambda text: ("pos", score(str(text)), 0.01), Text(TEXT), "leave_one_out")
    assert "lambda" not in str(raised.value)


def test_what_an_async_function_raises_is_said() -> None:
    async def fails(texts: list[str]) -> list[float]:
        raise KeyError("its own")

    with pytest.raises(ValueError, match="it is an async function, which raised KeyError: 'its own'; give one that"):
        explain(fails, Text(TEXT), "leave_one_out")


def test_rows_of_several_lengths_are_not_said_to_be_raised_by_the_model() -> None:
    with pytest.raises(ValueError, match=r"^model: expected a row of numbers for each of 1 inputs, got a list of lis"):
        explain(lambda texts: [[[1.0], [2.0, 3.0]] for _ in texts], Text(TEXT), "leave_one_out")


def test_a_classifier_that_wants_a_frame_is_told_its_column() -> None:
    model = Named().model
    with pytest.raises(RuntimeError) as raised:
        explain(model, Text(TEXT), "leave_one_out", target=1)
    written = str(raised.value).partition("asked as in ")[2]
    assert "pandas.DataFrame({'review': inputs})" in written
    found = explain(eval(written, {"model": model, "pandas": pandas}), Text(TEXT), "leave_one_out", target=1)
    whole, left = (model.predict_proba(pandas.DataFrame({"review": [one]}))[0, 1] for one in (TEXT, TEXT[4:]))
    assert found.values[0] == pytest.approx(whole - left)


def test_a_classifier_without_its_vectorizer_is_told_so() -> None:
    texts = [TEXT, "the film is good", "not", "really not good"]
    vectorizer = CountVectorizer().fit(texts)
    model = LogisticRegression().fit(vectorizer.transform(texts), [1, 1, 0, 0])
    with pytest.raises(RuntimeError, match=r"make_pipeline\(vectorizer, model\)"):
        explain(model, Text(TEXT), "leave_one_out", target=1)
    explain(make_pipeline(vectorizer, model), Text(TEXT), "leave_one_out", target=1)


def test_objects_that_are_no_labels_are_named() -> None:
    with pytest.raises(ValueError, match=r"got a list of set, which are neither numbers nor labels"):
        explain(lambda texts: [{1.0} for _ in texts], Text(TEXT), "leave_one_out")


class Answer:
    def __init__(self, number: float) -> None:
        self.score = number


def test_objects_that_are_others_each_time_are_no_labels() -> None:
    rows = numpy.random.default_rng(0).normal(size=(20, 3))
    for model, x in (
        (lambda texts: [Answer(score(text)) for text in texts], Text(TEXT)),
        (lambda rows: [Answer(row[0]) for row in rows], Tabular(rows[0], rows)),
    ):
        with pytest.raises(ValueError, match=r"got a list of Answer, which are neither numbers nor labels") as raised:
            explain(model, x, "leave_one_out")
        assert "classes=" not in str(raised.value)


def polarity(text: str) -> float:
    return 0.3 * ("good" in text) + 0.1 * text.count("the") - 0.8 * ("not" in text) + 0.01


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        (lambda share: f"{share:.2%}", "[float(said.rstrip('%')) for said in …]"),
        (
            lambda share: json.dumps({"neg": 1 - share, "pos": share}),
            "[[json.loads(said).get(name, 0.0) for name in ('neg', 'pos',)] for said in …]",
        ),
        (lambda share: f"{'pos' if share > 0.5 else 'neg'}: {share:.3f}", "the numbers"),
    ],
)
def test_strings_that_hold_numbers_are_no_labels(written: Any, advice: str) -> None:
    rows = numpy.random.default_rng(0).normal(size=(20, 3))
    models: list[tuple[Any, Any]] = [
        (lambda texts: [written(0.5 + polarity(text) / 2) for text in texts], Text("the film is not really good")),
        (lambda rows: [written(1 / (1 + numpy.exp(-row[0]))) for row in rows], Tabular(rows[0], rows)),
    ]
    for model, x in models:
        with pytest.raises(ValueError, match="it returned strings that hold numbers, such as ") as raised:
            explain(model, x, "leave_one_out")
        told = str(raised.value).partition("let it return ")[2]
        assert told == f"{advice}, or, if they are labels of classes, say which there are: classes=[…], all of them"


def test_few_labels_that_hold_numbers_are_labels_where_one_is_new() -> None:
    sizes = numpy.array(["size 3.5", "size 4.5", "size 5.5"])
    rows = numpy.repeat([[0.0, 0.0], [1.0, 1.0]], 20, axis=0)  # mixed rows have a size that none of them has

    def shoe(rows: numpy.ndarray) -> numpy.ndarray:
        return sizes[numpy.asarray(rows).sum(1).astype(int)]

    with pytest.raises(ValueError, match=r"the label 'size 4.5', which it did for none of the rows.* or classes="):
        explain(shoe, Tabular(rows[0], rows), "exact_shap", target=0)
    found = explain(shoe, Tabular(rows[0], rows), "exact_shap", target=0, classes=list(sizes))
    numpy.testing.assert_allclose(found.values, [0.25, 0.25], atol=1e-12)


def test_ranges_and_stars_stay_labels() -> None:
    rows = numpy.random.default_rng(0).normal(size=(30, 2))
    edges = numpy.linspace(-2, 2, 41)
    for form in ("({:.1f}, {:.1f}]", "{:.1f}-{:.1f}", "{:.1f} to {:.1f}"):

        def model(rows: numpy.ndarray, form: str = form) -> list[str]:
            places = numpy.clip(numpy.searchsorted(edges, rows[:, 0]), 1, 40)
            return [form.format(edges[place - 1], edges[place]) for place in places]

        assert explain(model, Tabular(rows[0], rows), "exact_shap").score == 1

    def stars(rows: numpy.ndarray) -> list[str]:
        return [f"{round(2 * row[0]) / 2:.1f} stars" for row in rows]

    assert explain(stars, Tabular(rows[0], rows), "exact_shap").score == 1


def test_a_number_that_falls_below_0_is_not_the_probability_of_the_label_beside_it() -> None:
    text = "the film is not really good"

    def dicts(texts: list[str]) -> list[dict[str, Any]]:
        return [{"sentiment": "neg" if polarity(one) < 0 else "pos", "degree": polarity(one)} for one in texts]

    def tuples(texts: list[str]) -> list[tuple[Any, ...]]:
        return [tuple(one.values()) for one in dicts(texts)]

    for model in (dicts, tuples):
        with pytest.raises(ValueError, match="the number by itself, which is no probability") as raised:
            explain(model, Text(text), "leave_one_out")
        found = explain(advised(raised.value, model), Text(text), "leave_one_out")
        added = [0.1, 0.0, 0.0, -0.8, 0.0, 0.3]  # what each word adds
        numpy.testing.assert_allclose(found.values, added, atol=1e-6)


def test_a_polarity_above_0_is_no_probability_either() -> None:
    def model(rows: numpy.ndarray) -> list[dict[str, Any]]:
        return [{"sentiment": "neg" if row[0] < 0 else "pos", "polarity": row[0]} for row in rows]

    rows = numpy.array([[0.5, 1.0], [-0.5, 0.0], [0.25, 1.0]])
    with pytest.raises(ValueError, match="the number by itself, which is no probability") as raised:
        explain(model, Tabular(rows[0], rows), "exact_shap")
    found = explain(advised(raised.value, model), Tabular(rows[0], rows), "exact_shap")
    assert found.values[0] == pytest.approx(0.5 - rows[:, 0].mean())


def test_names_that_numpy_holds_are_written_as_strings() -> None:
    rows = numpy.random.default_rng(0).normal(size=(10, 2))

    def model(rows: numpy.ndarray) -> dict[Any, numpy.ndarray]:
        return dict(zip(numpy.array(["cat", "dog"]), rows.T))

    with pytest.raises(ValueError, match=r"said\['cat'\], said\['dog'\]") as raised:
        explain(model, Tabular(rows[0], rows), "exact_shap", target=1)
    found = explain(advised(raised.value, model), Tabular(rows[0], rows), "exact_shap", target=1)
    numpy.testing.assert_allclose(found.values, [0, rows[0, 1] - rows[:, 1].mean()], atol=1e-9)


@pytest.mark.parametrize("lacking", [None, numpy.nan, pandas.NA], ids=str)
@pytest.mark.parametrize("row", [0, 1])
def test_a_label_that_is_missing_has_to_be_named(row: int, lacking: Any) -> None:
    rows = numpy.array([[1.0, 0.0], [-1.0, 0.0], [2.0, 1.0], [-2.0, 1.0]])

    def model(rows: numpy.ndarray) -> list[Any]:
        return ["hit" if row[0] > 0 else lacking for row in rows]

    table = Tabular(rows[row], rows)
    for method in ("exact_shap", "ice", "row_scores", "counterfactual", "boundary", "lime"):
        with pytest.raises(ValueError, match=f"it returned {lacking} for .* lambda inputs") as raised:
            explain(model, table, method)
    written = re.findall(r"lambda inputs: .*", str(raised.value))[0]
    named = eval(written, {"model": model, "pandas": pandas})
    counts = explain(named, table, "exact_shap", target="hit")
    numpy.testing.assert_allclose(counts.values, [float(row == 0) - 0.5, 0])


def of_three(texts: list[str]) -> list[float]:
    return [float(len(text.split()[2])) for text in texts]


@pytest.mark.parametrize("method", ["lime", "exact_shap", "leave_one_out"])
def test_the_text_that_a_model_cannot_take_is_named(method: str) -> None:
    text = Text("the film is" if method == "leave_one_out" else TEXT)
    with pytest.raises(ValueError, match=r"^hide: .* it raised IndexError: .*hide='mask token'") as raised:
        explain(of_three, text, method)
    shown = str(raised.value).partition(" on '")[2].partition("'")[0]
    with pytest.raises(IndexError):
        of_three([shown])
    explain(of_three, text, method, hide="mask token")


def test_masking_is_not_advised_where_it_does_not_help_either() -> None:
    def of_words(texts: list[str]) -> list[float]:
        return [float(sum(WORDS.index(word) for word in text.split()[:1])) + 1 / len(text.split()) for text in texts]

    with pytest.raises(ValueError, match=r"with everything hidden, .* ZeroDivisionError: [^']*$"):
        explain(of_words, Text(TEXT), "exact_shap")


@pytest.mark.parametrize("kind", ["rows of scores", "numbers", "a list", "labels"])
def test_a_model_that_leaves_some_inputs_out_is_told_how_many(kind: str) -> None:
    made: dict[str, Callable[[Any], Any]] = {
        "rows of scores": lambda values: numpy.column_stack([-values, values]),
        "numbers": lambda values: values,
        "a list": lambda values: numpy.column_stack([-values, values]).tolist(),
        "labels": lambda values: numpy.where(values > 0, "more", "less"),
    }
    rows = numpy.arange(20.0)[:, None] - 10  # of which three are above 6
    model = lambda rows: made[kind](rows[rows[:, 0] <= 6, 0])  # noqa: E731
    with pytest.raises(
        ValueError, match="17 answers for 20 inputs; let it give one for each, in their order"
    ) as raised:
        explain(model, Tabular(rows[0], rows), "permutation_importance", target=0)
    assert "lambda" not in str(raised.value)
    assert str(raised.value).endswith("also for those that it leaves out")


def test_a_model_that_adds_a_row_is_told_so() -> None:
    rows = numpy.arange(20.0)[:, None]
    model = lambda rows: numpy.vstack([rows, rows[:1]]) if len(rows) > 3 else rows  # noqa: E731
    with pytest.raises(ValueError, match=r"21 answers for 20 inputs; let it give one for each, in their order$"):
        explain(model, Tabular(rows[0], rows), "permutation_importance")


@pytest.mark.parametrize("kind", ["numbers", "rows of scores", "texts"])
@pytest.mark.parametrize("more", [1, 3])
def test_a_model_that_always_adds_rows_is_told_so(more: int, kind: str) -> None:
    made: dict[str, Callable[[Any], Any]] = {
        "numbers": lambda rows: numpy.append(rows.sum(axis=1), numpy.zeros(more)),
        "rows of scores": lambda rows: numpy.vstack([rows.to_numpy(), numpy.zeros((more, 3))]),
        "texts": lambda texts: [score(one) for one in texts] + more * [0.0],
    }
    frame = pandas.DataFrame(numpy.random.default_rng(0).normal(size=(20, 3)), columns=list("abc"))
    inputs = Text(TEXT) if kind == "texts" else Tabular(frame.iloc[0], frame)
    advice = rf": {1 + more} answers for 1 input; let it give one for each, in their order$"
    with pytest.raises(ValueError, match=advice):
        explain(made[kind], inputs, "kernel_shap", target=0)


@pytest.mark.parametrize("method", ["exact_shap", "lime"])
@pytest.mark.parametrize("text", ["good", "the film is good"])
def test_a_model_that_skips_empty_texts_is_told_so(text: str, method: str) -> None:
    def skipping(texts: list[str]) -> Any:
        return table([one for one in texts if one.strip()])

    with pytest.raises(ValueError, match=r"on ' *' it raised model: .* answers? for \d+ inputs; let it") as raised:
        explain(skipping, Text(text), method)
    assert "lambda" not in str(raised.value)
    assert "hide='mask token'" in str(raised.value)
    explain(skipping, Text(text), method, hide="mask token")


def test_a_model_that_merges_equal_rows_is_asked_for_one_at_a_time() -> None:
    def merging(rows: Any) -> Any:
        return numpy.unique(rows, axis=0)[:, :1]

    rows = numpy.arange(20.0)[:, None] % 4
    with pytest.raises(ValueError, match=r"got float64 \(4, 1\); of a model that takes one at a time: ") as raised:
        explain(merging, Tabular(rows[1], rows), "permutation_importance")
    written = str(raised.value)[str(raised.value).index("lambda inputs") :]
    found = explain(
        eval(written, {"model": merging, "numpy": numpy}), Tabular(rows[1], rows), "exact_shap", background=20
    )
    assert found.values[0] == pytest.approx(1 - 1.5)
