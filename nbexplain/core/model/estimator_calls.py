"""How an estimator is asked: by which of its methods, and what stands around the call for boosters and pipelines."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbexplain.core.formatting import told_apart
from nbexplain.core.model.answer_forms import as_plain
from nbexplain.core.model.trees.ensemble import is_a
from nbexplain.inputs import Array
from nbexplain.inputs.table_times import kept_as_times

WAYS = ("predict_proba", "decision_function", "predict")
_NO_SUCH = (AttributeError, NotImplementedError)  # what an estimator says that has the method, and cannot be asked it


def ways_to_ask(model: Any) -> list[tuple[str, Callable[[Any], Any]]]:
    """The calls that give scores, the best first, each with its name; `"call"` for a callable.

    Raises
    ------
    TypeError
        If there is none.
    """
    if isinstance(model, type):
        raise TypeError(
            f"model: expected a torch.nn.Module, a fitted estimator or a callable, got the class {model.__name__}; "
            f"make one first: {model.__name__}(…)" + ".fit(table, labels)" * hasattr(model, "fit")
        )
    if is_pipeline(model):
        return [("call", pipeline_call(model))]
    if is_booster(model, "xgboost"):
        return [("predict", xgboost_call(model))]
    found = [(name, getattr(model, name, None)) for name in WAYS]
    calls = [(name, call) for name, call in found if callable(call)]
    if calls:
        return calls
    if callable(model):
        return [("call", model)]
    raise TypeError(
        f"model: expected a torch.nn.Module, an object with predict_proba, decision_function or predict, or a "
        f"callable, got {type(model).__name__}{_without_scores(model)}"
    )


def _without_scores(model: Any) -> str:
    """Why an object with none of these methods gives no scores of new rows, and what does."""
    if isinstance(model, Array):
        return "; the model goes first: explain(model, x, …)"
    if comes_from(model, "sklearn") and type(model).__name__ == "LocalOutlierFactor":
        return ", which scores other rows than its own only as LocalOutlierFactor(novelty=True).fit(table)"
    if getattr(model, "refit", None) is False and hasattr(model, "estimator"):
        refit = next(iter(model.scorer_)) if getattr(model, "multimetric_", False) else True
        return (
            ", which keeps no fitted model with refit=False; let it fit its best one: "
            f"model.set_params(refit={refit!r}).fit(table, labels)"
        )
    if hasattr(model, "fit_predict"):
        return (
            ", which labels the rows that it was fitted to and no others; a classifier of its labels does: "
            "KNeighborsClassifier().fit(table, model.labels_)"
        )
    if callable(getattr(model, "transform", None)) and hasattr(model, "fit"):
        return ", which makes features; each of them can be explained: lambda rows: model.transform(rows)"
    if callable(getattr(model, "score_samples", None)):
        return ", which scores rows by score_samples; that can be explained: lambda rows: model.score_samples(rows)"
    return ""


def first_that_answers(calls: list[tuple[str, Callable[[Any], Any]]], x: Any) -> tuple[int, Any]:
    """Which call answers, and what it says: some estimators' `predict_proba` only tells that they have none."""
    for number, (_, call) in enumerate(calls[:-1]):
        try:
            return number, call(x)
        except _NO_SUCH:
            continue
    return len(calls) - 1, calls[-1][1](x)


def kind_of(model: Any) -> str:
    """What scikit-learn calls the estimator: `"classifier"`, `"regressor"`, `"clusterer"` …, or `""`."""
    try:
        from sklearn.utils import get_tags

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of estimators that are no heirs of BaseEstimator
            return str(get_tags(model).estimator_type or "")
    except Exception:  # not scikit-learn's, or no scikit-learn
        return str(getattr(model, "_estimator_type", None) or "")


def last_step(model: Any) -> Any:
    """The estimator itself, of a pipeline, a search or a frozen one."""
    model = getattr(model, "best_estimator_", model)
    if is_a(model, "sklearn", "FrozenEstimator"):
        return last_step(model.estimator)
    return last_step(model.steps[-1][1]) if getattr(model, "steps", None) else model


def comes_from(model: Any, package: str) -> bool:
    """Whether a class of the model's is of this package."""
    return any(kind.__module__.partition(".")[0] == package for kind in type(model).__mro__)


def is_booster(model: Any, package: str) -> bool:
    """Whether it is the `Booster` of xgboost or lightgbm."""
    return comes_from(model, package) and type(model).__name__ == "Booster"


NO_OBJECTIVE = ("", "none", "custom")  # what a booster says that was trained by a function
_HAZARDS = ("survival:cox", "cox")  # of xgboost, whose predict returns a ratio, and of catboost, the logarithm of one
_LOGARITHMS = ("poisson", "tweedie", "loglinquantile", "survivalaft")  # of catboost, what its raw formula returns
_EXPONENTS = ("poisson", "tweedie")  # ... and for which the predict of its regressor returns the exponential
_RANKING = ("rank", "ndcg", "lambdamart", "pairlogit", "query", "group", "stochasticfilter")  # in names of objectives


def objective_of(model: Any) -> str:
    """What a booster, or an estimator that has one, was trained for, such as `"binary:logistic"` or `"YetiRank"`.

    `""` of others, and where the model does not know it.
    """
    if is_a(model, "xgboost", "Booster", "XGBModel"):
        booster = model if is_booster(model, "xgboost") else model.get_booster()
        return str(json.loads(booster.save_config())["learner"]["objective"]["name"])
    if is_a(model, "lightgbm", "Booster", "LGBMModel"):
        booster = model if is_booster(model, "lightgbm") else model.booster_
        return str(booster.dump_model(num_iteration=1).get("objective", "")).partition(" ")[0]
    if is_a(model, "catboost", "CatBoost"):
        params = _params_of_catboost(model)
        return str(params.get("loss_function", "")).partition(":")[0] if params else _objective_of_a_sum(model)
    return ""


def _params_of_catboost(model: Any) -> dict[str, Any]:
    """With which a model of catboost was trained; of a sum of models, which knows none, `{}`."""
    try:
        return dict(model.get_all_params())
    except Exception:
        return {}


def _objective_of_a_sum(model: Any) -> str:
    """What the models of a sum of catboost were trained for, which it keeps where that is the same of all; or `""`."""
    try:
        return str(json.loads(model.get_metadata()["loss_function"])["type"])
    except Exception:
        return ""


def ranks(model: Any, kind: str) -> bool:
    """Whether it was trained to bring rows into an order, by its objective, or else by its kind and its name."""
    step = last_step(model)
    objective = objective_of(step).lower()
    if objective not in NO_OBJECTIVE:
        return any(word in objective for word in _RANKING)
    own = is_a(step, "xgboost", "XGBRanker") or is_a(step, "lightgbm", "LGBMRanker")
    own = own or is_a(step, "catboost", "CatBoostRanker")
    return kind == "ranker" or (own and kind in ("", "regressor"))


def may_tell_two(model: Any, kind: str) -> bool:
    """Whether `predict` returns scores that tell two classes apart by their sign where these are named."""
    return ranks(model, kind) or _is_logit(last_step(model))


def unlike_labels(model: Any, kind: str) -> str:
    """Why no labels can be compared with what `predict` returns, and what could be, by its objective; `""` of others.

    Such as a score that ranks rows, a hazard ratio, or the logarithm of what the labels are.
    """
    if ranks(model, kind):
        return (
            "its score ranks rows, and has no zero and no unit in which labels could be compared with it; "
            "sklearn.metrics.ndcg_score tells how well it ranks"
        )
    step = last_step(model)
    objective = objective_of(step).lower()
    of_catboost = is_a(step, "catboost", "CatBoost")
    if objective in _HAZARDS:
        what = "the logarithm of a hazard ratio" if of_catboost else "a hazard ratio"
        return (
            f"its score is {what}, and no time that labels could be compared with; "
            "lifelines.utils.concordance_index(times, -scores, events) tells how well it orders them"
        )
    made = is_a(step, "catboost", "CatBoostRegressor") and objective in _EXPONENTS
    if of_catboost and objective in _LOGARITHMS and not (made and _params_of_catboost(step)):
        return (
            f"its predict returns the logarithm that {objective_of(step)} learns, and labels are no logarithms; ask "
            "for what they are: explain(lambda rows: numpy.exp(model.predict(rows)), …)"
        )
    if _is_logit(step):
        return (
            "its predict returns a logit, and labels are of a probability; ask for that: "
            "explain(lambda rows: 1 / (1 + numpy.exp(-model.predict(rows))), …); for the classes 0 and 1: "
            "classes=(first, second)"
        )
    if objective == "cross_entropy_lambda":
        return (
            "its predict returns a rate λ, and labels are of a probability, 1 − exp(−λ); ask for that: "
            "explain(lambda rows: 1 - numpy.exp(-model.predict(rows)), …)"
        )
    return ""


def _is_logit(step: Any) -> bool:
    """Whether it is a regressor of xgboost that returns margins; a `Booster` that does has two classes."""
    return not is_booster(step, "xgboost") and objective_of(step) == "binary:logitraw"


def xgboost_call(booster: Any) -> Callable[[Any], Any]:
    """`predict` of a booster of xgboost, which takes matrices of its own; margins, where it would give labels."""
    margins = objective_of(booster) in ("multi:softmax", "binary:hinge")

    def predict(rows: Any) -> Any:
        from xgboost import DMatrix

        names = None if hasattr(rows, "columns") else booster.feature_names
        types = None if hasattr(rows, "columns") else booster.feature_types
        matrix = DMatrix(rows, feature_names=names, feature_types=types, enable_categorical=True)
        return booster.predict(matrix, output_margin=margins)

    return predict


def classes_of(model: Any) -> np.ndarray | list[np.ndarray] | None:
    """The `classes_` of an estimator: labels (K,), a list of them for several outputs; None where there are none."""
    known = getattr(model, "classes_", None)
    if isinstance(known, (list, tuple)) and known and all(isinstance(own, np.ndarray) for own in known):
        return list(known)
    if not isinstance(known, (list, tuple, np.ndarray)) and not hasattr(type(known), "__array__"):
        return None
    labels = kept_as_times(as_plain(known))
    return labels if labels.ndim == 1 and len(labels) else None


_BY_CLASS = ("predict_proba", "predict_log_proba", "decision_function")


def labels_of_method(method: Any, count: int) -> list[Any] | None:
    """What an estimator calls the `count` scores that this method of it, such as `model.predict_proba`, returns.

    None of other methods, which may return them in another order, and of a decision function of pairs of classes.
    """
    if getattr(method, "__name__", None) not in _BY_CLASS:
        return None
    estimator = getattr(method, "__self__", None)
    labels = classes_of(estimator)
    if not isinstance(labels, np.ndarray) or len(labels) != count:
        return None
    pairs = getattr(last_step(estimator), "decision_function_shape", "") == "ovo"
    return None if pairs and method.__name__ == "decision_function" else labels.tolist()


def labels_of_predict(method: Any) -> np.ndarray | None:
    """The labels (K,) that a method `predict` of an estimator returns; None of others."""
    if getattr(method, "__name__", None) != "predict":
        return None
    labels = classes_of(getattr(method, "__self__", None))
    return labels if isinstance(labels, np.ndarray) else None


def same_labels(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(np.array_equal, one, other))
    return type(one) is type(other) and np.array_equal(one, other)


def own_choice(model: Any, x: Any, *, raw: bool = False) -> np.ndarray | None:
    """What the estimator's `predict` says of some rows; of CatBoost's base class, whose is `raw`, the label."""
    call: Callable[..., Any] | None = getattr(model, "predict", None)
    if x is None or not callable(call) or (raw and not comes_from(model, "catboost")):
        return None
    try:
        said = kept_as_times(as_plain(call(x, prediction_type="Class") if raw else call(x)))
    except Exception:  # it is asked for a check alone; what the scores come from has answered
        return None
    said = said[:, 0] if said.ndim == 2 and said.shape[1] == 1 else said
    return said if said.ndim in (1, 2) and len(said) == count_of(x) else None


def count_of(x: Any) -> int:
    """How many inputs these are: a list, an array, a data frame or a sparse matrix, which has no length."""
    return int(x.shape[0]) if hasattr(x, "shape") else len(x)


# Hugging Face pipelines


def is_pipeline(model: Any) -> bool:
    """Whether it is a `pipeline` of transformers."""
    return any(kind.__module__.startswith("transformers.pipelines") for kind in type(model).__mro__)


def runs_each_alone(model: Any) -> bool:
    """Whether it is a pipeline without a `batch_size`, which hands its model one text at a time whatever it gets."""
    return is_pipeline(model) and getattr(model, "_batch_size", 2) in (None, 1)


def pipeline_labels(pipe: Any) -> list[str]:
    """The names of a pipeline's scores, in the order of its model's."""
    names = pipe.model.config.id2label
    return [names[number] for number in range(len(names))]


def pipeline_function(pipe: Any) -> str:
    """What a text-classification pipeline makes of its model's logits: `"sigmoid"`, `"softmax"` or `"none"`."""
    config = pipe.model.config
    problem, count = getattr(config, "problem_type", None), len(config.id2label)
    told = getattr(pipe, "_postprocess_params", {}).get("function_to_apply")
    if told is None and not problem and count > 1:  # in transformers' own order
        return "softmax"
    if told is None:
        ways = {"regression": "none", "single_label_classification": "softmax" if count > 1 else "sigmoid"}
        return ways.get(str(problem), "sigmoid")
    return str(getattr(told, "value", told)).lower()


def empty_text(tokenizer: Any) -> str:
    """What is handed on for an empty text: a network wants at least one token."""
    if len(tokenizer("")["input_ids"]):
        return ""
    tokens = (tokenizer.mask_token, tokenizer.unk_token, tokenizer.pad_token)
    return next((token for token in tokens if token), "")


def _named(pipe: Any, labels: Sequence[str]) -> Any:
    """The same pipeline with other names for its scores, which it tells by name alone; the user's stays as it is."""
    own, model = copy.copy(pipe), copy.copy(pipe.model)
    model.config = copy.copy(model.config)
    model.config.id2label = dict(enumerate(labels))
    own.model = model
    return own


def pipeline_call(pipe: Any) -> Callable[[Any], np.ndarray]:
    """Texts, or pairs of them, → scores (N, K) of a text-classification pipeline, in the order of its model's labels.

    For an empty text, of which its tokenizer makes no token, its mask, unknown or padding token stands. An empty second
    text of a pair is a space, as the tokenizer drops one of no sign: a pair stays a pair, as for the model alone.

    Raises
    ------
    TypeError
        If it is a pipeline for something else.
    """
    if getattr(pipe, "task", "") not in ("text-classification", "sentiment-analysis"):
        raise TypeError(
            f"model: expected a pipeline for text-classification, got one for {getattr(pipe, 'task', '?')!r}; give its "
            "model, as with explain(pipe.model, Text(text, pipe.tokenizer), …), or a function of texts that returns a "
            "row of numbers for each"
        )

    def as_it_takes(text: Any) -> Any:
        parts = (text,) if isinstance(text, str) else tuple(text)
        if not any(part.strip() for part in parts):
            parts = (empty_text(pipe.tokenizer), *parts[1:])
        parts = (*parts[:1], *(part or " " for part in parts[1:]))
        return parts[0] if len(parts) == 1 else dict(zip(("text", "text_pair"), parts))

    def scores(texts: Any) -> np.ndarray:
        labels = told_apart(pipeline_labels(pipe))
        asked = pipe if labels == tuple(pipeline_labels(pipe)) else _named(pipe, labels)
        rows = []
        for told in asked([as_it_takes(text) for text in texts], top_k=None):
            by_label = {entry["label"]: entry["score"] for entry in told}
            rows.append([by_label[label] for label in labels])
        return np.array(rows, dtype=np.float64)

    return scores
