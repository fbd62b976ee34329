"""Pipelines of Hugging Face that are no classifiers of texts: how their models are asked instead."""

from __future__ import annotations

from typing import Any

from nbexplain.core.model.estimator_calls import is_pipeline

_TEMPLATE = "This example is {}."  # of a hypothesis, by default


def refuse_other(pipe: Any) -> None:
    """Raise for a pipeline whose model, asked with the text alone, would not give the numbers that it gives.

    Raises
    ------
    TypeError
        With the call that does.
    """
    task = getattr(pipe, "task", "")
    if not is_pipeline(pipe) or task not in ("zero-shot-classification", "feature-extraction"):
        return
    if task == "feature-extraction":
        raise TypeError(
            "model: a pipeline for 'feature-extraction' gives an embedding, whose numbers are no scores of classes; "
            "say which is to be explained: explain(pipe.model, Text(text, pipe.tokenizer), …, "
            "scores=lambda output: output.last_hidden_state[:, 0]), or take a model with a head"
        )
    labels = getattr(getattr(pipe.model, "config", None), "id2label", None) or {}
    entailed = labels.get(getattr(pipe, "entailment_id", -1), "entailment")
    raise TypeError(
        "model: a pipeline for 'zero-shot-classification' asks its model whether a text entails each label; for one: "
        f"explain(pipe.model, Text((text, {_TEMPLATE.format('…')!r}), pipe.tokenizer, explain=0), …, "
        f"target={entailed!r}), with the label in the place of …"
    )
