"""The names that a model has for its classes."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier
from torch import nn

from nbexplain import Session, Subject, explain
from nbexplain.core.choices import labels_of
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
