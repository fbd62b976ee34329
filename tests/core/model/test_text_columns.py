"""Models that read a text in a column of a table with others say so; the calls that are named work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pandas
import pytest
from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from nbexplain import Tabular, Text, explain

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
        "; it takes rows of a table with the columns 'bad', 'dull', 'film', 'fun', 'good', 'great', …: "
        "Tabular(row, background=table); if these are made of texts by a vectorizer: "
        "explain(make_pipeline(vectorizer, model), …)"
    )
    explain(make_pipeline(words, model), Text(TEXT), "leave_one_out", target=1)


NUMBERS = pandas.DataFrame({"age": [3.0, 1, 4, 2] * 3, "rooms": [1.0, 2, 3, 5] * 3})
MIXED = NUMBERS.assign(city=["Bern", "Oslo"] * 6)


@pytest.mark.parametrize(
    ("model", "table", "rows"),
    [
        (LogisticRegression(), NUMBERS.to_numpy(), "rows of 2 values"),
        (LogisticRegression(), NUMBERS, "rows of a table with the columns 'age', 'rooms'"),
        (RandomForestClassifier(3, random_state=0), NUMBERS.to_numpy(), "rows of 2 values"),
        (LGBMClassifier(n_estimators=2, min_child_samples=1, verbose=-1), NUMBERS.to_numpy(), "rows of 2 values"),
        (XGBClassifier(n_estimators=2), NUMBERS, "rows of a table with the columns 'age', 'rooms'"),
        (make_pipeline(StandardScaler(), LogisticRegression()), NUMBERS.to_numpy(), "rows of 2 values"),
        (
            make_pipeline(
                make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"), LogisticRegression()
            ),
            MIXED,
            "rows of a table with the columns 'age', 'rooms', 'city'",
        ),
    ],
    ids=["array", "frame", "forest", "lightgbm", "xgboost", "scaled", "encoded"],
)
def test_a_model_of_a_table_says_that_it_takes_rows(model: Any, table: Any, rows: str) -> None:
    model.fit(table, LABELS)
    said = raised(model)
    advice = f"; it takes {rows}: Tabular(row, background=table); if these are made of texts by a vectorizer: "
    assert said.endswith(advice + "explain(make_pipeline(vectorizer, model), …)")
    row = table.iloc[0] if hasattr(table, "iloc") else table[0]
    found = explain(model, Tabular(row, background=table), "exact_shap", target=1)
    scores = model.predict_proba(table)[:, 1]
    assert float(found.values.sum()) == pytest.approx(scores[0] - scores.mean(), abs=1e-5)


def test_a_method_of_a_model_of_a_table_says_so_too() -> None:
    model = LogisticRegression().fit(NUMBERS, LABELS)
    said = raised(model.predict_proba)
    assert "; it takes rows of a table with the columns 'age', 'rooms': Tabular(row, background=table); " in said
    assert said.endswith("explain(make_pipeline(vectorizer, model.__self__), …)")
