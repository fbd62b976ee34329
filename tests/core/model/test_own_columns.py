"""Columns in another order than at the fit, and columns besides: each estimator's own way of matching them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from catboost import CatBoostClassifier, CatBoostRegressor, Pool
from lightgbm import LGBMClassifier
from sklearn.pipeline import make_pipeline

from nbexplain import Tabular, explain

DRAW = np.random.default_rng(0)
FRAME = pd.DataFrame(DRAW.normal(size=(60, 3)), columns=list("abc"))
TURNED = FRAME[["c", "b", "a"]]
MORE = FRAME.assign(z=DRAW.normal(size=60))[["z", "b", "a", "c"]]
LABELS = (FRAME.a + FRAME.b / 2 > 0).astype(int)
FEW: dict[str, Any] = {"iterations": 5, "verbose": 0, "allow_writing_files": False}
MIXED = pd.DataFrame({"n": FRAME.a, "k": DRAW.choice(["u", "v", "w"], 60), "m": DRAW.integers(0, 4, 60)})
WANTED = MIXED.n + 2 * (MIXED.k == "u") + (MIXED.m == 2)


def given(frame: Any) -> Tabular:
    return Tabular(frame[:1] if isinstance(frame, pl.DataFrame) else frame.iloc[[0]], frame)


def cat() -> CatBoostClassifier:
    return CatBoostClassifier(**FEW).fit(FRAME, LABELS)


@pytest.mark.parametrize("wrap", [lambda model: model, lambda model: make_pipeline("passthrough", model)])
@pytest.mark.parametrize("frame", [TURNED, MORE, pl.from_pandas(TURNED)], ids=["turned", "more", "polars"])
def test_importances_of_catboost_belong_to_the_names(frame: Any, wrap: Any) -> None:
    model = cat()
    own = dict(zip(FRAME.columns, model.feature_importances_))
    found = explain(wrap(model), given(frame), "forest_importance")
    assert dict(zip(found.names, found.values)) == pytest.approx({name: own.get(name, 0.0) for name in found.names})
    assert own["a"] > 2 * own["c"]  # so that the order is seen


@pytest.mark.parametrize("frame", [TURNED, MORE, pl.from_pandas(TURNED)], ids=["turned", "more", "polars"])
def test_trees_of_catboost_split_the_columns_that_they_name(frame: Any) -> None:
    model, x = cat(), given(frame)
    asked: dict[str, Any] = {"target": 1, "scores": torch.logit}
    ours, right = (explain(model, x, key, **asked) for key in ("tree_shap", "exact_shap"))
    np.testing.assert_allclose(ours.values, right.values, atol=1e-6)
    paths = explain(model, x, "tree_shap", hidden="tree_path_dependent", **asked)
    theirs = model.get_feature_importance(Pool(FRAME[:1]), type="ShapValues")[0]
    own = dict(zip(FRAME.columns, theirs))
    np.testing.assert_allclose(paths.values, [own.get(name, 0.0) for name in paths.names], atol=1e-6)


def test_catboosts_own_values_of_categories_belong_to_the_names() -> None:
    model = CatBoostRegressor(**FEW, cat_features=["k"]).fit(MIXED, WANTED)
    theirs = model.get_feature_importance(Pool(MIXED[:1], cat_features=["k"]), type="ShapValues")[0]
    x = given(MIXED[["m", "k", "n"]])
    found = explain(model, x, "tree_shap", hidden="tree_path_dependent")
    np.testing.assert_allclose(found.values, theirs[[2, 1, 0]], atol=1e-6)


def test_an_array_that_catboost_was_trained_on_has_no_names() -> None:
    model = CatBoostClassifier(**FEW).fit(FRAME.to_numpy(), LABELS)
    numbered = FRAME.set_axis(["2", "1", "0"], axis=1)
    for frame in (numbered, TURNED.set_axis(list("abc"), axis=1)):
        found = explain(model, given(frame), "forest_importance")
        np.testing.assert_array_equal(found.values, model.feature_importances_)


def test_it_is_said_that_lightgbm_reads_columns_by_their_places() -> None:
    frame = FRAME.rename(columns={"a": "the a"})
    model = LGBMClassifier(n_estimators=3, min_child_samples=2, verbose=-1).fit(frame, LABELS)
    said = "trained on these columns in another order, 'the_a', 'b', 'c', and LightGBM reads them by their places"
    turned = frame[["c", "b", "the a"]]
    for one, order in ((model, "model.feature_name_"), (model.booster_, "model.feature_name()")):
        for method in ("exact_shap", "forest_importance"):
            notes = explain(one, given(turned), method).warnings
            assert any(said in note and "it takes 'c' for 'the_a'" in note and order in note for note in notes)
        for silent in (frame, frame.set_axis(list("pqr"), axis=1)):
            assert not explain(one, given(silent), "exact_shap").warnings
    values = explain(model, given(turned), "exact_shap", target=1).values
    as_it_is_called = explain(lambda rows: model.predict_proba(rows)[:, 1], given(turned), "exact_shap").values
    np.testing.assert_allclose(values, as_it_is_called, atol=1e-9)


@pytest.mark.parametrize("order", [["n", "k", "m"], ["m", "k", "n"]])
def test_single_categories_that_catboost_splits(order: list[str]) -> None:
    """One-hot splits, of strings and of numbers that are named as categories, and of a category that is new."""
    for named, categories in ((["k"], None), (["k", "m"], {"m": [0, 1, 2, 3]})):
        model = CatBoostRegressor(**FEW, depth=2, cat_features=named, one_hot_max_size=10).fit(MIXED, WANTED)
        frame = MIXED[order] if len(named) == 1 else MIXED
        frame = frame.assign(k=frame.k.where(frame.index != 5, "new"))
        x = Tabular(frame.iloc[[0]], frame, categories=categories)
        ours, right = (explain(model, x, key) for key in ("tree_shap", "exact_shap"))
        np.testing.assert_allclose(ours.values, right.values, atol=1e-6)
        assert abs(ours.values[list(ours.names).index("k")]) > 0.01


def test_numbers_that_catboost_takes_for_categories_are_to_be_named() -> None:
    model = CatBoostRegressor(**FEW, depth=2, cat_features=["m"], one_hot_max_size=10).fit(MIXED[["n", "m"]], WANTED)
    frame = MIXED[["n", "m"]]
    with pytest.raises(ValueError, match=r"the numbers of 'm' for categories; name them with Tabular\(…, categories="):
        explain(model, given(frame), "tree_shap")
    named = Tabular(frame.iloc[[0]], frame, categories={"m": [0, 1, 2, 3]})
    ours, right = (explain(model, named, key) for key in ("tree_shap", "exact_shap"))
    np.testing.assert_allclose(ours.values, right.values, atol=1e-6)


def test_texts_of_catboost_are_explained_by_other_means() -> None:
    texts = DRAW.choice(["good film", "bad film", "so so", "fine by me"], 60)
    frame = pd.DataFrame({"n": FRAME.a, "t": texts})
    model = CatBoostClassifier(**FEW, text_features=["t"]).fit(frame, frame.t == "bad film")
    x = given(frame)
    with pytest.raises(ValueError, match="CatBoost splits statistics that it makes of texts, which shap cannot follow"):
        explain(model, x, "tree_shap", target=1)
    rows = explain(model, x, "row_shap", target=1, rows=3)
    assert rows.details == {"rows by permutation": 3, "background rows": 50}
    assert rows.gap < 1e-9
    pairs = explain(model, x, "interaction", target=1)
    right = explain(model, x, "exact_shap", target=1, background=50).values
    np.testing.assert_allclose(pairs.values.sum(1), right, atol=1e-9)
    paths = explain(model, x, "tree_shap", target=1, hidden="tree_path_dependent", scores=torch.logit)
    theirs = model.get_feature_importance(Pool(frame[:1], text_features=["t"]), type="ShapValues")[0]
    np.testing.assert_allclose(paths.values, theirs[:2], atol=1e-6)
