"""What a forest or a booster says of its columns is its own number, under its own name."""

from __future__ import annotations

from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from nbexplain import Session, explain, options
from nbexplain.inputs import Tabular
from nbexplain.widgets.importance_view import ImportanceView
from tests.core.dataset.tables import curved, rows, table

FEW: dict[str, Any] = {"n_estimators": 5, "max_depth": 3}
QUIET: dict[str, Any] = {"verbose": -1}
CATBOOST: dict[str, Any] = {"iterations": 5, "verbose": 0, "allow_writing_files": False}


def data() -> tuple[np.ndarray, np.ndarray]:
    background = rows(60)
    return background, (background[:, 2] * background[:, 0] > 2).astype(int)


def test_a_forests_own_importance() -> None:
    background, labels = data()
    given = Tabular(background[0], background)
    for forest in (RandomForestClassifier(9, random_state=0), ExtraTreesRegressor(9, random_state=0)):
        forest.fit(background, labels)
        ours = explain(forest, given, "forest_importance")
        np.testing.assert_array_equal(ours.values, forest.feature_importances_)
        each = np.array([tree.feature_importances_ for tree in forest.estimators_])
        t = 2.306004 / 1.96  # of 8 degrees of freedom
        np.testing.assert_allclose(ours.standard_error * 9**0.5, each.std(0, ddof=1) * t, rtol=1e-5)
        assert ours.details == {"trees": 9}
        assert ours.quantity == "impurity importance (MDI)"


@pytest.mark.parametrize(
    ("model", "quantity"),
    [
        (DecisionTreeClassifier(), "impurity importance (MDI)"),
        (GradientBoostingClassifier(n_estimators=5), "impurity importance (MDI)"),
        (AdaBoostClassifier(n_estimators=5), "impurity importance (MDI)"),
        (xgboost.XGBClassifier(**FEW), "mean gain of a split (gain), as a share"),
        (xgboost.XGBClassifier(**FEW, importance_type="weight"), "split count (weight), as a share"),
        (xgboost.XGBRFClassifier(**FEW), "mean gain of a split (gain), as a share"),
        (xgboost.XGBClassifier(n_estimators=5, booster="gblinear"), "coefficient, as a share of their sum"),
        (lightgbm.LGBMClassifier(**FEW, **QUIET), "split count (split)"),
        (lightgbm.LGBMClassifier(**FEW, **QUIET, importance_type="gain"), "total gain of the splits (gain)"),
        (catboost.CatBoostClassifier(**CATBOOST), "change of the prediction, in % (PredictionValuesChange)"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_what_an_estimator_counts_is_called_by_its_own_word(model: Any, quantity: str) -> None:
    background, labels = data()
    ours = explain(model.fit(background, labels), Tabular(background[0], background), "forest_importance")
    np.testing.assert_array_equal(ours.values, model.feature_importances_)
    assert ours.quantity == quantity
    assert ours.standard_error is None  # boosted trees build on each other, they are no draws


def test_a_booster_counts_as_its_scikit_learn_class_does() -> None:
    background, labels = data()
    frame = pd.DataFrame(background, columns=list("abcde"))
    given = Tabular(frame.iloc[[0]], frame)
    dressed = xgboost.XGBClassifier(**FEW).fit(frame, labels)
    ours = explain(dressed.get_booster(), given, "forest_importance")
    np.testing.assert_allclose(ours.values / ours.values.sum(), dressed.feature_importances_, rtol=1e-6)
    assert ours.quantity == "mean gain of a split (gain)"
    dressed = lightgbm.LGBMClassifier(**FEW, **QUIET).fit(frame, labels)
    ours = explain(dressed.booster_, given, "forest_importance")
    np.testing.assert_array_equal(ours.values, dressed.feature_importances_)
    assert ours.quantity == "split count (split)"


def test_a_search_and_a_pipeline_are_asked_for_their_forest() -> None:
    background, labels = data()
    given = Tabular(background[0], background)
    search = GridSearchCV(RandomForestClassifier(5, random_state=0), {"max_depth": [2, 3]}, cv=2).fit(
        background, labels
    )
    ours = explain(search, given, "forest_importance")
    np.testing.assert_array_equal(ours.values, search.best_estimator_.feature_importances_)
    behind = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(background, labels)
    ours = explain(behind, given, "forest_importance")
    np.testing.assert_array_equal(ours.values, behind[-1].feature_importances_)
    assert ours.details == {"trees": 5}


def test_models_that_have_none_are_refused_with_the_reason() -> None:
    given = table()
    numbers, labels = given.background, (given.background[:, 0] > 0).astype(int)
    for model, reason in (
        (curved(), "Curved has no feature_importances_; use permutation_importance"),
        (LogisticRegression().fit(numbers, labels), "LogisticRegression has no feature_importances_"),
        (HistGradientBoostingClassifier(max_iter=2).fit(numbers, labels), "has no feature_importances_"),
        (
            make_pipeline(ColumnTransformer([("kind", OneHotEncoder(), [0])]), RandomForestClassifier(3)).fit(
                numbers.round(), labels
            ),
            "ColumnTransformer makes other columns of the table's, and the importances are theirs",
        ),
    ):
        with pytest.raises(ValueError, match=reason):
            explain(model, given, "forest_importance")


def test_the_chart_names_what_stands_beside_the_permutations() -> None:
    background, labels = data()
    model = lightgbm.LGBMClassifier(**FEW, **QUIET).fit(background, labels)
    options.run = "sync"
    session = Session(model, Tabular(background[0], background, labels=labels))
    view = ImportanceView(session, lambda place, answer: None, "permutation_importance", "forest_importance")
    assert session.wait(60)
    assert any("split count (split), scaled" in line for line in texts(view.panes[0]))
    view.close()


def texts(widget: Any) -> list[str]:
    """Everything that a widget and its parts say."""
    own = [value for value in (getattr(widget, "value", None),) if isinstance(value, str)]
    return own + [line for child in getattr(widget, "children", ()) for line in texts(child)]
