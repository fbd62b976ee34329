"""Which estimators have trees that can be read, what they are wrapped in, and why the others have none."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from nbexplain.core.model.trees import catboost_trees, lightgbm_trees, scikit_learn, xgboost_trees
from nbexplain.core.model.trees.ensemble import Ensemble, NoTrees, is_a
from nbexplain.inputs.table_reading import Column

Reader = Callable[[Any, Sequence[Column], Any], Ensemble]

_READERS: tuple[tuple[str, tuple[str, ...], Reader], ...] = (
    ("sklearn", scikit_learn.SINGLE, scikit_learn.single),
    ("sklearn", scikit_learn.FORESTS, scikit_learn.forest),
    ("sklearn", scikit_learn.BOOSTED, scikit_learn.boosted),
    ("sklearn", scikit_learn.HISTOGRAM, scikit_learn.histogram),
    ("sklearn", ("IsolationForest",), scikit_learn.isolation),
    ("xgboost", ("XGBModel", "Booster"), xgboost_trees.read),
    ("lightgbm", ("LGBMModel", "Booster"), lightgbm_trees.read),
    ("catboost", ("CatBoost",), catboost_trees.read),
)

_OTHERWISE = {  # what stands between the trees of an ensemble and its score
    "CalibratedClassifierCV": "it maps the scores of its members to other probabilities",
    "StackingClassifier": "its final estimator reads what the others predict",
    "StackingRegressor": "its final estimator reads what the others predict",
    "VotingClassifier": "it mixes several estimators; each by itself may be explained",
    "VotingRegressor": "it mixes several estimators; each by itself may be explained",
    "AdaBoostClassifier": "its trees vote with weights of their own",
    "AdaBoostRegressor": "it takes the weighted median of its trees, which is no sum",
    "TransformedTargetRegressor": "it transforms what its regressor predicts; regressor_ by itself may be explained",
    "MultiOutputClassifier": "it holds an estimator for each output; estimators_[k] by itself may be explained",
    "MultiOutputRegressor": "it holds an estimator for each output; estimators_[k] by itself may be explained",
    "OneVsRestClassifier": "it holds an estimator for each class; estimators_[k] by itself may be explained",
}


def unwrapped(model: Any) -> Any:
    """The estimator that answers for a search, a frozen one, or a pipeline whose other steps leave rows as they are."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif is_a(model, "sklearn", "FrozenEstimator"):
            model = model.estimator
        elif hasattr(model, "steps") and not any(map(_changes_rows, model.steps[:-1])):
            model = model.steps[-1][1]
        else:
            return model


def _changes_rows(step: tuple[str, Any]) -> bool:
    """Whether a step of a pipeline changes what is predicted; imbalanced-learn's samplers only choose rows to fit."""
    return step[1] not in (None, "passthrough") and hasattr(step[1], "transform")


def without_trees(model: Any) -> str:
    """Why an estimator has no trees that can be read, or `""`."""
    model = unwrapped(model)
    if _reader(model) is not None:
        return ""
    kind = type(model).__name__
    if hasattr(model, "steps"):
        last = type(model.steps[-1][1]).__name__
        return (
            f"{last} is the last step of a {kind}, behind others (give that step, model[-1], rows as it gets them, "
            "model[:-1].transform(rows))"
        )
    if any(base.__name__ in _OTHERWISE for base in type(model).__mro__):
        return f"{kind}: " + next(
            _OTHERWISE[base.__name__] for base in type(model).__mro__ if base.__name__ in _OTHERWISE
        )
    if inspect.isroutine(model):
        return f"a {kind} shows none (give the estimator itself, not a call of it)"
    return f"{kind} is no tree, forest or boosted trees of scikit-learn, XGBoost, LightGBM or CatBoost"


def ensemble_of(model: Any, columns: Sequence[Column], sample: Any) -> Ensemble:
    """The trees of an estimator.

    Parameters
    ----------
    model
        As the user gave it.
    columns
        Of the table.
    sample
        A row as the model gets it.

    Raises
    ------
    NoTrees
        If it has none that can be read, with the reason.
    """
    if reason := without_trees(model):
        raise NoTrees(reason)
    model = unwrapped(model)
    reader = _reader(model)
    assert reader is not None
    found = reader(model, columns, sample)
    if not found.trees:
        raise NoTrees(f"the {type(model).__name__} has no trees yet")
    most = max(int(tree.feature.max()) for tree in found.trees)
    if most >= len(columns):
        raise NoTrees(f"it splits column {most}, and the table has {len(columns)}")
    return found


def _reader(model: Any) -> Reader | None:
    return next((reader for package, names, reader in _READERS if is_a(model, package, *names)), None)
