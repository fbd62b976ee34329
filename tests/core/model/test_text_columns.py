"""Models that read a text in a column of a table with others say so; the calls that are named work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pandas
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from nbexplain import Text, explain

FRAME = pandas.DataFrame(
    {"stars": [3, 1, 4, 2] * 3, "review": ["good film love", "bad film hate", "great fun", "dull pain"] * 3}
)
ARRAY, LABELS = FRAME.to_numpy(dtype=object), numpy.array([1, 0, 1, 0] * 3)
TEXT = "good fun film"
OF_FRAME = "model.predict_proba(pandas.DataFrame({'stars': …, 'review': inputs}))"
OF_ARRAY = "model.predict_proba(numpy.array([[…, one] for one in inputs], dtype=object))"


def made(text: Any, number: Any, kind: Callable[..., Any] = make_pipeline) -> Any:
    parts = [("words", CountVectorizer(), text), ("number", StandardScaler(), number)]
    return kind(ColumnTransformer(parts), LogisticRegression())


def selecting() -> Any:
    """Its columns are taken by functions."""
    parts = {"words": ("review", CountVectorizer()), "number": (["stars"], StandardScaler())}
    taken = [
        (name, make_pipeline(FunctionTransformer(lambda frame, column=column: frame[column]), step))
        for name, (column, step) in parts.items()
    ]
    return make_pipeline(FunctionTransformer(), FeatureUnion(taken), LogisticRegression())


def searched(*steps: Any) -> Any:
    return GridSearchCV(make_pipeline(*steps), {"logisticregression__C": [1.0]}, cv=2)


MODELS = {
    "names": (made("review", ["stars"]).fit(FRAME, LABELS), OF_FRAME),
    "numbers in a frame": (made(1, [0]).fit(FRAME, LABELS), OF_FRAME),
    "an array": (made(1, [0]).fit(ARRAY, LABELS), OF_ARRAY),
    "a search": (made("review", ["stars"], searched).fit(FRAME, LABELS), OF_FRAME),
    "functions": (
        selecting().fit(FRAME, LABELS),
        "model.predict_proba(pandas.DataFrame({'stars': …, 'review': …}))",
    ),
}


def raised(model: Any) -> str:
    with pytest.raises(RuntimeError, match="the model raised") as error:
        explain(model, Text(TEXT), "leave_one_out", target=1)
    return str(error.value)


@pytest.mark.parametrize("case", MODELS)
def test_the_columns_are_named_with_the_call_that_works(case: str) -> None:
    model, call = MODELS[case]
    said = raised(model)
    columns = "2 columns" if case == "an array" else "the columns 'stars', 'review'"
    assert f"; it takes a table of {columns}; " in said
    assert said.endswith(f"lambda inputs: {call}")
    written = "lambda inputs: " + call.replace("'review': …", "'review': inputs").replace("…", "3")
    names = {"model": model, "numpy": numpy, "pandas": pandas}
    found = explain(eval(written, names), Text(TEXT), "leave_one_out", target=1)

    def right(text: str) -> float:
        row = pandas.DataFrame({"stars": [3], "review": [text]})
        return float(model.predict_proba(row.to_numpy(dtype=object) if case == "an array" else row)[0, 1])

    wanted = [right(TEXT) - right(rest) for rest in ("fun film", "good film", "good fun")]
    numpy.testing.assert_allclose(found.values, wanted, atol=1e-12)


def test_a_single_column_without_a_name_gets_none() -> None:
    transformer = make_column_transformer((CountVectorizer(), 0))
    model = make_pipeline(transformer, LogisticRegression()).fit(ARRAY[:, 1:], LABELS)
    said = raised(model)
    written = said.partition("asked as in ")[2]
    assert written == "lambda inputs: model.predict_proba(numpy.reshape(inputs, (-1, 1)))"
    found = explain(eval(written, {"model": model, "numpy": numpy}), Text(TEXT), "leave_one_out", target=1)
    whole, left = (model.predict_proba([[text]])[0, 1] for text in (TEXT, "fun film"))
    assert found.values[0] == pytest.approx(whole - left)


def test_numbers_of_a_vectorizer_are_no_columns_of_a_table() -> None:
    words = CountVectorizer().fit(FRAME["review"])
    counts = pandas.DataFrame(words.transform(FRAME["review"]).toarray(), columns=words.get_feature_names_out())
    model = LogisticRegression().fit(counts, LABELS)
    said = raised(model)
    assert said.endswith(
        "of 9 numbers, which its vectorizer makes of texts: explain(make_pipeline(vectorizer, model), …)"
    )
    explain(make_pipeline(words, model), Text(TEXT), "leave_one_out", target=1)
