"""What the numbers are that are explained: logits, probabilities, predictions or scores."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from nbexplain.core.model.estimator_calls import is_pipeline, pipeline_function
from nbexplain.core.model.outputs import Reader
from nbexplain.core.predictor import Predictor
from nbexplain.core.target import are_log_probabilities, are_probabilities

_SEVERAL = "multi_label_classification"


def name_of_scores(clean: Tensor, reader: Reader, module: nn.Module, sigmoids: Callable[[], bool]) -> str:
    """What clean scores (1, K, …) are, as far as it can be known.

    `"probability"` or `"log-probability"` where those of all classes add up to 1, and `"probability"` where each is
    that of a label by itself, as the user says, or can only lie from 0 to 1 by what made it, such as a sigmoid (seen in
    a pass: numbers from 0 to 1 may be logits by chance), or where the model's own `predict_proba` did.
    Else `"prediction"` of an estimator that predicts numbers, or where a Hugging Face model's `problem_type` is
    regression; `"logit"` for two classes and more,
    which is a torch module's habit and not known (a head that predicts several numbers looks the same: give `scores`).
    `"score"` for a single number without class names, for the user's own `scores`, for detections, for decision
    functions and callables, and for maps that the model does not call logits.

    Parameters
    ----------
    sigmoids
        Asked, only where they might, whether the scores can only be probabilities: it takes a pass.
    """
    if reader.followed is not None:
        return "score"
    if reader.by_label:
        return "probability"
    told = module.outputs if isinstance(module, Predictor) and not reader.own else None
    if told is not None and told.names is not None:
        return told.quantity
    if are_probabilities(clean) and not (told is not None and told.by_chance):
        return "probability"
    if are_log_probabilities(clean):
        return "log-probability"
    if isinstance(module, Predictor):
        return "score" if told is None else told.quantity
    if bool(((clean >= 0) & (clean <= 1)).all()) and sigmoids():
        return "probability"
    if getattr(getattr(module, "config", None), "problem_type", None) == "regression" and not reader.own:
        return "prediction"
    return "logit" if not reader.own and clean.shape[1] > 1 and (clean.ndim == 2 or reader.named) else "score"


def has_several_labels(module: nn.Module) -> bool:
    """Whether a Hugging Face model or pipeline, or the user, says that an input may have several labels, or none."""
    if isinstance(module, Predictor) and module.by_label:
        return True
    if not isinstance(module, Predictor):
        return getattr(getattr(module, "config", None), "problem_type", None) == _SEVERAL
    pipe = module.estimator
    if not is_pipeline(pipe) or module.way != "call" or len(pipe.model.config.id2label) < 2:
        return False
    made = pipeline_function(pipe)
    return made == "sigmoid" or (made == "none" and pipe.model.config.problem_type == _SEVERAL)
