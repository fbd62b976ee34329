"""What a forest or a booster says of its columns by itself, in its own word: impurity decrease, split count, gain."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.core.dataset.trees import estimator_of
from nbexplain.core.explanation import Explanation
from nbexplain.core.layers import Layer
from nbexplain.core.methods.sampling_error import error_of_mean
from nbexplain.core.model.own_columns import places_of
from nbexplain.core.model.trees.ensemble import is_a
from nbexplain.core.model.trees.reading import unwrapped
from nbexplain.core.registry import method
from nbexplain.core.subject import Subject

_XGBOOST = {
    "gain": "mean gain of a split (gain)",
    "total_gain": "total gain of the splits (total_gain)",
    "weight": "split count (weight)",
    "cover": "mean cover of a split (cover)",
    "total_cover": "total cover of the splits (total_cover)",
}
_LIGHTGBM = {"split": "split count (split)", "gain": "total gain of the splits (gain)"}


def no_importance(model: Any) -> str:
    """Why an estimator says nothing of its columns, or `""`."""
    steps = getattr(getattr(model, "best_estimator_", model), "steps", None)
    for _, step in (steps or ())[:-1]:
        changes = step not in (None, "passthrough") and hasattr(step, "transform")
        if changes and not any(base.__name__ == "OneToOneFeatureMixin" for base in type(step).__mro__):
            return f"{type(step).__name__} makes other columns of the table's, and the importances are theirs"
    model = _last(model)
    if is_a(model, "xgboost", "Booster") or is_a(model, "lightgbm", "Booster"):
        return ""
    if hasattr(type(model), "feature_importances_") or "feature_importances_" in getattr(model, "__dict__", {}):
        return ""
    return f"{type(model).__name__} has no feature_importances_"


def _no_importance(subject: Subject, layer: Layer | None) -> str:
    estimator = estimator_of(subject)
    return no_importance(subject.twin.module if estimator is None else estimator)


@method(
    label="Built-in importance",
    paper="Breiman 2001, doi:10.1023/A:1010933404324",
    over_rows=True,
    kinds=("table",),
    unfit=_no_importance,
)
def forest_importance(subject: Subject) -> Explanation:
    """What a forest or a booster says of its columns: impurity decrease (MDI), split count or gain.

    Values are (feature,), the estimator's `feature_importances_`; `quantity` tells what they are: for scikit-learn's
    trees how much purer the splits on a column make the training rows, as a share (impurity importance, MDI); for
    XGBoost and LightGBM what their `importance_type` says, and for a `Booster` the default of its scikit-learn class
    (mean gain, split count); CatBoost's change of the prediction in percent. These are no measures of each other. For
    forests `standard_error` is that of the mean over the trees (these spread about √trees times as far); boosted trees
    build on each other, and have none. Computed on training rows, impurity and gain favour columns of many values, even
    random ones (Strobl et al. 2007), and do not tell whether what was learned holds for other rows: see
    `permutation_importance` beside it. A search is asked for its best estimator, a pipeline for its last step, if the
    steps before it keep the columns.

    Raises
    ------
    ValueError
        If the model says nothing of the kind, or of other columns than the table's.
    """
    names = subject.input.names  # type: ignore[attr-defined]
    estimator = estimator_of(subject)
    estimator = subject.twin.module if estimator is None else estimator
    if reason := no_importance(estimator):
        raise ValueError(
            f"model: forest_importance needs feature_importances_ of the table's columns, and {reason}; use "
            "permutation_importance, which takes any model"
        )
    model = _last(estimator)
    values, quantity = _own(model, names)
    table: Any = subject.input
    places = places_of(model, names, table.framed)
    if values.shape == places.shape and (places >= 0).all():  # columns that the model does not know have no importance
        values = np.bincount(places, values, len(names))
    if values.shape != (len(names),):
        of = f"{values.size} columns" if values.ndim < 2 else f"shape {values.shape}"
        raise ValueError(f"model: it has importances of {of}, and the table has {len(names)} columns")
    trees = _trees(model, values)
    return Explanation(
        values=values.copy(),
        axes=("feature",),
        on="features",
        signed=bool((values < 0).any()),
        features=np.arange(len(names)),
        names=names,
        standard_error=None if trees is None else error_of_mean(trees),
        quantity=quantity,
        details={} if trees is None else {"trees": len(trees)},
    )


def _last(model: Any) -> Any:
    """The estimator itself, of a search or a pipeline."""
    model = unwrapped(model)
    return _last(model.steps[-1][1]) if hasattr(model, "steps") else model


def _own(model: Any, names: tuple[str, ...]) -> tuple[np.ndarray, str]:
    """The importances of an estimator, and what they are."""
    kind = type(model).__name__
    if is_a(model, "xgboost", "Booster"):
        linear = '"name":"gblinear"' in model.save_config().replace(" ", "")
        found = model.get_score(importance_type="weight" if linear else "gain")
        places = {name: place for place, name in enumerate(model.feature_names or [f"f{n}" for n in range(len(names))])}
        values = np.zeros(len(names))
        for name, value in found.items():
            values[places[name]] = value
        return values, "coefficient" if linear else _XGBOOST["gain"]
    if is_a(model, "lightgbm", "Booster"):
        return np.asarray(model.feature_importance(), dtype=np.float64), _LIGHTGBM["split"]
    told: Any = getattr(model, "feature_importances_", None)
    if told is None:
        raise ValueError(
            f"model: this {kind} keeps no importances (CatBoost's rankers count them on data: "
            "get_feature_importance(data, type='LossFunctionChange')); use permutation_importance"
        )
    values = np.asarray(told, dtype=np.float64)
    if is_a(model, "xgboost", "XGBModel"):
        if model.booster == "gblinear":
            return values, "coefficient, as a share of their sum"
        return values, f"{_XGBOOST[model.importance_type or 'gain']}, as a share"
    if is_a(model, "lightgbm", "LGBMModel"):
        return values, _LIGHTGBM[model.importance_type]
    if is_a(model, "catboost", "CatBoost"):
        return values, "change of the prediction, in % (PredictionValuesChange)"
    if is_a(model, "sklearn", "BaseDecisionTree", "BaseForest", "BaseGradientBoosting", "BaseWeightBoosting"):
        return values, "impurity importance (MDI)"
    return values, f"feature_importances_ of {kind}"


def _trees(estimator: object, values: np.ndarray) -> np.ndarray | None:
    """The importances (trees, F) of the trees of a forest, whose mean the forest's are; None for other ensembles."""
    members = getattr(estimator, "estimators_", None)
    if not isinstance(members, list) or len(members) < 2:
        return None
    own = np.array([getattr(tree, "feature_importances_", np.nan * values) for tree in members])
    return own if own.shape[1:] == values.shape and np.allclose(own.mean(0), values, atol=0.02) else None
