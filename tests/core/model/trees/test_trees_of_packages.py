"""What is read of each package's trees: against the package's own SHAP values, and where reading ends, the reason."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import shap
import torch
from catboost import CatBoostClassifier, CatBoostRegressor, Pool
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor
from torch import nn
from xgboost import DMatrix, XGBClassifier, XGBRegressor

from nbexplain import METHODS, Subject, explain
from nbexplain.core.model.trees.ensemble import NoTrees
from nbexplain.core.model.trees.reading import ensemble_of
from nbexplain.core.model.trees.walk import Walk
from nbexplain.inputs import Tabular
from nbexplain.session import Session
from tests.zoo import estimators as z
from tests.zoo.estimators_with_trees import (
    BY_SETS,
    CAT,
    FEW,
    HISTOGRAM,
    LIGHT,
    LIGHT_STOPS,
    XGB,
    stopped,
    xgboost_booster,
)


def given(data: Any, row: int = 20) -> Tabular:
    return Tabular(data.iloc[[row]] if hasattr(data, "iloc") else data[row], data)


def along_paths(model: Any, data: Any, **asked: Any) -> np.ndarray:
    """Values (F,) and the base after them."""
    ours = explain(model, given(data), "tree_shap", hidden="tree_path_dependent", **asked)
    assert abs(ours.gap) < 1e-5  # type: ignore[arg-type]
    return np.append(ours.values, ours.base)


def test_paths_are_xgboosts_own() -> None:
    model = XGBRegressor(**XGB).fit(z.missing(), z.number())
    theirs = model.get_booster().predict(DMatrix(z.missing()[20:21]), pred_contribs=True)[0]
    np.testing.assert_allclose(along_paths(model, z.missing()), theirs, atol=1e-5)
    model = XGBRegressor(**XGB, enable_categorical=True, max_cat_to_onehot=1).fit(z.mixed(), z.of_mixed())
    row = DMatrix(z.mixed().iloc[[20]], enable_categorical=True)
    theirs = model.get_booster().predict(row, pred_contribs=True)[0]
    assert abs(theirs[2]) > 0.01  # of the category
    np.testing.assert_allclose(along_paths(model, z.mixed()), theirs, atol=1e-5)


def test_log_odds_along_paths_are_shaps_default() -> None:
    model = XGBClassifier(**XGB).fit(z.missing(), z.two())
    explainer = shap.TreeExplainer(model)
    theirs = np.append(explainer.shap_values(z.missing()[20:21])[0], explainer.expected_value)
    ours = along_paths(model, z.missing(), scores=torch.logit, target=1)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    with pytest.raises(ValueError, match=r"add up the log-odds, and .* their sum alone \(scores=torch.logit"):
        along_paths(model, z.missing(), target=1)


def test_paths_are_lightgbms_own() -> None:
    for model, data, labels in (
        (LGBMRegressor(**LIGHT), z.numbers(), z.number()),
        (LGBMRegressor(**LIGHT, **BY_SETS), z.mixed(), z.of_mixed()),
    ):
        model.fit(data, labels)
        row = data.iloc[[20]] if hasattr(data, "iloc") else data[20:21]
        theirs = model.predict(row, pred_contrib=True)[0]
        assert abs(theirs[2]) > 0.01  # of the category
        np.testing.assert_allclose(along_paths(model, data), theirs, atol=1e-5)


def test_paths_are_catboosts_own_with_and_without_categories() -> None:
    for model, data, labels in (
        (CatBoostRegressor(**CAT), z.missing(), z.number()),
        (CatBoostRegressor(**CAT, cat_features=["colour"]), z.words(), z.of_mixed()),
    ):
        model.fit(data, labels)
        row = data.iloc[[20]] if hasattr(data, "iloc") else data[20:21]
        pool = Pool(row, cat_features=model.get_cat_feature_indices())
        theirs = model.get_feature_importance(pool, type="ShapValues")[0]
        assert np.abs(theirs[:-1]).max() > 0.05
        np.testing.assert_allclose(along_paths(model, data), theirs, atol=1e-5)
    classes = CatBoostClassifier(**CAT, cat_features=["colour"]).fit(z.words(), z.of_mixed() > 1)
    with pytest.raises(ValueError, match="its trees add up the log-odds"):
        along_paths(classes, z.words(), target=1)
    with pytest.raises(ValueError, match=r"CatBoost splits statistics .* hidden='tree_path_dependent'"):
        explain(classes, given(z.words()), "tree_shap", target=1)


def test_as_many_trees_are_followed_as_predict_uses() -> None:
    """The classes like scikit-learn's stop at the best round, a Booster of XGBoost does not."""
    table = given(z.numbers())
    few = {**XGB, "n_estimators": 30, "learning_rate": 0.9}
    dressed = stopped(XGBClassifier(**few, early_stopping_rounds=3), verbose=False)
    booster = xgboost_booster(True)
    light = stopped(LGBMClassifier(**{**LIGHT, "n_estimators": 40}, learning_rate=0.9), **LIGHT_STOPS)
    assert dressed.best_iteration + 1 < dressed.get_booster().num_boosted_rounds()
    assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    assert light.best_iteration_ < light.n_estimators
    for model, used in (
        (dressed, dressed.best_iteration + 1),
        (booster, booster.num_boosted_rounds()),
        (light, light.best_iteration_),
    ):
        ours = explain(model, table, "tree_shap", target=1, scores=torch.logit)
        right = explain(model, table, "exact_shap", target=1, scores=torch.logit)
        np.testing.assert_allclose(ours.values, right.values, atol=1e-5)
        ensemble = ensemble_of(model, table.columns, table.outside(table.tensor))
        sums = Walk(ensemble).sums(table.background, used)
        said = model.predict_proba(z.numbers())[:, 1] if model is not booster else model.predict(DMatrix(z.numbers()))
        np.testing.assert_allclose(1 / (1 + np.exp(-sums[:, 0])), said, atol=1e-5)


def test_a_category_that_was_not_there_at_the_fit_goes_where_the_model_sends_it() -> None:
    data = z.mixed().assign(colour=z.mixed().colour.cat.add_categories(["pink"]))
    row = data.iloc[[20]].copy()
    row["colour"] = pd.Categorical(["pink"], data.colour.cat.categories)
    table = Tabular(row, data[:8])
    for model in (HistGradientBoostingRegressor(**HISTOGRAM), LGBMRegressor(**LIGHT, **BY_SETS)):
        ours, right = (explain(model.fit(z.mixed(), z.of_mixed()), table, key) for key in ("tree_shap", "exact_shap"))
        np.testing.assert_allclose(ours.values, right.values, atol=1e-6)
        assert abs(ours.values[2]) > 1e-3


@pytest.mark.parametrize(
    "model",
    [XGBRegressor(**XGB), LGBMRegressor(**LIGHT), CatBoostRegressor(**CAT), HistGradientBoostingRegressor(**HISTOGRAM)],
    ids=lambda model: type(model).__name__,
)
def test_holes_that_were_not_there_at_the_fit_go_where_the_model_sends_them(model: Any) -> None:
    model.fit(z.numbers() + 1, z.number())  # so that 0, for which LightGBM takes them, is not in the middle
    table = Tabular(z.missing()[1] + 1, z.missing()[:30] + 1)
    assert np.isnan(table.background).any(0).all()
    ours, right = (explain(model, table, key) for key in ("tree_shap", "exact_shap"))
    np.testing.assert_allclose(ours.values, right.values, atol=2e-6)


def test_codes_of_categories_are_those_of_the_fit() -> None:
    """Numbers for categories, and a frame whose categories stand in another order than at the fit."""
    draw = np.random.default_rng(4)
    frame = pd.DataFrame({"size": z.numbers()[:, 0], "plan": pd.Categorical(draw.choice([10, 20, 30], z.ROWS))})
    frame["colour"] = pd.Categorical(draw.choice(["red", "green", "blue"], z.ROWS), ["red", "green", "blue"])
    wanted = 3 * (frame.plan == 20) + 2 * (frame.colour == "green") + frame["size"]
    turned = frame.assign(colour=frame.colour.cat.reorder_categories(["blue", "green", "red"]))
    marked = frame.assign(colour=frame.colour.cat.rename_categories({"green": "grün"}))
    for model in (
        XGBRegressor(**XGB, enable_categorical=True, max_cat_to_onehot=1),
        LGBMRegressor(**LIGHT, **BY_SETS),
        HistGradientBoostingRegressor(**HISTOGRAM),
    ):
        for fitted, data in ((frame, frame), (frame, turned), (marked, marked)):
            model.fit(fitted, wanted)
            table = Tabular(data.iloc[[1]], data[:20])
            ours, right = (explain(model, table, key) for key in ("tree_shap", "exact_shap"))
            np.testing.assert_allclose(ours.values, right.values, atol=1e-6)
            assert (np.abs(ours.values) > 0.01).all()


@pytest.mark.parametrize("base", [{}, {"base_score": -1.0}])
def test_the_base_of_raw_logits_is_a_margin(base: dict[str, float]) -> None:
    model = XGBClassifier(**XGB, **base, objective="binary:logitraw").fit(z.numbers(), z.two())
    for one in (model, model.get_booster()):
        ours, right = (explain(one, given(z.numbers()), key, target=1) for key in ("tree_shap", "exact_shap"))
        np.testing.assert_allclose(ours.values, right.values, atol=1e-5)


def squares(said: Any, wanted: Any) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and curvature of half the squared error, for any order of LightGBM's arguments."""
    said, wanted = (said, wanted.get_label()) if hasattr(wanted, "get_label") else (wanted, said)
    return said - wanted, np.ones(len(said))


@pytest.mark.filterwarnings("ignore:Cannot compute class probabilities")  # LightGBM's own
@pytest.mark.parametrize("kind", ["booster", "regressor", "classifier"])
def test_trees_of_lightgbm_with_an_objective_of_ones_own(kind: str) -> None:
    options = {**LIGHT, "objective": squares}
    if kind == "booster":
        own = {"objective": squares, "verbose": -1, "min_data_in_leaf": 2}
        model: Any = lightgbm.train(own, lightgbm.Dataset(z.numbers(), z.number()), 4)
    else:
        regresses = kind == "regressor"
        model = (LGBMRegressor if regresses else LGBMClassifier)(**options)
        model.fit(z.numbers(), z.number() if regresses else z.two())
    target = {"target": 1} if kind == "classifier" else {}
    ours, right = (explain(model, given(z.numbers()), key, **target) for key in ("tree_shap", "exact_shap"))
    np.testing.assert_allclose(ours.values, right.values, atol=1e-6)
    rows = explain(model, given(z.numbers()), "row_shap", rows=3, **target)
    assert rows.details == {"rows by tree": 3, "background rows": 50}
    assert explain(model, given(z.numbers()), "interaction", **target).gap < 1e-5


def test_trees_that_are_too_large_for_shaps_loop_are_refused() -> None:
    rows = np.random.default_rng(0).normal(size=(20_000, 2))
    model = DecisionTreeRegressor(random_state=0).fit(rows, rows[:, 0])
    assert model.tree_.node_count > 32_767
    with pytest.raises(ValueError, match="trees of up to 32,767 nodes, and the largest has"):
        explain(model, Tabular(rows[0], rows[:9]), "tree_shap")


def test_what_cannot_be_read_says_why() -> None:
    x = given(z.numbers())
    zero = LGBMRegressor(**LIGHT, zero_as_missing=True).fit(z.numbers().round(), z.number())
    with pytest.raises(NoTrees, match="takes 0 as missing"):
        ensemble_of(zero, x.columns, z.numbers()[:1])
    forest = RandomForestClassifier(**FEW).fit(z.numbers(), z.two())
    with pytest.raises(NoTrees, match="it splits column 3, and the table has 3"):
        ensemble_of(forest, x.columns[:3], z.numbers()[:1])


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        (OneVsRestClassifier(LinearSVC()), ""),
        (OneVsRestClassifier(RandomForestClassifier(**FEW)), "estimators_[k] by itself may be explained"),
        (
            VotingClassifier([("line", LogisticRegression()), ("forest", RandomForestClassifier(**FEW))]),
            "estimators_[1] by itself may be explained",
        ),
        (TransformedTargetRegressor(Ridge()), ""),
        (TransformedTargetRegressor(DecisionTreeRegressor(max_depth=2)), "regressor_ by itself may be explained"),
    ],
    ids=["lines", "forests", "one forest", "line", "tree"],
)
def test_members_that_may_be_explained_have_trees(model: Any, advice: str) -> None:
    model.fit(z.numbers(), z.three())
    with pytest.raises(ValueError, match=f"needs the trees themselves, and this {type(model).__name__} ") as raised:
        explain(model, given(z.numbers()), "tree_shap")
    assert ("by itself may be explained" in str(raised.value)) == bool(advice)
    if advice:
        assert advice in str(raised.value)
        held = advice.partition(" ")[0]
        member = eval(f"model.{held}", {"model": model, "k": 2})
        assert explain(member, given(z.numbers()), "tree_shap").gap < 1e-6


def test_it_is_offered_where_it_works_and_says_why_elsewhere() -> None:
    forest = RandomForestClassifier(**FEW)
    x = given(z.numbers())
    line = LogisticRegression().fit(z.numbers(), z.two())
    counting = nn.Linear(z.COLUMNS, 2)
    counting.steps = 3  # type: ignore[assignment]
    for model, reason in (
        (xgboost_booster(False), ""),
        (GridSearchCV(forest, {"max_depth": [2]}, cv=2).fit(z.numbers(), z.two()), ""),
        (make_pipeline(StandardScaler(), forest).fit(z.numbers(), z.two()), "behind others"),
        (line, "LogisticRegression is no tree"),
        (line.predict_proba, "a method shows none"),
        (nn.Linear(z.COLUMNS, 2), "Linear is no tree"),
        (counting, "Linear is no tree"),
    ):
        unfit = METHODS["tree_shap"].unfit
        assert unfit is not None
        found = unfit(Subject(model, x), None)
        assert (reason in found) if reason else found == ""
        assert Session(model, x).facts.reason(METHODS["tree_shap"]) == found
