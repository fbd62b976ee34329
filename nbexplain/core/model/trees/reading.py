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

_OTHERWISE = {  # what stands between the trees of an ensemble and its score, and where its members are
    "CalibratedClassifierCV": ("maps the scores of its members to other probabilities", ""),
    "StackingClassifier": ("has a final estimator, which reads what the others predict", ""),
    "StackingRegressor": ("has a final estimator, which reads what the others predict", ""),
    "VotingClassifier": ("mixes several estimators", "estimators_"),
    "VotingRegressor": ("mixes several estimators", "estimators_"),
    "AdaBoostClassifier": ("lets its trees vote with weights of their own", ""),
    "AdaBoostRegressor": ("takes the weighted median of its trees, which is no sum", ""),
    "TransformedTargetRegressor": ("transforms what its regressor predicts", "regressor_"),
    "MultiOutputClassifier": ("holds an estimator for each output", "estimators_"),
    "MultiOutputRegressor": ("holds an estimator for each output", "estimators_"),
    "OneVsRestClassifier": ("holds an estimator for each class", "estimators_"),
}


def unwrapped(model: Any) -> Any:
    """The estimator that answers for a search, a frozen one, or a pipeline whose other steps leave rows as they are."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif is_a(model, "sklearn", "FrozenEstimator"):
            model = model.estimator
        elif _is_pipeline(model) and not any(map(_changes_rows, model.steps[:-1])):
            model = model.steps[-1][1]
        else:
            return model


def _is_pipeline(model: Any) -> bool:
    """Whether it has named steps; other models may count something that they call so."""
    steps = getattr(model, "steps", None)
    return isinstance(steps, list) and bool(steps) and all(isinstance(step, tuple) and len(step) == 2 for step in steps)


def _changes_rows(step: tuple[str, Any]) -> bool:
    """Whether a step of a pipeline changes what is predicted; imbalanced-learn's samplers only choose rows to fit."""
    return step[1] not in (None, "passthrough") and hasattr(step[1], "transform")


def without_trees(model: Any) -> str:
    """Why an estimator has no trees that can be read, or `""`."""
    model = unwrapped(model)
    if _reader(model) is not None:
        return ""
    kind = type(model).__name__
    if _is_pipeline(model):
        last = type(model.steps[-1][1]).__name__
        return (
            f"{last} is the last step of a {kind}, behind others (give that step, model[-1], rows as it gets them, "
            "model[:-1].transform(rows))"
        )
    for base in type(model).__mro__:
        if base.__name__ in _OTHERWISE:
            why, members = _OTHERWISE[base.__name__]
            return f"this {kind} {why}{_members(model, members)}"
    if inspect.isroutine(model):
        return f"a {kind} shows none (give the estimator itself, not a call of it)"
    return f"{kind} is no tree, forest or boosted trees of scikit-learn, XGBoost, LightGBM or CatBoost"


def _members(model: Any, attribute: str) -> str:
    """Which estimators inside another one have trees that may be explained by themselves, or `""`."""
    held = getattr(model, attribute, None) if attribute else None
    if not isinstance(held, (list, tuple)):
        return "" if held is None or without_trees(held) else f"; {attribute} by itself may be explained"
    good = [place for place, one in enumerate(held) if not without_trees(one)]
    if not good:
        return ""
    every = len(good) == len(held)
    listed = f"{attribute}[k]" if every else " or ".join(f"{attribute}[{place}]" for place in good[:3])
    return f"; {listed} by itself may be explained"


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
