"""Calls as people mistype them: each error names the reason, and the call that it advises is run."""

from __future__ import annotations

import functools
import re
import warnings
from typing import Any, NamedTuple

import numpy
import pandas
import polars
import pytest
import shap
import torch
from catboost import Pool
from lightgbm import Dataset
from scipy import sparse
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, OneClassSVM
from xgboost import DMatrix

import nbexplain

SHAP = "explain(model, {}, 'exact_shap')"
ASKED = "explain({}, x, 'exact_shap')"
ONE, FIRST = "Tabular(x, background=table)", "Tabular(x[0], background=x)"
OF_ROWS = "a table is explained row by row"
ARRAY = "explain(lr, Tabular(A[0], background=A), 'exact_shap')"
FRAME = "explain(lrd, Tabular(frame.iloc[[0]], background=frame), 'exact_shap')"
SUM = "explain(lambda rows: rows[:, 0], Tabular(A[0], background=A), 'exact_shap')"
NET = "explain(net, Tabular(A[0], background=A), 'exact_shap')"
OWN_NAMES = "row={name: row[name] for name in table.columns}"
OWN_ROW = "Tabular({}, background=table)"
OWN_COLUMNS = (
    "Tabular({name: row[name] for name in model.feature_names_in_}, background=table[list(model.feature_names_in_)])"
)
ENCODED = "Tabular(row, background=table, encode=lambda rows: "
PARTS = ENCODED + "{'num': rows[:, [0, 1]], 'cat': rows[:, [2]]})"
RAW = SHAP.format("Tabular(row, table)")
OF_WORDS = "explain(words, {}, 'lime')"
BOOSTED = {"DMatrix": "DMatrix(A)", "Pool": "Pool(A)", "Dataset": "Dataset(frame)"}
ILL = "LogisticRegression().fit(A, named)"  # of the classes 'ill' and 'well'
TABLE, READ = "x = Tabular(A[0], background=A)", "x = Tabular(frame.iloc[[0]], background=frame)"


KNOWN = {
    one.__name__: one
    for one in (
        DBSCAN,
        GridSearchCV,
        PCA,
        Dataset,
        DMatrix,
        Pool,
        LinearRegression,
        MultiOutputClassifier,
        OneVsRestClassifier,
        KernelDensity,
        KNeighborsClassifier,
        LocalOutlierFactor,
        SVC,
        OneClassSVM,
        CountVectorizer,
        make_pipeline,
    )
} | {"polars": polars, "sparse": sparse, "shap": shap}  # that the calls name


class Case(NamedTuple):
    """What is set up, the call that fails, what its error says, what it advises, and the call that follows the advice.

    In `follow`, `{}` is the advice as it was printed; its values must be those of `right`, where there is one.
    """

    setup: str
    call: str
    reason: str
    advice: str
    follow: str = SHAP
    right: str = ""


def lime(x: str, reason: str, advice: str, model: str = "lr", table: str = "A") -> Case:
    """LIME of a row that lacks its wrapper."""
    right = {"lr": ARRAY, "lrd": FRAME}[model]
    return Case(f"x, table, model = {x}, {table}, {model}", "explain(model, x, 'lime')", reason, advice, right=right)


def tabular(row: str, reason: str, advice: str, follow: str, table: str = "frame", more: str = "") -> Case:
    """A table that cannot be made."""
    call = f"Tabular(row, background=table{more})"
    return Case(f"row, table = {row}, {table}", call, reason, advice, follow)


def callable_(model: str, reason: str, advice: str, right: str = SUM, setup: str = TABLE) -> Case:
    """A callable that answers in a form of its own."""
    return Case(f"{setup}\nmodel = {model}", ASKED.format("model"), reason, advice, ASKED, right)


INPUTS = {
    "array": lime("A", "may be an image", FIRST),
    "tensor": lime("torch.tensor(A)", "a batch of 40", FIRST),
    "one axis": lime("A[0]", "expected a batch axis", ONE),
    "tensor of one axis": lime("torch.tensor(A[0])", "expected a batch axis", ONE),
    "row without a background": lime("A[:1]", "LIME needs a picture, a text or a row of a table, got a tensor", ONE),
    "list": lime("A[0].tolist()", "there is no tensor in this list of 3 values", ONE),
    "tuple": lime("tuple(A[0])", "there is no tensor in this tuple of 3 values", ONE),
    "lists": lime("A.tolist()", "got a table of 40 rows as lists", FIRST),
    "objects": lime("A[0].astype(object)", "got an array of object", ONE),
    "sparse matrix": lime("sparse.csr_matrix(A)", "got a table of 40 rows", FIRST),
    "dict": lime("frame.iloc[0].to_dict()", "there is no tensor in this dict of 3 values", ONE, "lrd", "frame"),
    "series": lime("frame.iloc[0]", f"{OF_ROWS}, got a series", ONE, "lrd", "frame"),
    "frame of one": lime("frame.iloc[[0]]", f"{OF_ROWS}, got one row", ONE, "lrd", "frame"),
    "frame": lime("frame", "got a table of 40 rows", "Tabular(x.iloc[[0]], background=x)", "lrd"),
    "dicts": lime(
        "frame.to_dict('records')", "40 rows as dicts", "Tabular(x[0], background=pandas.DataFrame(x))", "lrd"
    ),
    "named tuple": lime("next(frame.itertuples(index=False))", "3 values", ONE, "lrd", "frame"),
    "no layers": Case("x, table, model = A[:1], A, lr", "explain(model, x)", "no layers", ONE, right=ARRAY),
    "polars": Case(
        "x = polars.from_pandas(frame)\nmodel = lambda rows: rows['a']",
        "explain(model, x, 'lime')",
        "got a table of 40 rows",
        FIRST,
        right=SUM,
    ),
    "explorer": Case("x = frame", "TabularExplorer(lrd, x)", OF_ROWS, "Tabular(x.iloc[[0]], background=x)", "{}"),
    "overview": Case("x, table = A[0], A", "GlobalExplorer(lr, x)", "batch axis", ONE, "{}"),
    "comparison": Case(
        "inputs = A.tolist()", "MethodComparison(lr, inputs)", OF_ROWS, "inputs[0]", "Tabular({}, inputs)"
    ),
    "text": Case("", "explain(words, 'a good film', 'lime')", "no file", "Text('a good film')", OF_WORDS),
    "texts": Case(
        "x = ['a good film', 'bad']",
        "explain(words, x, 'lime')",
        "got a list of 2",
        "Text(x[0])",
        OF_WORDS,
    ),
    "pair": Case(
        "x = ('a film', 'it is')",
        "explain(words, x, 'lime')",
        "got a tuple of 2",
        "Text(x[0])",
        OF_WORDS,
    ),
    "series of texts": Case(
        "x = pandas.Series(['a film', 'it is'])",
        "explain(words, x, 'lime')",
        "texts are",
        "Text(x.iloc[0])",
        OF_WORDS,
    ),
    "image for pixels": Case(
        "x = torch.ones(1, 1, 3, 4)\nmodel = LogisticRegression().fit(numpy.eye(12), numpy.arange(12) % 2)",
        "explain(model, x, 'class_scores')",
        "the model raised ValueError on an input of shape (1, 1, 3, 4)",
        "forward=lambda model, inputs: model.predict_proba(inputs.reshape(len(inputs), -1))",
        "explain(model, x, 'class_scores', {})",
    ),
    "two tables": Case(
        "x, table, model = [Tabular(A[0], A)] * 2, A, lr",
        "explain(model, x, 'lime')",
        "expected one input, got a list of 2",
        "x[0]",
        "explain(model, {}, 'exact_shap')",
        ARRAY,
    ),
    "text in the explorer of rows": Case(
        "x, model = Text('a good film'), words",
        "TabularExplorer(model, x)",
        "TabularExplorer shows rows of tables, got Text",
        "explore(model, x)",
        "{}",
    ),
    "transform of a table": Case(
        f"{TABLE}\nmodel = lr",
        "explain(model, x, 'exact_shap', preprocess=torch.sqrt)",
        "preprocess: x is Tabular(…) already",
        "leave it out",
        "explain(model, x, 'exact_shap')",
        ARRAY,
    ),
    "names in one string": Case(
        f"{TABLE}\nmodel = lambda rows: rows[:, 0]",
        "explain(model, x, 'exact_shap', classes='price')",
        "classes: expected a name for each score",
        "classes=['price']",
        "explain(model, x, 'exact_shap', {})",
        SUM,
    ),
    "one of two names in a string": Case(
        f"{TABLE}\nmodel = lr",
        "explain(model, x, 'exact_shap', classes='ill')",
        "got one string, 'ill'",
        "classes=['no', 'yes']",
        "explain(model, x, 'exact_shap', {})",
        ARRAY,
    ),
    "capitals": Case(f"{TABLE}\nmodel = lr", "explain(model, x, 'LIME')", "nearest", "'lime'", "explain(model, x, {})"),
    "swapped": Case(
        f"{TABLE}\nmodel = lr",
        "explain(x, model, 'lime')",
        "got Tabular",
        "explain(model, x, …)",
        "{}".replace("{}", ARRAY),
    ),
}

TABLES = {
    "two rows": tabular(
        "A", "row: expected one row of values (F,), got shape (40, 3)", "Tabular(row[0], background=row)", "{}"
    ),
    "frame as a row": tabular(
        "frame", "row: expected one row, got a table", "Tabular(row.iloc[[0]], background=row)", "{}"
    ),
    "iterrows": tabular("next(frame.iterrows())", "a pair of an index and a row", "row=row[1]", OWN_ROW),
    "more in a dict": tabular("{'a': 1., 'b': 2., 'c': 3., 'y': 1}", "it has 'y'", OWN_NAMES, OWN_ROW),
    "more in a frame": tabular("frame.assign(y=1).iloc[[0]]", "it has 'y'", OWN_NAMES, OWN_ROW),
    "more in a series": tabular("frame.assign(y=1).iloc[0]", "it has 'y'", OWN_NAMES, OWN_ROW),
    "more in polars": tabular(
        "polars.from_pandas(frame.assign(y=1))[0]", "it has 'y'", OWN_NAMES, OWN_ROW, "polars.from_pandas(frame)"
    ),
    "itertuples": tabular(
        "next(frame.itertuples())", "it has 'Index'", "row=next(table.itertuples(index=False))", OWN_ROW
    ),
    "more in a tuple": tabular(
        "next(frame.assign(y=1).itertuples(index=False))",
        "it has 'y'",
        "row={name: getattr(row, name) for name in table.columns}",
        OWN_ROW,
    ),
    "lacks": tabular("{'a': 1., 'b': 2.}", "it lacks 'c'", "background=table.drop(columns=['c'])", "Tabular(row, {})"),
    "a column": tabular("frame['a']", "it is the column 'a'", "row=table.iloc[[0]]", OWN_ROW),
    "longer": tabular("numpy.append(A[0], 1)", "expected 4 columns as in the row, got 3", "row=row[:3]", OWN_ROW, "A"),
    "twice": tabular(
        "frame[['a', 'a']].iloc[[0]]",
        "'a' twice",
        "table.loc[:, ~table.columns.duplicated()]",
        "Tabular(A[0, :1], background={})",
        "frame[['a', 'a']]",
    ),
    "names of a frame": tabular(
        "frame.iloc[0]",
        "names: the row has its own",
        "leave names out",
        "Tabular(row, background=table)",
        more=", names=['x', 'y', 'z']",
    ),
    "level of a frame": tabular(
        "{'a': 1., 'c': 'w'}",
        "row: 'c' is 'w', expected one of 'u', 'v'; if the model takes it",
        "background=table.astype({'c': table['c'].cat.add_categories(['w']).dtype})",
        "Tabular(row, {})",
        "pandas.DataFrame({'a': [0., 1.], 'c': pandas.Categorical(['v', 'u'], ordered=True)})",
    ),
    "level of polars": tabular(
        "{'a': 1., 'c': 'w'}",
        "row: 'c' is 'w', expected one of 'u', 'v'; if the model takes it",
        "background=table.cast({'c': polars.Enum([*table['c'].dtype.categories, 'w'])})",
        "Tabular(row, {})",
        "polars.DataFrame({'a': [0., 1.], 'c': polars.Series(['v', 'u'], dtype=polars.Enum(['u', 'v']))})",
    ),
    "given category": tabular(
        "[1., 'w']",
        "row: 'c' is 'w', expected one of 'u', 'v'; if the model takes it",
        "categories={'c': ['u', 'v', 'w']}",
        "Tabular(row, table, names=['a', 'c'], {})",
        "[[0., 'v'], [1., 'u']]",
        ", names=['a', 'c'], categories={'c': ['u', 'v']}",
    ),
    "background of dicts": tabular(
        "{'a': 1.}",
        "got shape (1,)",
        "background=pandas.DataFrame(background)",
        "(lambda background: Tabular(row, {}))(table)",
        "[{'a': 1}]",
    ),
    "background of shap": tabular(
        "A[0]",
        "got a DenseData",
        "background=background.data",
        "(lambda background: Tabular(row, {}))(table)",
        "shap.kmeans(A, 3)",
    ),
    **{
        f"background of {name}": tabular(
            "A[0]",
            f"got a {name}; give the table that it was made of",
            "Tabular(row, background=table)",
            "(lambda table: {})(A)",
            made,
        )
        for name, made in BOOSTED.items()
    },
    **{
        f"row of {name}": Case(
            f"row, table = {made}, A",
            "Tabular(row, background=table)",
            f"got {name}; give a row of the table that it was made of",
            "Tabular(table[0], background=table)",
            "{}",
        )
        for name, made in BOOSTED.items()
    },
    "one background row": tabular(
        "A[0]",
        "a background is a table of many rows",
        "Tabular(row, background=table)",
        "(lambda table: {})(A)",
        "A[0]",
    ),
    "one-hot labels": tabular(
        "A[0]",
        "if they are one-hot",
        "labels=numpy.argmax(labels, axis=1)",
        "(lambda labels: Tabular(row, table, {}))(numpy.eye(2)[y])",
        "A",
        ", labels=numpy.eye(2)[y]",
    ),
    "one-hot labels of named classes": Case(
        f"row, table, labels, model = A[0], A, numpy.eye(2)[y], {ILL}",
        "Tabular(row, table, labels=labels)",
        "if they are one-hot",
        "labels=numpy.asarray(model.classes_)[numpy.argmax(labels, axis=1)]",
        "explain(model, Tabular(row, table, {}), 'confusion')",
        f"explain({ILL}, Tabular(A[0], A, labels=named), 'confusion')",
    ),
    **{
        f"a one-hot frame of {kind}": Case(
            f"row, table, labels, model = A[0], A, {kind}(pandas.get_dummies(named)), {ILL}",
            "Tabular(row, table, labels=labels)",
            "if they are one-hot, with columns called like the model's classes",
            "labels=numpy.asarray(labels.columns)[numpy.asarray(labels).argmax(axis=1)]",
            "explain(model, Tabular(row, table, {}), 'confusion')",
            f"explain({ILL}, Tabular(A[0], A, labels=named), 'confusion')",
        )
        for kind in ("pandas.DataFrame", "polars.from_pandas")
    },
    "labels of two outputs": Case(
        "row, table, labels, k = A[0], A, A[:, :2], 1\nmodel = LinearRegression().fit(A, labels ** 2)",
        "explain(model, Tabular(row, table, labels=labels), 'residuals', target=1)",
        "labels: expected one for each background row, got shape (40, 2)",
        "labels=numpy.asarray(labels)[:, k], and target=k",
        "explain(model, Tabular(row, table, labels=numpy.asarray(labels)[:, k]), 'residuals', target=k)",
        "explain(LinearRegression().fit(A, A[:, 1] ** 2), Tabular(A[0], A, labels=A[:, 1]), 'residuals')",
    ),
    **{
        f"several labels of each row, {kind}": Case(
            "row, table, labels, k = A[0], A, numpy.stack([y, 1 - y, y3 > 0], 1), 1\n"
            f"model = {kind}(LogisticRegression()).fit(A, labels)",
            "explain(model, Tabular(row, table, labels=labels), 'confusion', target=1)",
            "labels: expected one for each background row, got shape (40, 3)",
            f"explain(lambda rows: model.predict_proba(rows){place}, Tabular(row, background=table, "
            "labels=numpy.asarray(labels)[:, k]), …, classes=('no', 'yes'))"
            if place == "[:, k]"
            else "or predict_proba(rows)[k] of a list",
            f"explain(lambda rows: model.predict_proba(rows){place}, Tabular(row, background=table, "
            "labels=numpy.asarray(labels)[:, k]), 'confusion', classes=('no', 'yes'))",
            "explain(LogisticRegression().fit(A, 1 - y), Tabular(A[0], A, labels=1 - y), 'confusion')",
        )
        for kind, place in (("OneVsRestClassifier", "[:, k]"), ("MultiOutputClassifier", "[k]"))
    },
    "labels of other rows": tabular(
        "frame.iloc[0]",
        "their index is not that of the background",
        "labels=labels.loc[table.index]",
        "(lambda labels: Tabular(row, table, {}))(pandas.Series(y, table.index[::-1]))",
        "frame.set_axis(frame.index + 5)",
        ", labels=pandas.Series(y, table.index[::-1])",
    ),
    "labels alone": Case(
        "row, table, labels = A[0], A, y",
        "Tabular(row, labels=labels)",
        "for no background",
        "Tabular(row, background=table, labels=labels)",
        "{}",
    ),
    "categories as a list": tabular(
        "frame.iloc[0]",
        "categories: expected {name: values}, got list",
        "leave categories out",
        "Tabular(row, table)",
        more=", categories=['a']",
    ),
}

MODELS = {
    "label column": Case(
        "model = lrd\nrow = frame.assign(y=y).iloc[[0]]\ntable = frame.assign(y=y)",
        RAW,
        "the model raised ValueError",
        OWN_COLUMNS,
        right=FRAME,
    ),
    "columns in another order": Case(
        "model = lrd\nrow = frame[['c', 'a', 'b']].iloc[0]\ntable = frame[['c', 'a', 'b']]",
        RAW,
        "the model raised ValueError",
        OWN_COLUMNS,
        right=FRAME,
    ),
    "columns of a booster in another order": Case(
        "model = booster(frame, y)\nrow = frame[['c', 'a', 'b']].iloc[0]\ntable = frame[['c', 'a', 'b']]",
        RAW,
        "the model raised ValueError",
        "Tabular({name: row[name] for name in model.feature_names}, background=table[list(model.feature_names)])",
        right="explain(model, Tabular(frame.iloc[0], frame), 'exact_shap')",
    ),
    "density alone": Case(
        "x = Tabular(A[0], background=A)\nmodel = KernelDensity().fit(A)",
        "explain(model, x, 'exact_shap')",
        "got KernelDensity, which scores rows by score_samples",
        "lambda rows: model.score_samples(rows)",
        "explain({}, x, 'exact_shap')",
        "explain(model.score_samples, x, 'exact_shap')",
    ),
    "label column of an array": Case(
        "model, table = lr, numpy.column_stack([A, y])\nrow = table[0]",
        RAW,
        "X has 4 features",
        "Tabular(row[:3], background=table[:, :3])",
        right=ARRAY,
    ),
    "names of an array": Case(
        "model, row, table, names = (lambda rows: rows['a']), A[0], A, list('abc')",
        RAW,
        "it gets an array",
        "Tabular(row, background=pandas.DataFrame(table, columns=names))",
        right=SUM,
    ),
    "encode": Case(
        "model, row, table = lr, A[0], A",
        SHAP.format("Tabular(row, table, encode=torch.sqrt)"),
        "encode: it makes what a torch module takes",
        "Tabular(row, background=table)",
        right=ARRAY,
    ),
    "two inputs": Case("model, row, table = Two(), A[0], A", RAW, "the model takes num and cat", PARTS, right=NET),
    "two keywords": Case(
        "model, row, table = TwoKeywords(), A[0], A", RAW, "the model takes num and cat", PARTS, right=NET
    ),
    "columns by name": Case(
        "model, row, table = ByName(), frame.iloc[0], frame",
        RAW,
        "reads columns by their names",
        ENCODED + "(dict(zip(table.columns, rows.T)),))",
        right=NET,
    ),
    "codes": Case(
        "model, row, table = torch.nn.EmbeddingBag(3, 2), [1.0, 2.0], [[1.0, 2.0], [0.0, 1.0]]",
        RAW,
        "takes whole numbers",
        ENCODED + "rows.long())",
    ),
    "not fitted": Case(
        f"{TABLE}\ntable, labels, model = A, y, LogisticRegression()",
        ASKED.format("model"),
        "this LogisticRegression is not fitted yet (NotFittedError",
        "model.fit(table, labels)",
        ASKED,
        ARRAY,
    ),
    "a class": Case(
        f"{TABLE}\ntable, labels = A, y",
        ASKED.format("LogisticRegression"),
        "got the class LogisticRegression",
        "LogisticRegression(…).fit(table, labels)",
        ASKED.replace("{}", "LogisticRegression().fit(table, labels)"),
        ARRAY,
    ),
    "transform alone": Case(
        f"{TABLE}\nmodel = PCA(2).fit(A)",
        ASKED.format("model"),
        "got PCA, which makes features",
        "lambda rows: model.transform(rows)",
        ASKED,
    ),
    "fit_predict alone": Case(
        f"{TABLE}\ntable, model = A, DBSCAN(eps=3).fit(A)",
        ASKED.format("model"),
        "labels the rows that it was fitted to and no others",
        "KNeighborsClassifier().fit(table, model.labels_)",
        ASKED,
    ),
    "a search without a model": Case(
        f"{TABLE}\ntable, labels = A, y\n"
        "model = GridSearchCV(LogisticRegression(), {'C': [1.0]}, refit=False).fit(A, y)",
        ASKED.format("model"),
        "which keeps no fitted model with refit=False",
        "model.set_params(refit=True).fit(table, labels)",
        ASKED,
        ARRAY,
    ),
    "a search by two scores without a model": Case(
        f"{TABLE}\ntable, labels, scoring = A, y, ['accuracy', 'roc_auc']\n"
        "model = GridSearchCV(LogisticRegression(), {'C': [1.0]}, refit=False, scoring=scoring).fit(A, y)",
        ASKED.format("model"),
        "which keeps no fitted model with refit=False",
        "model.set_params(refit='accuracy').fit(table, labels)",
        ASKED,
        ARRAY,
    ),
    "local outliers": Case(
        f"{TABLE}\ntable = A",
        ASKED.format("LocalOutlierFactor().fit(A)"),
        "scores other rows than its own only as",
        "LocalOutlierFactor(novelty=True).fit(table)",
        ASKED,
    ),
    "wants y": Case(
        f"{TABLE}\nmodel = NeedsLabel()",
        ASKED.format("model"),
        "model.predict also wants y",
        "forward=lambda model, inputs: model.predict(inputs, y=…)",
        "explain(model, x, 'exact_shap', forward=lambda model, inputs: model.predict(inputs, y=1))",
        SUM,
    ),
    "label for a number": Case(
        f"{TABLE}\nmodel = LogisticRegression().fit(A, y * 5)",
        "explain(model, x, 'exact_shap', target=5)",
        "class 5 is out of range, expected 0 to 1",
        "target='class 5'",
        "explain(model, x, 'exact_shap', {})",
        "explain(model, x, 'exact_shap', target=1)",
    ),
    "error of pairs": Case(
        "model = SVC(decision_function_shape='ovo').fit(A, y3)\nx = Tabular(A[0], A, labels=y3)",
        "explain(model, x, 'row_scores', where={'error': 0.1})",
        "where['error']: the model predicts no numbers to compare labels with: its scores are margins of pairs",
        "model.set_params(decision_function_shape='ovr')",
        "explain({}, x, 'row_scores', where={'label': {0}})",
    ),
    "pairs": Case(
        "model = SVC(decision_function_shape='ovo').fit(A, y3)\nx = Tabular(A[0], A, labels=y3)",
        "explain(model, x, 'confusion')",
        "its scores are margins of pairs of classes",
        "model.set_params(decision_function_shape='ovr')",
        "explain({}, x, 'confusion')",
        "explain(SVC().fit(A, y3), x, 'confusion')",
    ),
    "pairs as numbers": Case(
        "model = SVC(decision_function_shape='ovo').fit(A, y3)\nx = Tabular(A[0], A, labels=y3)",
        "explain(model, x, 'residuals')",
        "its scores are margins of pairs of classes",
        "model.set_params(decision_function_shape='ovr')",
        "explain({}, x, 'confusion')",
    ),
    "outliers": Case(
        "model = OneClassSVM().fit(A)\nx = Tabular(A[0], A, labels=numpy.where(y, 1, -1))",
        "explain(model, x, 'confusion')",
        "its score tells outliers and is no prediction",
        "classes=('outlier', 'inlier')",
        "explain(model, x, 'confusion', {})",
    ),
    "several labels": Case(
        "model = forest(A, numpy.stack([y, 1 - y], 1))\nx = Tabular(A[0], A, labels=y)",
        "explain(model, x, 'confusion')",
        "it gives each row several labels",
        "explain(lambda rows: model.predict_proba(rows)[0], …, classes=('no', 'yes'))",
        "explain(lambda rows: model.predict_proba(rows)[0], x, 'confusion', classes=('no', 'yes'))",
        "explain(forest(A, y), x, 'confusion')",
    ),
    "the second of several labels": Case(
        "Y = numpy.stack([1 - y, y3], 1)\n"
        "model, x = MultiOutputClassifier(LogisticRegression()).fit(A, Y), Tabular(A[0], A, labels=y3)",
        "explain(model, x, 'confusion', target=4)",
        "it gives each row several labels",
        "explain(lambda rows: model.predict_proba(rows)[1], …, classes=('class 0', 'class 1', 'class 2')), with the "
        "labels of that one: labels=numpy.asarray(Y)[:, 1], of the Y that it was fitted to",
        "explain(lambda rows: model.predict_proba(rows)[1], Tabular(A[0], A, labels=numpy.asarray(Y)[:, 1]), "
        "'confusion', classes=('class 0', 'class 1', 'class 2'))",
        "explain(LogisticRegression().fit(A, y3), x, 'confusion')",
    ),
    "the second of several labels that are strings": Case(
        "named = numpy.array(['lo', 'mid', 'hi'])[y3]\nx = Tabular(A[0], A, labels=named)\n"
        "both = numpy.stack([numpy.array(['n', 'p'])[y], named], 1)\n"
        "model = MultiOutputClassifier(LogisticRegression()).fit(A, both)",
        "explain(model, x, 'residuals', target=3)",
        "it gives each row several labels",
        "explain(lambda rows: model.predict_proba(rows)[1], …, classes=('hi', 'lo', 'mid'))",
        "explain(lambda rows: model.predict_proba(rows)[1], x, 'confusion', classes=('hi', 'lo', 'mid'))",
        "explain(LogisticRegression().fit(A, named), x, 'confusion')",
    ),
    "the second of several labels in columns": Case(
        "x, Y = Tabular(A[0], A, labels=1 - y), numpy.stack([y, 1 - y], 1)\n"
        "model = OneVsRestClassifier(LogisticRegression()).fit(A, Y)",
        "explain(model, x, 'roc', target=1)",
        "it gives each row several labels",
        "explain(lambda rows: model.predict_proba(rows)[:, 1], …, classes=('no', 'yes')), with the labels of that one: "
        "labels=numpy.asarray(Y)[:, 1], of the Y that it was fitted to",
        "explain(lambda rows: model.predict_proba(rows)[:, 1], Tabular(A[0], A, labels=numpy.asarray(Y)[:, 1]), 'roc', "
        "classes=('no', 'yes'))",
        "explain(LogisticRegression().fit(A, 1 - y), x, 'roc')",
    ),
    "several labels in columns": Case(
        "x = Tabular(A[0], A, labels=y)\n"
        "model = OneVsRestClassifier(LogisticRegression()).fit(A, numpy.stack([y, 1 - y], 1))",
        "explain(model, x, 'roc')",
        "it gives each row several labels",
        "explain(lambda rows: model.predict_proba(rows)[:, 0], …, classes=('no', 'yes'))",
        "explain(lambda rows: model.predict_proba(rows)[:, 0], x, 'roc', classes=('no', 'yes'))",
        "explain(lr, x, 'roc')",
    ),
    "one number": Case(
        "model = lambda rows: lr.predict_proba(rows)[:, 1]\nx = Tabular(A[0], A, labels=y)",
        "explain(model, x, 'confusion')",
        "the model gives one number, of which nothing tells a class",
        "classes=(first, second)",
        "explain(model, x, 'confusion', classes=('no', 'yes'))",
        "explain(lr, x, 'confusion')",
    ),
    "chosen labels": Case(
        "model = lr.predict\nx = Tabular(A[0], A, labels=y)",
        "explain(model, x, 'confusion')",
        "nothing tells a class",
        "classes=(first, second)",
        "explain(model, x, 'confusion', classes=('no', 'yes'))",
        "explain(lr, x, 'confusion')",
    ),
    "a regression": Case(
        "x = Tabular(A[0], A, labels=A[:, 0])",
        "explain(LinearRegression().fit(A, A[:, 0]), x, 'roc')",
        "the model predicts numbers",
        "'residuals'",
        "explain(LinearRegression().fit(A, A[:, 0]), x, {})",
    ),
    "two numbers": Case(
        "x = Tabular(A[0], A, labels=A[:, 0])",
        "explain(net, x, 'confusion')",
        "the labels are numbers such as 0.1257, and no classes",
        "'residuals', target=0",
        "explain(net, x, {})",
    ),
    "classes of a regression": Case(
        f"{TABLE}\nmodel = LinearRegression().fit(A, A[:, 0])",
        "explain(model, x, 'exact_shap', classes=['no', 'yes'])",
        "classes: two names, and the model predicts a number",
        "classes=('price',)",
        "explain(model, x, 'exact_shap', {})",
        SUM,
    ),
    "trees of CatBoost": Case(
        "model = catboost(coded, y)\nx = Tabular(coded.iloc[0], coded)",
        "explain(model, x, 'tree_shap')",
        "which shap cannot follow",
        "hidden='tree_path_dependent', scores=torch.logit",
        "explain(model, x, 'tree_shap', {})",
    ),
    "paths of CatBoost": Case(
        "model = catboost(coded, y)\nx = Tabular(coded.iloc[0], coded)",
        "explain(model, x, 'tree_shap', hidden='tree_path_dependent')",
        "its trees add up the log-odds",
        "hidden='tree_path_dependent', scores=torch.logit",
        "explain(model, x, 'tree_shap', {})",
    ),
    "interactions of CatBoost": Case(
        "model = catboost(coded, y)\nx = Tabular(coded.iloc[0], coded)",
        "explain(model, x, 'interaction', explainer='tree')",
        "which shap cannot follow",
        "explainer='exact'",
        "explain(model, x, 'interaction', {})",
    ),
    "rows of CatBoost": Case(
        "model = catboost(coded, y)\nx = Tabular(coded.iloc[0], coded)",
        "explain(model, x, 'row_shap', explainer='tree', rows=3)",
        "which shap cannot follow",
        "explainer='permutation'",
        "explain(model, x, 'row_shap', {}, rows=3)",
    ),
}

ONE_BY_ONE = "lambda inputs: numpy.stack([model({}) for {}])"
ANSWERS = {
    "a number": callable_(
        "lambda rows: float(rows[0, 0])", "got float", ONE_BY_ONE.format("inputs[[n]]", "n in range(inputs.shape[0])")
    ),
    "a number of a frame": callable_(
        "lambda rows: float(rows['a'].iloc[0])",
        "got float",
        ONE_BY_ONE.format("inputs.iloc[[n]]", "n in range(len(inputs))"),
        setup=READ,
    ),
    "a number of polars": callable_(
        "lambda rows: float(rows['a'][0])",
        "got float",
        ONE_BY_ONE.format("inputs[[n]]", "n in range(inputs.shape[0])"),
        setup="x = Tabular(polars.from_pandas(frame)[0], polars.from_pandas(frame))",
    ),
    "one row of one axis": callable_(
        "lambda row: row[0]", "got float64 (3,)", ONE_BY_ONE.format("one", "one in inputs")
    ),
    "two of one axis": callable_(
        "lambda row: row[0] + 0 * row[1]", "raised IndexError", ONE_BY_ONE.format("one", "one in inputs")
    ),
    "a dict of values": callable_(
        "lambda row: float(row['a'] + 0)",
        "raised TypeError",
        ONE_BY_ONE.format("inputs.iloc[n].to_dict()", "n in range(len(inputs))"),
        setup=READ,
    ),
    "arrays of a frame": callable_(
        "lambda rows: rows[:, 0]", "raised InvalidIndexError", "lambda inputs: model(inputs.to_numpy())", setup=READ
    ),
    "one text": callable_(
        "lambda text: float(len(text.split()))",
        "raised AttributeError",
        "lambda inputs: numpy.stack([model(one) for one in inputs])",
        "explain(words, x, 'exact_shap')",
        "x = Text('a good film')",
    ),
    "three axes": callable_(
        "lambda rows: rows[:, :1, None]",
        "got float64 (1, 1, 1)",
        "lambda inputs: numpy.reshape(model(inputs), (len(inputs), -1))",
    ),
    **{
        f"{outputs} squeezed from {kind}": callable_(
            f"lambda rows: numpy.squeeze(numpy.asarray(rows)[:, :{outputs}])",
            "got float64 (2,)" if outputs == 2 else "got ndarray",
            "lambda inputs: numpy.reshape(model(inputs), (len(inputs), -1))",
            f"explain(lambda rows: numpy.asarray(rows)[:, :{outputs}], x, 'exact_shap')",
            setup=setup,
        )
        for outputs in (1, 2)
        for kind, setup in (("an array", TABLE), ("a frame", READ))
    },
    "one row of a batch of one": callable_(
        "lambda rows: rows[:1, :2] if len(rows) > 1 else rows[:, :2]",
        "got float64 (1, 2)",
        "lambda inputs: numpy.concatenate([model(inputs[[n]]) for n in range(inputs.shape[0])])",
        "explain(lambda rows: rows[:, :2], x, 'exact_shap')",
    ),
    "a number of a list": callable_(
        "lambda texts: float(len(texts[0].split()))",
        "got float",
        "lambda inputs: numpy.stack([model([one]) for one in inputs])",
        "explain(words, x, 'exact_shap')",
        "x = Text('a good film')",
    ),
    "dates": callable_(
        "lambda rows: (100 * rows[:, 0]).astype('datetime64[D]')",
        "got datetime64[D] (1,)",
        "lambda inputs: (numpy.asarray(model(inputs)) - numpy.datetime64(0, 'D')) / numpy.timedelta64(1, 'D')",
        "explain(lambda rows: numpy.trunc(100 * rows[:, 0]), x, 'exact_shap')",
    ),
    "dates of polars": callable_(
        "lambda rows: (100 * rows['a']).cast(polars.Int32).cast(polars.Date)",
        "got datetime64[D] (1,)",
        "lambda inputs: (numpy.asarray(model(inputs)) - numpy.datetime64(0, 'D')) / numpy.timedelta64(1, 'D')",
        "explain(lambda rows: numpy.trunc(100 * rows['a'].to_numpy()), x, 'exact_shap')",
        setup="x = Tabular(polars.from_pandas(frame)[0], polars.from_pandas(frame))",
    ),
    "durations": callable_(
        "lambda rows: (100 * rows[:, 0]).astype('timedelta64[D]')",
        "got timedelta64[D] (1,)",
        "lambda inputs: numpy.asarray(model(inputs)) / numpy.timedelta64(1, 'D')",
        "explain(lambda rows: numpy.trunc(100 * rows[:, 0]), x, 'exact_shap')",
    ),
    "a generator": callable_(
        "lambda rows: (row[0] for row in rows)", "got generator", "lambda inputs: list(model(inputs))"
    ),
    "a dict": callable_("lambda rows: {'score': rows[:, 0]}", "got dict", "lambda inputs: model(inputs)['score']"),
    "two columns": callable_(
        "lambda rows: (rows[:, 1], rows[:, 0])",
        "2 numbers of each",
        "lambda inputs: numpy.stack(model(inputs), axis=1)",
        "explain(lambda rows: rows[:, [1, 0]], x, 'exact_shap')",
    ),
    "complex numbers": callable_(
        "lambda rows: rows[:, 0] * 1j", "got complex128", "lambda inputs: numpy.abs(model(inputs))", ""
    ),
    "masked": callable_(
        "lambda rows: numpy.ma.masked_array(rows[:, 0], rows[:, 0] < 9)",
        "are masked",
        "lambda inputs: model(inputs).filled(0)",
        "",
    ),
    "sorted rows": callable_(
        "lambda rows: rows['a'].sort_values()",
        "in another order",
        "lambda inputs: model(inputs).loc[inputs.index]",
        setup=READ,
    ),
    "sorted rows of an array": callable_(
        "lambda rows: pandas.Series(rows[:, 0]).sort_values()",
        "in another order",
        "lambda inputs: model(inputs).sort_index()",
    ),
    "columns in turn": callable_(
        "Turning()",
        "its columns are 'b', 'a', and were 'a', 'b' at the call before",
        "lambda inputs: model(inputs)[['a', 'b']]",
        "explain(lambda rows: rows[:, :2], x, 'exact_shap')",
    ),
}
PAIR = "x = Text(('a good film', 'is good'))"
COUNTED = "explain(lambda pairs: words([' '.join(pair) for pair in pairs]), x, 'exact_shap')"
JOINED = "lambda pairs: {}([' '.join(pair) for pair in pairs])"
TEXTS = {
    "pipeline of strings": Case(
        f"{PAIR}\nmodel = make_pipeline(CountVectorizer(), LogisticRegression()).fit(['good film', 'bad'], [1, 0])",
        ASKED.format("model"),
        "model.predict_proba gets a list of pairs of texts, such as ('a good film', 'is good'), and raised",
        JOINED.format("model.predict_proba"),
        ASKED,
        ASKED.format(JOINED.format("model.predict_proba")),
    ),
    "callable of strings": callable_(
        "lambda texts: [float(len(text.split())) for text in texts]",
        "model gets a list of pairs of texts",
        JOINED.format("model"),
        COUNTED,
        PAIR,
    ),
    "two lists": callable_(
        "lambda firsts, seconds: numpy.add(words(firsts), words(seconds))",
        "missing 1 required positional argument",
        "lambda pairs: model(*map(list, zip(*pairs)))",
        COUNTED,
        PAIR,
    ),
    "two strings": callable_(
        "lambda first, second: float(len(f'{first} {second}'.split()))",
        "missing 1 required positional argument",
        "lambda pairs: [model(*pair) for pair in pairs]",
        COUNTED,
        PAIR,
    ),
    "one pair": callable_(
        "lambda pair: float(len(pair[0].split()) + len(pair[1].split()))",
        "'tuple' object has no attribute 'split'",
        "lambda pairs: [model(pair) for pair in pairs]",
        COUNTED,
        PAIR,
    ),
    "labels of texts": Case(
        "x = Text('a good film')\nmodel = lambda texts: ['pos' if 'good' in text else 'neg' for text in texts]",
        ASKED.format("model"),
        "it returned the label 'neg', and 'pos' for the input itself; say which labels there are",
        "classes=['pos', 'neg']",
        "explain(model, x, 'exact_shap', {})",
        "explain(lambda texts: numpy.array([float('good' in text) for text in texts]), x, 'exact_shap')",
    ),
    "another label of a text": Case(
        "x = Text('a good film')\nmodel = lambda texts: ['pos' if 'good' in text else 'neg' for text in texts]",
        "explain(model, x, 'exact_shap', target='neg')",
        "target: there is no class 'neg'; the model returned 'pos' for the input itself; say which labels there are",
        "classes=['pos', 'neg']",
        "explain(model, x, 'exact_shap', target='neg', {})",
        "explain(lambda texts: numpy.array([float('good' not in text) for text in texts]), x, 'exact_shap')",
    ),
}
CASES = {**INPUTS, **TABLES, **MODELS, **ANSWERS, **TEXTS}


class Two(torch.nn.Module):
    """A network of two inputs, as `net` is of one."""

    def __init__(self) -> None:
        super().__init__()
        self.net = world()["net"]

    def forward(self, num: torch.Tensor, cat: torch.Tensor) -> torch.Tensor:
        return self.net(torch.cat([num, cat], 1))


class TwoKeywords(Two):
    def forward(self, *, num: torch.Tensor, cat: torch.Tensor) -> torch.Tensor:
        return self.net(torch.cat([num, cat], 1))


class ByName(Two):
    def forward(self, columns: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.net(torch.stack([columns[name] for name in "abc"], 1))


class NeedsLabel:
    def predict(self, rows: numpy.ndarray, y: int) -> numpy.ndarray:
        return rows[:, 0] * y


class Turning:
    """Its columns change places after the first call."""

    calls = 0

    def __call__(self, rows: numpy.ndarray) -> pandas.DataFrame:
        self.calls += 1
        return pandas.DataFrame(rows[:, :2], columns=["a", "b"])[["a", "b"] if self.calls == 1 else ["b", "a"]]


def forest(rows: numpy.ndarray, labels: numpy.ndarray) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(1, bootstrap=False, max_features=None, max_depth=1, random_state=0).fit(rows, labels)


def booster(rows: pandas.DataFrame, labels: numpy.ndarray) -> Any:
    import xgboost

    return xgboost.train({"max_depth": 2}, xgboost.DMatrix(rows, labels), 3)


def catboost(rows: pandas.DataFrame, labels: numpy.ndarray) -> Any:
    from catboost import CatBoostClassifier

    settings: dict[str, Any] = {"iterations": 3, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    return CatBoostClassifier(**settings, cat_features=["kind"]).fit(rows, labels)


@functools.cache
def world() -> dict[str, Any]:
    """What the calls may name."""
    table = numpy.random.default_rng(0).normal(size=(40, 3))
    labels, three = (table[:, 0] > 0).astype(int), numpy.digitize(table[:, 0], [-0.5, 0.5])
    frame = pandas.DataFrame(table, columns=list("abc"))
    net = torch.nn.Linear(3, 2)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[1.0, 2, 3], [0, 1, -1]]))
        net.bias.zero_()
    made = {
        "A": table,
        "y": labels,
        "y3": three,
        "named": numpy.array(["ill", "well"])[labels],
        "frame": frame,
        "coded": frame[["a", "b"]].assign(kind=list("xyzx") * 10),
        "net": net,
        "lr": LogisticRegression().fit(table, labels),
        "lrd": LogisticRegression().fit(frame, labels),
        "words": lambda texts: numpy.array([float(len(text.split())) for text in texts]),
    }
    return {**{name: getattr(nbexplain, name) for name in nbexplain.__all__}, **globals(), **KNOWN, **made}


def tried(case: Case) -> dict[str, Any]:
    names = dict(world())
    exec(case.setup, names)
    return names


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_advised_call_works(case: Case) -> None:
    names = tried(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # of shap, as it is imported
        with pytest.raises((TypeError, ValueError, RuntimeError, FileNotFoundError)) as caught:
            eval(case.call, names)
        message = str(caught.value)
        assert case.reason in message
        assert case.advice in message
        found = eval(case.follow.replace("{}", case.advice), tried(case))
    if case.right:
        numpy.testing.assert_allclose(found.values, eval(case.right, tried(case)).values, atol=1e-6)


def test_labels_that_no_class_is_chosen_for_are_not_used_in_silence() -> None:
    table, labels = world()["A"], world()["y3"]
    x = nbexplain.Tabular(table[0], table, labels=labels)
    model = SVC(decision_function_shape="ovo").fit(table, labels)
    found = nbexplain.explain(model, x, "permutation_importance", target=0)
    assert any("the labels are not used: its scores are margins of pairs" in note for note in found.warnings)
    bare = nbexplain.explain(model, nbexplain.Tabular(table[0], table), "permutation_importance", target=0)
    numpy.testing.assert_array_equal(found.values, bare.values)


class Relabelled(LogisticRegression):
    """Its classes change places at each call, as those of what is fitted again meanwhile."""

    def predict_proba(self, rows: numpy.ndarray) -> numpy.ndarray:
        self.classes_ = self.classes_[::-1]
        return super().predict_proba(rows)


def test_classes_that_change_between_calls_are_noticed() -> None:
    table, labels = world()["A"], world()["y"]
    with pytest.raises(ValueError, match=r"model: its classes_ are \[.*\] now, and were \[.*\] at the call before"):
        nbexplain.explain(Relabelled().fit(table, labels), nbexplain.Tabular(table[0], table), "exact_shap")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (lambda count: [None] * count, "model: it returned None for 1 of 1 inputs"),
        (
            lambda count: ["0.5"] * count,
            r"model: it returned numbers as strings, such as '0.5'; let it return floats: .*, or, if they are labels "
            r"of classes, say which there are: classes=\[…\], all of them",
        ),
        (lambda count: None, "got None: does it lack a return"),
    ],
)
def test_what_is_no_number_is_named(values: Any, message: str) -> None:
    table = world()["A"]
    with pytest.raises(ValueError, match=message):
        nbexplain.explain(lambda rows: values(len(rows)), nbexplain.Tabular(table[0], table), "exact_shap")


@pytest.mark.parametrize("made", [lambda values: numpy.array(values, dtype=object), list], ids=["objects", "a list"])
def test_what_is_no_number_among_numbers_is_named(made: Any) -> None:
    def model(rows: numpy.ndarray) -> Any:
        return made(["n/a" if value > 4 else float(value) for value in rows[:, 0]])

    table = numpy.arange(8.0)[:, None]  # of which three are above 4
    with pytest.raises(ValueError, match="model: expected numbers, got strings such as 'n/a' among 5 numbers"):
        nbexplain.explain(model, nbexplain.Tabular(table[0], table), "permutation_importance")


def test_a_number_of_a_label_that_the_text_has_not_is_refused_with_the_reason() -> None:
    model = lambda texts: ["pos" if "good" in text else "neg" for text in texts]  # noqa: E731
    message = re.escape(
        "target: class 1 is out of range, expected 0 to 0; the model returned 'pos' for the input itself; say which "
        "labels there are: classes=['pos', …], all of them"
    )
    text = nbexplain.Text("a good film")
    with pytest.raises(ValueError, match=message):
        nbexplain.explain(model, text, "exact_shap", target=1)
    session = nbexplain.Session(model, text)
    with pytest.raises(ValueError, match=message):
        session.select(target=1)
    session.close()


def test_names_of_outliers_and_labels_are_used() -> None:
    table = world()["A"]
    told = numpy.where(table[:, 0] > 0, 7, 3)
    x = nbexplain.Tabular(table[0], table, labels=told)
    found = nbexplain.explain(lambda rows: numpy.where(rows[:, 0] > 0, 7, 3), x, "confusion", classes=("no", "yes"))
    numpy.testing.assert_array_equal(found.values, numpy.diag([(told == 3).sum(), (told == 7).sum()]))
    model = OneClassSVM().fit(table)
    x = nbexplain.Tabular(table[0], table, labels=model.predict(table))
    found = nbexplain.explain(model, x, "confusion", classes=("outlier", "inlier"))
    assert found.values.trace() == len(table)


def test_a_masked_row_is_missing_where_it_is_masked() -> None:
    row = numpy.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
    assert numpy.isnan(nbexplain.Tabular(row, background=world()["A"]).tensor[0].numpy()).tolist() == [
        False,
        True,
        False,
    ]


TWICE = pandas.DataFrame(numpy.random.default_rng(0).normal(size=(9, 3)), columns=["a", "b", "b"])


class OfFrames:
    """What it predicts of rows is known: their columns, called as they were, times 1, 2 and 3."""

    def __init__(self, columns: pandas.Index) -> None:
        self.columns = columns

    def predict(self, rows: pandas.DataFrame) -> numpy.ndarray:
        assert list(rows.columns) == list(self.columns)
        return numpy.asarray(rows.to_numpy() @ [1.0, 2, 3])


@pytest.mark.parametrize(
    ("take", "options"),
    [
        (lambda table: table.iloc[[3]], {}),
        (lambda table: table.iloc[3], {}),
        (lambda table: table.iloc[3], {"names": ["a", "b", "b2"]}),
        (lambda table: table.iloc[3].to_numpy(), {"names": ["a", "b", "b2"]}),
        (lambda table: table.iloc[3].to_list(), {}),
    ],
    ids=["a frame", "a series", "a series and names", "an array and names", "a list"],
)
@pytest.mark.parametrize("framed", [True, False], ids=["of a frame", "of an array"])
def test_columns_that_are_called_alike_can_be_explained(take: Any, options: Any, framed: bool) -> None:
    row, table = take(TWICE), TWICE if framed else TWICE.to_numpy()
    if not framed and not hasattr(row, "set_axis"):
        pytest.skip("nothing is called alike")
    with pytest.raises(ValueError, match="names: expected each column once") as said:
        nbexplain.Tabular(row, table, **options)
    call, names = re.findall(r"(explain\(.*), …\), or predict_proba, with names = (\[.*?\])(?:;|$)", str(said.value))[0]
    known = {"row": row, "table": table, "model": OfFrames(TWICE.columns), "explain": nbexplain.explain}
    known |= {"Tabular": nbexplain.Tabular}
    known["names"] = eval(names, known)
    found = eval(f"{call}, 'exact_shap')", known)
    numbers = TWICE.to_numpy()
    numpy.testing.assert_allclose(found.values, (numbers[3] - numbers.mean(0)) * [1, 2, 3])


def test_a_row_in_another_order_than_columns_that_are_called_alike_is_not_advised() -> None:
    with pytest.raises(ValueError, match=r"Tabular\(table\.iloc\[\[0\]\]\.set_axis\(names, axis=1\), table\.set_axis"):
        nbexplain.Tabular(TWICE.iloc[3, [1, 0, 2]], TWICE)
