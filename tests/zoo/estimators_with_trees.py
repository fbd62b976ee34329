"""Trees, forests and boosters of scikit-learn, XGBoost, LightGBM and CatBoost, and what people wrap them in."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from catboost import CatBoost, CatBoostClassifier, CatBoostRanker, CatBoostRegressor, Pool
from imblearn.ensemble import BalancedRandomForestClassifier
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as make_sampled
from imblearn.under_sampling import RandomUnderSampler
from lightgbm import Dataset, LGBMClassifier, LGBMRanker, LGBMRegressor, early_stopping
from lightgbm import train as train_lightgbm
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import DMatrix, XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier
from xgboost import train as train_xgboost

from tests.zoo import estimators as z
from tests.zoo.estimators import Case, both, margins, predictions, probabilities, several, table

FEW: dict[str, Any] = {"n_estimators": 6, "max_depth": 3, "random_state": 0}
HISTOGRAM: dict[str, Any] = {"max_iter": 6, "max_leaf_nodes": 6, "min_samples_leaf": 4, "random_state": 0}
LIGHT: dict[str, Any] = {"n_estimators": 6, "num_leaves": 6, "min_child_samples": 4, "verbose": -1, "n_jobs": 1}
BY_SETS: dict[str, Any] = {
    "min_data_per_group": 1,
    "cat_smooth": 1,
    "cat_l2": 0,
    "max_cat_to_onehot": 1,
    "learning_rate": 0.5,
}
CAT: dict[str, Any] = {"iterations": 6, "depth": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
XGB: dict[str, Any] = {**FEW, "n_jobs": 1}
GROUPS = np.arange(z.ROWS) // 10
FOREST = RandomForestClassifier(**FEW)


def trees(name: str, model: Any, says: Any, labels: Any, data: Any = z.numbers, how: str = "exact", **of: Any) -> Case:
    near = 1e-9 if type(model).__module__.startswith(("sklearn", "imblearn")) else 1e-6
    return Case(name, lambda: copy.deepcopy(model).fit(data(), labels()), says, data, how, **{"near": near, **of})


def cats(frame: Any) -> Any:
    return DMatrix(frame, enable_categorical=True)


def stopped(model: Any, **fit: Any) -> Any:
    """Fitted until more trees do not help on other rows."""
    rows, labels = z.numbers(), z.two()
    return model.fit(rows[:60], labels[:60], eval_set=[(rows[60:], labels[60:])], **fit)


def xgboost_booster(stops: bool) -> Any:
    rows, labels = z.numbers(), z.two()
    told = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.9, "nthread": 1}
    fit, other = DMatrix(rows[:60], labels[:60]), DMatrix(rows[60:], labels[60:])
    extra = {"evals": [(other, "other")], "early_stopping_rounds": 3, "verbose_eval": False} if stops else {}
    return train_xgboost(told, fit, 30 if stops else 6, **extra)


def lightgbm_booster() -> Any:
    told = {"objective": "binary", "num_leaves": 6, "min_data_in_leaf": 4, "verbose": -1, "num_threads": 1}
    return train_lightgbm(told, Dataset(z.numbers(), z.two()), 6)


def of_matrix(model: Any, rows: Any) -> np.ndarray:
    second = table(model.predict(DMatrix(rows)))
    return both(second, 1 - second)


def of_two(model: Any, rows: Any) -> np.ndarray:
    second = table(model.predict(rows))
    return both(second, 1 - second)


def raw_of_two(model: Any, rows: Any) -> np.ndarray:
    second = table(model.predict(rows, prediction_type="RawFormulaVal"))
    return both(second, -second)


LIGHT_STOPS = {"callbacks": [early_stopping(3, verbose=False)]}
BEHIND = "is the last step of a Pipeline, behind others"

SCIKIT_LEARN = [
    trees("tree", DecisionTreeClassifier(max_depth=4, random_state=0), probabilities, z.three),
    trees("regression tree", DecisionTreeRegressor(max_depth=4, random_state=0), predictions, z.number),
    trees("forest", RandomForestClassifier(**FEW), probabilities, z.three),
    trees("forest of words", RandomForestClassifier(**FEW), probabilities, lambda: np.array(["no", "yes"])[z.two()]),
    trees("forest of booleans", RandomForestClassifier(**FEW), probabilities, lambda: z.two() > 0),
    trees("forest of 3, 5, 7", RandomForestClassifier(**FEW), probabilities, lambda: 3 + 2 * z.three()),
    trees("forest of holes", RandomForestRegressor(**FEW), predictions, z.number, z.missing),
    trees("forest of dummies", RandomForestClassifier(**FEW), probabilities, lambda: z.of_mixed() > 1, z.dummies),
    trees("two numbers", RandomForestRegressor(**FEW), predictions, lambda: np.c_[z.number(), z.two()]),
    trees("two labels", RandomForestClassifier(**FEW), several, lambda: np.c_[z.two(), z.three()]),
    trees("extra trees", ExtraTreesClassifier(**FEW), probabilities, z.two),
    trees("boosted", GradientBoostingRegressor(**FEW), predictions, z.number),
    trees("boosted classes", GradientBoostingClassifier(**FEW), probabilities, z.two, how="shared"),
    trees("boosted three", GradientBoostingClassifier(**FEW), probabilities, z.three, how="shared"),
    trees(
        "boosted exponential", GradientBoostingClassifier(**FEW, loss="exponential"), probabilities, z.two, how="shared"
    ),
    trees("histogram", HistGradientBoostingRegressor(**HISTOGRAM), predictions, z.number, z.missing),
    trees("histogram classes", HistGradientBoostingClassifier(**HISTOGRAM), probabilities, z.two, how="shared"),
    trees("histogram three", HistGradientBoostingClassifier(**HISTOGRAM), probabilities, z.three, how="shared"),
    trees(
        "histogram counts", HistGradientBoostingRegressor(**HISTOGRAM, loss="poisson"), predictions, z.counts,
        how="shared",
    ),
    trees("histogram categories", HistGradientBoostingRegressor(**HISTOGRAM), predictions, z.of_mixed, z.mixed),
    Case(
        "isolation forest", lambda: IsolationForest(n_estimators=6, random_state=0).fit(z.numbers()), margins,
        z.numbers, "shared",
    ),
    trees("balanced", BalancedRandomForestClassifier(**FEW), probabilities, z.two),
]  # fmt: skip

BOOSTERS = [
    trees("xgboost", XGBRegressor(**XGB), predictions, z.number, z.missing),
    trees("xgboost classes", XGBClassifier(**XGB), probabilities, z.two, z.missing, "shared"),
    trees("xgboost three", XGBClassifier(**XGB), probabilities, z.three, z.missing, "shared"),
    trees("xgboost forest", XGBRFClassifier(**XGB), probabilities, z.two, how="shared"),
    trees("xgboost dart", XGBRegressor(**XGB, booster="dart", rate_drop=0.5), predictions, z.number),
    trees("xgboost counts", XGBRegressor(**XGB, objective="count:poisson"), predictions, z.counts, how="shared"),
    trees("xgboost two numbers", XGBRegressor(**XGB), predictions, lambda: np.c_[z.number(), z.two()]),
    trees("xgboost −1 missing", XGBRegressor(**XGB, missing=-1), predictions, z.number, lambda: z.numbers().round()),
    trees("xgboost categories", XGBRegressor(**XGB, enable_categorical=True, max_cat_to_onehot=1), predictions,
          z.of_mixed, z.mixed),
    trees("xgboost linear", XGBRegressor(n_estimators=3, booster="gblinear"), predictions, z.number, how="",
          reason="is a linear model, without trees"),
    Case("xgboost ranker", lambda: XGBRanker(**XGB).fit(z.numbers(), z.three(), qid=GROUPS), predictions, z.numbers,
         "exact", near=1e-6),
    Case("xgboost booster", lambda: xgboost_booster(False), of_matrix, z.numbers, "shared", near=1e-6),
    Case("xgboost booster stopped", lambda: xgboost_booster(True), of_matrix, z.numbers, "shared", near=1e-6),
    Case("xgboost stopped", lambda: stopped(XGBClassifier(**{**XGB, "n_estimators": 30}, learning_rate=0.9,
         early_stopping_rounds=3), verbose=False), probabilities, z.numbers, "shared", near=1e-6),
    trees("lightgbm", LGBMRegressor(**LIGHT), predictions, z.number, z.missing),
    trees("lightgbm classes", LGBMClassifier(**LIGHT), probabilities, z.two, how="shared"),
    trees("lightgbm three", LGBMClassifier(**LIGHT), probabilities, z.three, how="shared"),
    trees("lightgbm one by one", LGBMClassifier(**LIGHT, objective="multiclassova"), probabilities, z.three,
          how="shared"),
    trees("lightgbm forest", LGBMRegressor(**LIGHT, boosting_type="rf", bagging_freq=1, bagging_fraction=0.6),
          predictions, z.number),
    trees("lightgbm dart", LGBMRegressor(**LIGHT, boosting_type="dart"), predictions, z.number),
    trees("lightgbm categories", LGBMRegressor(**LIGHT, **BY_SETS), predictions, z.of_mixed, z.mixed),
    trees("lightgbm linear", LGBMRegressor(**LIGHT, linear_tree=True), predictions, z.number, how="",
          reason="its leaves hold linear models"),
    Case("lightgbm ranker", lambda: LGBMRanker(**LIGHT).fit(z.numbers(), z.three(), group=[10] * (z.ROWS // 10)),
         predictions, z.numbers, "exact", near=1e-6),
    Case("lightgbm booster", lightgbm_booster, of_two, z.numbers, "shared", near=1e-6),
    Case("lightgbm stopped", lambda: stopped(LGBMClassifier(**{**LIGHT, "n_estimators": 40}, learning_rate=0.9),
         **LIGHT_STOPS), probabilities, z.numbers, "shared", near=1e-6),
    trees("catboost", CatBoostRegressor(**CAT), predictions, z.number, z.missing),
    trees("catboost classes", CatBoostClassifier(**CAT), probabilities, z.two, how="shared"),
    trees("catboost three", CatBoostClassifier(**CAT), probabilities, z.three, how="shared"),
    trees("catboost by leaves", CatBoostRegressor(**CAT, grow_policy="Lossguide"), predictions, z.number),
    trees("catboost two numbers", CatBoostRegressor(**CAT, loss_function="MultiRMSE"), predictions,
          lambda: np.c_[z.number(), z.two()]),
    trees("catboost base", CatBoost({**CAT, "loss_function": "Logloss"}), raw_of_two, z.two),
    trees("catboost categories", CatBoostRegressor(**CAT, cat_features=["colour"]), predictions, z.of_mixed, z.words,
          how="", reason="CatBoost splits statistics that it makes of categories"),
    Case("catboost ranker", lambda: CatBoostRanker(**CAT).fit(Pool(z.numbers(), z.three(), group_id=GROUPS)),
         predictions, z.numbers, "exact", near=1e-6),
]  # fmt: skip

WRAPPED = [
    trees("search", GridSearchCV(FOREST, {"max_depth": [2, 3]}, cv=2), probabilities, z.two),
    trees("random search", RandomizedSearchCV(XGBRegressor(**XGB), {"max_depth": [2, 3]}, n_iter=2, cv=2,
          random_state=0), predictions, z.number, near=1e-6),
    trees("halving search", HalvingGridSearchCV(FOREST, {"max_depth": [2, 3]}, cv=2, random_state=0), probabilities,
          z.two),
    trees("pipeline of trees alone", make_pipeline("passthrough", FOREST), probabilities, z.two),
    trees("sampled by SMOTE", make_sampled(SMOTE(random_state=0), FOREST), probabilities, z.two),
    trees("undersampled", make_sampled(RandomUnderSampler(random_state=0), FOREST), probabilities, z.two),
    trees("pipeline", make_pipeline(StandardScaler(), FOREST), probabilities, z.two, how="", reason=BEHIND),
    trees("calibrated", CalibratedClassifierCV(FOREST, cv=2), probabilities, z.two, how="",
          reason="maps the scores of its members to other probabilities"),
    trees("stacked", StackingClassifier([("forest", FOREST)], LogisticRegression(), cv=2), probabilities, z.two,
          how="", reason="has a final estimator, which reads what the others predict"),
    trees("stacked numbers", StackingRegressor([("tree", DecisionTreeRegressor(max_depth=2))], LinearRegression(),
          cv=2), predictions, z.number, how="", reason="has a final estimator, which reads what the others predict"),
    trees("adaptive", AdaBoostClassifier(n_estimators=3, random_state=0), probabilities, z.two, how="",
          reason="lets its trees vote with weights of their own"),
    trees("voting", VotingClassifier([("forest", FOREST), ("line", LogisticRegression())], voting="soft"),
          probabilities, z.two, how="", reason="mixes several estimators"),
]  # fmt: skip

CASES = [*SCIKIT_LEARN, *BOOSTERS, *WRAPPED]
