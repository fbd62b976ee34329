"""The names that a model has for its classes."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from torch import nn

from nbexplain import Session, Subject, explain
from nbexplain.core.choices import labels_of
from nbexplain.core.model.outputs import Reader
from nbexplain.inputs import Tabular
from tests.networks import CLASSES, Plain, picture, seeded

NAMES = ["ant", "bee", "cat", "dog", "eel"]


def configured(names: Any, *, wrap: bool = False) -> nn.Module:
    model = seeded(Plain)
    model.config = {"id2label": names} if wrap else SimpleNamespace(id2label=names)
    return model


@pytest.mark.parametrize(
    "names",
    [dict(enumerate(NAMES)), {str(n): name for n, name in reversed(list(enumerate(NAMES)))}],
    ids=["numbers", "strings, in another order"],
)
@pytest.mark.parametrize("wrap", [False, True])
def test_classes_are_called_as_the_models_configuration_calls_them(names: Any, wrap: bool) -> None:
    session = Session(configured(names, wrap=wrap), picture())
    assert session.classes == tuple(NAMES)
    session.select(target="cat")
    assert session.selection.target == 2
    session.close()


def test_names_that_are_given_come_first() -> None:
    session = Session(configured(dict(enumerate(NAMES))), picture(), classes=list("abcde"))
    assert session.classes == tuple("abcde")
    session.close()


@pytest.mark.parametrize(
    "names",
    [
        {n: f"LABEL_{n}" for n in range(CLASSES)},
        {0: "ant", 1: "bee"},
        dict(enumerate(NAMES, 1)),
        dict.fromkeys(range(CLASSES), 3),
        NAMES,
        None,
    ],
    ids=["made up", "too few", "from one on", "no names", "a list", "none"],
)
def test_what_are_no_names_of_the_scores_is_left(names: Any) -> None:
    session = Session(configured(names), picture())
    assert session.classes == tuple(f"class {n}" for n in range(CLASSES))
    session.close()


def test_the_model_inside_a_wrapper_is_asked() -> None:
    model = configured(dict(enumerate(NAMES)))
    assert labels_of(nn.DataParallel(model)) == NAMES
    assert labels_of(torch.compile(model)) == NAMES


def test_an_estimator_has_its_own() -> None:
    model = DummyClassifier().fit([[0.0], [1.0]], ["no", "yes"])
    assert Subject(model, Tabular([0.5])).names == ("no", "yes")
    assert Subject(lambda x: x, Tabular([0.5, 1.0])).names == ("class 0", "class 1")
    assert labels_of(seeded(Plain)) is None


def test_a_network_of_hugging_face_has_its_own_names() -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    config = transformers.ViTConfig(**sizes, image_size=16, patch_size=8, id2label=dict(enumerate(NAMES)))
    model = transformers.ViTForImageClassification(config).eval()
    session = Session(model, torch.rand(1, 3, 16, 16))
    assert session.classes == tuple(NAMES)
    session.close()
    config = transformers.ViTConfig(**sizes, image_size=16, patch_size=8, num_labels=4)
    assert labels_of(transformers.ViTForImageClassification(config)) is None


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["no", "yes"], ["yes", "no"]),
        ([0, 1], ["1", "0"]),
        ([0.0, 1.0], [1, 0]),
        ([False, True], [True, False]),
        ([False, True], [1, 0]),
        ([0, 1], [True, False]),
        (["nan", "x"], ["x", "nan"]),
    ],
)
def test_the_models_own_classes_keep_their_order(labels: list[Any], classes: list[Any]) -> None:
    table = np.arange(8.0)[:, None]
    model = DummyClassifier().fit(table, np.array(labels * 4))
    given = ", ".join(repr(str(label)) for label in labels)
    for given_model in (model, model.predict_proba):  # a method knows the estimator that it is of
        with pytest.raises(ValueError, match=re.escape(f"model.classes_: {given}; leave classes= out")):
            explain(given_model, Tabular(table[0], table), "exact_shap", classes=classes, target=1)
    assert Subject(model, Tabular(table[0], table), classes=labels).names == tuple(map(str, labels))


def test_the_order_of_columns_is_that_of_what_a_callable_returns() -> None:
    def model(rows: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(np.stack([rows[:, 0], -rows[:, 0]], 1), columns=["q", "p"])

    table = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match="which is that of the columns that it returns: 'q', 'p'; leave classes= out"):
        explain(model, Tabular(table[0], table), "exact_shap", classes=["p", "q"], target=1)


def test_the_order_of_a_configurations_names_is_kept() -> None:
    with pytest.raises(ValueError, match=r"which is model\.config\.id2label: 'ant', 'bee'"):
        Session(configured(dict(enumerate(NAMES))), picture(), classes=NAMES[::-1])


def test_classes_that_have_no_order_are_refused_and_a_generator_is_read_once() -> None:
    model = seeded(Plain)
    with pytest.raises(TypeError, match=re.escape("got a dict; try classes=['a', 'b', 'c', 'd', 'e'] if that")):
        Session(model, picture(), classes={4: "e", 0: "a", 1: "b", 2: "c", 3: "d"})
    with pytest.raises(TypeError, match="classes: expected names in the order of the scores, got a set"):
        Subject(model, picture(), classes=set(NAMES))
    session = Session(model, picture(), classes=(name for name in NAMES))
    assert session.classes == tuple(NAMES)
    session.close()
    assert Subject(model, picture(), classes=(name for name in NAMES)).names == tuple(NAMES)


WAYS: dict[str, tuple[Any, bool]] = {
    "the scores": (lambda output: output, True),
    "shares": (lambda output: output.softmax(1), True),
    "each by itself": (lambda output: output.sigmoid(), True),
    "by a rising function": (lambda output: output**3 - 7, True),
    "sharper": (lambda output: output * 2, True),
    "less their mean": (lambda output: output - output.mean(1, keepdim=True), True),
    "calibrated": (lambda output: (output * 1.7 + torch.arange(output.shape[1]) / 5).softmax(1), True),
    "of the others": (lambda output: -output, False),
    "turned": (lambda output: output.flip(1), False),
    "two of them": (lambda output: output[:, [2, 1]], False),
    "others": (lambda output: torch.stack([output.sum(1), output.abs().amax(1)], 1), False),
}


@pytest.mark.parametrize(("way", "kept"), WAYS.values(), ids=WAYS)
def test_names_are_those_of_the_scores_where_the_users_own_keep_their_order(way: Any, kept: bool) -> None:
    model = configured(dict(enumerate(NAMES)))
    subject = Subject(model, picture(), scores=way)
    count = subject.scores().shape[1]
    assert subject.names == (tuple(NAMES) if kept else tuple(f"class {n}" for n in range(count)))
    given = NAMES[count - 1 :: -1]
    if not kept or count < len(NAMES):
        assert Subject(model, picture(), scores=way, classes=given).names == tuple(given)
    else:
        with pytest.raises(ValueError, match="in another order"):
            _ = Subject(model, picture(), scores=way, classes=given).names


def test_two_scores_that_rise_alike_by_chance_have_no_names() -> None:
    table = np.arange(8.0)[:, None]
    model = DummyClassifier(strategy="prior").fit(table, ["no"] * 3 + ["yes"] * 5)
    x = Tabular(table[0], table)
    others = {"scores": lambda p: torch.stack([p.mean(1), p.sum(1)], 1)}  # .5 and 1, as .375 and .625 rise
    assert Subject(model, x, **others).names == ("class 0", "class 1")
    assert Subject(model, x, scores=lambda p: 1 - p).names == ("class 0", "class 1")
    for kept in (torch.log, torch.sqrt, torch.logit, lambda p: 100 * p, lambda p: p / (1 - p), lambda p: p / p.max()):
        assert Subject(model, x, scores=kept).names == ("no", "yes")


@pytest.mark.parametrize("last", [False, True])
def test_names_of_maps_and_of_tokens_are_kept_too(last: bool) -> None:
    torch.manual_seed(0)
    plain, axis = torch.randn((1, 30, 5) if last else (1, 5, 30)) * 3, 2 if last else 1
    for way, kept in ((lambda output: output.softmax(axis), True), (lambda output: output.flip(axis), False)):
        reader = Reader(way)
        reader(plain, 1)
        assert reader.in_order == kept


def test_names_of_ones_own_call_are_ones_own() -> None:
    own = NAMES[::-1]
    subject = Subject(
        configured(dict(enumerate(NAMES))), picture(), forward=lambda model, x: model(x).flip(1), classes=own
    )
    assert subject.names == tuple(own)


def test_a_method_that_returns_the_classes_has_their_names() -> None:
    table = np.arange(8.0)[:, None]

    class Own(LogisticRegression):
        def turned(self, rows: np.ndarray) -> np.ndarray:
            return self.predict_proba(rows)[:, ::-1]

    model = Own().fit(table, ["no"] * 4 + ["yes"] * 4)
    x = Tabular(table[0], table, labels=["no"] * 4 + ["yes"] * 4)
    for way in (model, model.predict_proba, model.predict_log_proba):
        assert Subject(way, x).names == ("no", "yes")
    assert Subject(model.turned, x, classes=["yes", "no"]).names == ("yes", "no")
    assert Subject(model.turned, x).names == ("class 0", "class 1")
    found = explain(model.predict_proba, x, "confusion", target="yes")
    np.testing.assert_array_equal(found.values, [[4, 0], [0, 4]])
    pairs = SVC(decision_function_shape="ovo").fit(table, list("aabbcccc"))
    named = ["a or b", "a or c", "b or c"]
    assert Subject(pairs.decision_function, x, classes=named).names == tuple(named)
    assert Subject(pairs.decision_function, x, classes=list("cba")).names == tuple("cba")


@pytest.mark.parametrize("way", ["classes of a net", "id2label", "classes of a callable"])
def test_of_equal_names_each_has_its_place(way: str) -> None:
    called = ["crane", "bee", "crane", "dog", "eel"]
    apart = ("crane (0)", "bee", "crane (2)", "dog", "eel")
    options = {} if way == "id2label" else {"classes": called}
    model, x = (configured(dict(enumerate(called))) if way == "id2label" else seeded(Plain)), picture()
    if way == "classes of a callable":
        model, x = (lambda rows: rows @ np.arange(10.0).reshape(2, 5)), Tabular([1.0, 2.0], [[0.0, 1.0], [2.0, 3.0]])
    subject = Subject(model, x, **options)
    assert subject.names == apart
    assert subject.target("crane (2)") == 2
    with pytest.raises(ValueError, match=r"2 classes are called 'crane'; say which: 'crane \(0\)' or 'crane \(2\)'"):
        subject.target("crane")
    session = Session(model, x, **options)
    assert session.classes == apart
    session.close()


def test_a_label_that_is_named_twice_is_refused() -> None:
    table = Tabular([1.0, 2.0], [[0.0, 1.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match="classes: 'a' is there twice, and the model returns the labels themselves"):
        explain(lambda rows: np.full(len(rows), "a"), table, "exact_shap", classes=["a", "a", "b"])
