"""What a model's own error means for the input: said in words that name the argument and the call that would work."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core.model.estimator_calls import is_booster, is_pipeline
from nbexplain.core.model.text_columns import way_of_columns, way_of_rows
from nbexplain.core.model.text_errors import is_of_ids, of_one_at_a_time, required, way_of_call, way_of_pipeline
from nbexplain.core.model.unseen import OUR_OWN
from nbexplain.core.predictor import Predictor
from nbexplain.inputs import Array, Tabular, Text
from nbexplain.inputs.text_codes import MASK_WORD

META = (
    "model: its weights are on the meta device, without values: load them first, as with "
    "load_state_dict(weights, assign=True)"
)

_MOST_ASKED = 5  # texts, to find the one that a model cannot take
_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)")
_SIZES = re.compile(r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)")
_NAME = re.compile(r"'(\w+)'")


class Said(ValueError):
    """An error of ours, raised inside a pass, which says all there is to say."""


def of_arguments(error: Exception, module: nn.Module, x: Tensor, given: Array) -> Exception | None:
    """What the model's own error means for how the input is handed over; None where it means nothing."""
    text = str(error)
    own = getattr(type(module).forward, "__qualname__", "forward")  # as Python calls it in its errors
    misfit = isinstance(error, TypeError) and text.startswith(f"{own}()")
    lacking = _MISSING.search(text) if misfit else None
    reads = given if isinstance(given, Text) and not isinstance(module, Predictor) else None
    strings = reads is not None and reads.tokenizer is None
    if reads is not None and strings and lacking and (said := of_one_at_a_time(error, module, reads)):
        return said
    keywords = reads.arguments(x)[1] if reads is not None and misfit else {}
    if reads is not None and keywords and (lacking or "unexpected keyword" in text):
        call = way_of_call(module, reads, x)
        if call or not lacking:
            return _of_keywords(text, module, list(keywords), call)
    if isinstance(given, Tabular) and (way := _encoded(text, own, module, given)):
        return way
    if lacking:
        names = ", ".join(_NAME.findall(lacking[1]))
        held = given.parts.given if given.parts is not None else None
        if strings:
            have, more = "it gets a list of texts", ""
        elif reads is not None:
            held = keywords or None
            have = f"the tokenizer makes {', '.join(map(repr, keywords or ['input_ids']))}"
            more = "let it return the others with a number for each token, or "
        elif isinstance(held, Mapping):
            have, more = f"x has {', '.join(map(repr, held))}", "put the others into it, or "
        else:
            have = f"x is {'one input' if held is None else type(held).__name__}"
            more = f"give all of them, as x=(…, {names}), or "
        taken, passed = ("x", "x") if held is None else ("x", "**x") if isinstance(held, Mapping) else ("*x", "*x")
        filled = ", ".join(f"{name}=…" for name in names.split(", "))
        return TypeError(
            f"x: the model also wants {names}, and {have}; {more}say how it is called: "
            f"forward=lambda model, {taken}: model({passed}, {filled})"
        )
    if given.parts is not None:
        if isinstance(error, TypeError) and "unexpected keyword" in text and isinstance(given.parts.given, Mapping):
            return TypeError(
                f"x: its entries are passed as keywords, and the model raised: {text}; for a model that takes the dict "
                "itself: forward=lambda model, x: model(x)"
            )
        return None
    layers = [
        (name, part) for name, part in module.named_modules() if isinstance(getattr(part, "weight", None), Tensor)
    ]
    if not layers or any(isinstance(part, nn.Embedding) for _, part in layers):
        return None
    name, first = layers[0]
    if not (x.is_floating_point() or x.is_complex()) and isinstance(error, RuntimeError) and "type" in text:
        scaled = " / 255, if they are bytes of an image" if x.dtype == torch.uint8 else ""
        dtype, own = (str(t.dtype).removeprefix("torch.") for t in (x, first.weight))
        return TypeError(f"x: it holds {dtype}, and the model's {name!r} computes in {own}; try x.float(){scaled}")
    if isinstance(first, (nn.Conv1d, nn.Conv2d, nn.Conv3d)) and first.weight.ndim != x.ndim:
        places = {1: "L", 2: "H, W", 3: "D, H, W"}[first.weight.ndim - 2]
        missing = "; try x[None]" if x.ndim == first.weight.ndim - 1 and x.shape[0] == first.in_channels else ""
        return ValueError(
            f"x: it has shape {tuple(x.shape)}, and the model's first convolution {name!r} takes "
            f"(1, {first.in_channels}, {places}){missing} ({type(error).__name__}: {text})"
        )
    return None


def _of_keywords(text: str, module: nn.Module, keywords: list[str], way: str) -> Exception:
    """That a model takes in another way what the tokenizer makes; `way` is the call that works, or `""`."""
    wants = required(module)
    filled = ", ".join(f"{name}=…" for name in wants) or "…"
    takes = f"; it takes {', '.join(wants)}" if wants else ""
    call = f"it answers when it is called as in {way}" if way else f"say how: forward=lambda model, x: model({filled})"
    return TypeError(
        f"tokenizer: it makes {', '.join(map(repr, keywords))}, which are passed as keywords, and the model raised: "
        f"{text}{'' if way else takes}; {call}"
    )


def _encoded(text: str, own: str, module: nn.Module, given: Tabular) -> Exception | None:
    """What a network's error means for the rows of a table, with the `encode` that makes of them what it takes."""
    if given.encode is not None:
        return None
    wants = required(module)
    count = len(given.columns)
    call = "say so with Tabular(row, background=table, encode=lambda rows: "
    asked = text.startswith(f"{own}()") and ("missing" in text or "takes 1 positional argument" in text)
    if asked and 1 < len(wants) <= count:
        listed = ", ".join(f"{name!r}: rows[:, {places}]" for name, places in zip(wants, _split(given, len(wants))))
        return TypeError(
            f"x: the model takes {' and '.join(wants)}, and a row of a table goes in as one tensor; which columns are "
            f"which, {call}{{{listed}}})"
        )
    if "invalid data type 'str'" in text:
        names = "table.columns" if given.framed else repr(list(given.names))
        return TypeError(
            "x: the model reads columns by their names, and a row of a table goes in as one tensor; "
            f"{call}(dict(zip({names}, rows.T)),))"
        )
    if "scalar types: Long, Int" in text:
        return TypeError(
            f"x: the model takes whole numbers, and a row of a table goes in as floats; {call}rows.long())"
        )
    sizes = _SIZES.search(text)
    if sizes is not None and int(sizes[1]) == count:
        taking = (
            (name, one)
            for name, one in module.named_modules()
            if isinstance(one, nn.Linear) and one.in_features == int(sizes[2])
        )
        if (found := next(taking, None)) is None:
            return None
        name, one = found
        layer = f"linear layer {name!r}" if name else "layer"
        return ValueError(
            f"x: the row has {count} columns, and the model's {layer} takes {one.in_features} ({text}); give the "
            f"columns that it was trained with, or {call}…), which makes {one.in_features} numbers of them"
        )
    return None


def _split(given: Tabular, parts: int) -> list[list[int]]:
    """Columns for each of several inputs: numbers for the first, categories for the last, where there are both."""
    coded = [place for place, column in enumerate(given.columns) if column.categories]
    order = [place for place in range(len(given.columns)) if place not in coded] + coded
    begin = len(order) - len(coded) if coded and parts == 2 and len(coded) < len(order) else len(order) - parts + 1
    return [order[:begin], *([order[begin:]] if parts == 2 else [[place] for place in order[begin:]])]


def of_nothing_left(error: Exception, given: Array, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That a model cannot take a text with all of it hidden, where it takes the others; None where it is not that."""
    if not isinstance(given, Text) or str(error).startswith(
        ("model: it returned the label", "model: it returned strings")
    ):
        return None
    empty = given.nothing_left(x)
    if not empty.any():
        return _of_little_left(error, given, x, scores)
    others = x[~empty] if not empty.all() else given.one_less()
    try:
        if others is not None:  # as many as were asked: the model may take no two inputs, empty or not
            scores(others[torch.arange(len(x)) % len(others)].to(x.device))
    except Exception as shorter:
        if not empty.all() or given.tokenizer is None:
            return None if empty.all() else _of_little_left(error, given, x, scores)
        return _of_one_less(shorter, given, scores)
    if given.tokenizer is None:
        seen = f"{given.outside(x[empty][:1])[0]!r}"
    else:
        ids = given.arguments(x[empty][:1])
        seen = f"the ids {(ids[0][0] if ids[0] else ids[1]['input_ids'])[0].tolist()}"
    raised = str(error) if str(error).startswith("model:") else f"{type(error).__name__}: {error}"
    return ValueError(
        f"hide: the model cannot take the text with everything hidden, which the method asks for: on {seen} it raised "
        f"{raised.rstrip('.')}{_masked(given, scores)}; or let the model return scores for a text without words"
    )


def _of_little_left(error: Exception, given: Text, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That a model cannot take a text of which little is left; of several strings, the one that it is."""
    if given.tokenizer is not None:
        return _of_fewer(error, given, x, scores)
    left = (x >= 0).sum(1)
    if str(error).startswith("model:") or bool((left == x.shape[1]).all()):
        return None
    if len(x) == 1:
        return ValueError(
            f"hide: the model cannot take the text with some words hidden: on {given.outside(x)[0]!r} it raised "
            f"{type(error).__name__}: {str(error).rstrip('.')}{_masked(given, scores)}"
        )
    for row in left.argsort()[:_MOST_ASKED].tolist():  # from the shortest on
        try:
            scores(x[row : row + 1])
        except Exception as found:
            return of_nothing_left(found, given, x[row : row + 1], scores)
    return None


def _of_one_less(error: Exception, given: Text, scores: Callable[[Tensor], Any]) -> Exception:
    said = error.__cause__ or error
    return Said(
        "hide: the model does not take the text with a token less, so none can be removed: it raised "
        f"{type(said).__name__}: {str(said).rstrip('.')}{_masked(given, scores)}"
    )


def _of_fewer(error: Exception, given: Text, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That a model of tokens takes the text, but not with tokens removed: with any of them, or with so many."""
    if x.shape[1] >= len(given.ids):
        return None
    less, whole = given.one_less(), given.tensor.to(x.device)
    try:
        scores(whole.expand(len(x), -1))
    except Exception:  # it is how many there are, or takes no text
        return None
    if less is not None:
        try:
            scores(less.to(x.device))
        except Exception as shorter:
            return _of_one_less(shorter, given, scores)
    return ValueError(
        f"hide: the model cannot take the text with {x.shape[1]} of its {len(given.ids)} tokens: it raised "
        f"{type(error).__name__}: {str(error).rstrip('.')}{_masked(given, scores)}"
    )


def _masked(given: Text, scores: Callable[[Tensor], Any]) -> str:
    """That words can be masked, where the model takes the text with all of them masked: tried; else `""`."""
    lacks = given.tokenizer is not None and not given.has_mask
    try:
        if lacks:  # with an id of the user's: tried with one of its own in all places
            scores(given.tensor[:, :1].expand_as(given.tensor))
            return ". hide='mask token' leaves a token for each that is hidden; give its id as Text(…, mask_token_id=…)"
        words = given.masker("word", "mask token")
        scores(next(words.batches(np.zeros((1, len(words.names)), dtype=bool)))[1])
    except Exception:  # it takes no such text either, or there is no such token
        return ""
    each = f"{MASK_WORD!r} for each hidden word" if given.tokenizer is None else "a token for each that is hidden"
    return f". hide='mask token' leaves {each}"


def in_words(error: Exception, module: nn.Module, x: Tensor, given: Array) -> Exception:
    """What the model's own error means for the input."""
    if "meta" in str(error) and any(t.is_meta for t in chain(module.parameters(), module.buffers())):
        return ValueError(META)
    if isinstance(given, Text) and given.tokenizer is None and not isinstance(module, Predictor):
        return RuntimeError(
            f"the model raised {type(error).__name__} on the text itself: {error}; for a model that takes ids: "
            "Text(text, tokenizer)"
        )
    first = next(((n, m) for n, m in module.named_modules() if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Conv3d))), None)
    if first is not None and first[1].weight.ndim == x.ndim and first[1].in_channels != x.shape[1]:
        return ValueError(
            f"x: it has {x.shape[1]} channels, but the model's first convolution {first[0]!r} takes "
            f"{first[1].in_channels}"
        )
    if not x.is_floating_point() and is_of_ids(error, module, given, x):
        tables = [f"{n!r} {m.num_embeddings:,}" for n, m in module.named_modules() if isinstance(m, nn.Embedding)]
        masked = isinstance(given, Text) and given.has_mask and bool(given.codes.is_masked(x).any())
        if masked and (id_ := int(given.stand_in())) > given.ids.max():  # type: ignore[attr-defined]
            return ValueError(
                f"mask_token_id: {id_} stands for what is hidden, and the model has no row for it ({error}); its "
                f"embeddings have: {', '.join(tables)}"
            )
        name, more = (
            ("tokenizer: it gives", ". Is it this model's own?") if isinstance(given, Text) else ("x: it holds", "")
        )
        return ValueError(
            f"{name} an id, or so many, that the model has no row for ({error}); its embeddings have: "
            f"{', '.join(tables)}{more}"
        )
    if isinstance(module, Predictor):
        return _of_predictor(error, module, x, given)
    return RuntimeError(f"the model raised {type(error).__name__} on an input of shape {tuple(x.shape)}: {error}")


def _of_predictor(error: Exception, module: Predictor, x: Tensor, given: Array) -> Exception:
    """What the error of a model that is no torch module means for the input."""
    text, kind, model = str(error), type(error).__name__, module.estimator
    if isinstance(error, (ValueError, TypeError)) and text.startswith(OUR_OWN):
        return error
    if kind == "NotFittedError" or (kind == "CatBoostError" and "no trained model" in text):
        return ValueError(
            f"model: this {type(model).__name__} is not fitted yet ({kind}: {text}); fit it first, as with "
            "model.fit(table, labels)"
        )
    call = "model" if module.way in ("call", "forward") else f"model.{module.way}"
    if isinstance(given, Text) and len(given.texts) > 1 and (way := module.one_by_one(given.outside(x))):
        return TypeError(
            f"model: {call} gets a list of pairs of texts, such as {given.texts!r:.80}, and raised {kind}: {text}; it "
            f"answers when it is asked as in {way}"
        )
    if isinstance(error, TypeError) and module.way != "forward" and (lacking := _MISSING.search(text)):
        called = getattr(model, module.way, model)
        if text.startswith(f"{getattr(called, '__qualname__', type(model).__qualname__ + '.__call__')}()"):
            filled = ", ".join(f"{name}=…" for name in _NAME.findall(lacking[1]))
            return TypeError(
                f"model: {call} also wants {', '.join(_NAME.findall(lacking[1]))}; say how it is called: "
                f"forward=lambda model, inputs: {call}(inputs, {filled})"
            )
    if isinstance(given, Text):  # which never sees our codes
        texts = given.outside(x)
        first = f"{texts[0]!r:.80}"
        what = f"{len(texts)} texts, the first of them {first}" if len(texts) > 1 else f"the text {first}"
    else:
        what = f"an input of shape {tuple(x.shape)}"
    way = _way(text, module, x, given, call)
    return RuntimeError(f"the model raised {kind} on {what}: {text.rstrip('.') if way else text}{way}")


def _way(text: str, module: Predictor, x: Tensor, given: Array, call: str) -> str:
    """The call with which a model that is no torch module would take the input, if that can be told, or `""`."""
    if isinstance(given, Tabular):
        names = "model.feature_names_in_"
        own = [str(name) for name in _plain(getattr(module.estimator, "feature_names_in_", ()))]
        if is_booster(module.estimator, "xgboost"):
            names, own = "model.feature_names", list(module.estimator.feature_names or ())
        count = getattr(module.estimator, "n_features_in_", None)
        if given.framed and own and own != list(given.names) and set(own) <= set(given.names):
            return (
                "; its own columns, in their order: "
                f"Tabular({{name: row[name] for name in {names}}}, background=table[list({names})])"
            )
        if not given.framed and isinstance(count, int) and count == len(given.columns) - 1:
            return f"; if the last column is the label: Tabular(row[:{count}], background=table[:, :{count}])"
        if not given.framed and ("only integers, slices" in text or "numpy.ndarray' object has no attribute" in text):
            return (
                "; it gets an array, as the background is one; for a model that reads columns by their names: "
                "Tabular(row, background=pandas.DataFrame(table, columns=names))"
            )
    elif x.ndim > 2 and module.way not in ("call", "forward"):
        return (
            "; a model of rows of pixels or of steps: "
            f"forward=lambda model, inputs: {call}(inputs.reshape(len(inputs), -1))"
        )
    if isinstance(given, Text) and is_pipeline(module.estimator):
        return way_of_pipeline(module.estimator, given.outside(x)[0])
    way = module.one_by_one(given.outside(x))
    if not way and isinstance(given, Text):
        way_of_table = way_of_columns(module.estimator, call, text) or way_of_rows(module.estimator, text)
        if way_of_table:
            return way_of_table
    return f"; it answers when it is asked as in {way}" if way else ""


def _plain(names: Any) -> list[Any]:
    return list(names) if isinstance(names, np.ndarray) else []
