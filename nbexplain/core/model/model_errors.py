"""What a model's own error means for the input: said in words that name the argument and the call that would work."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from nbexplain.core.predictor import Predictor
from nbexplain.inputs import Array, Text
from nbexplain.inputs.text_codes import MASK_WORD

META = (
    "model: its weights are on the meta device, without values: load them first, as with "
    "load_state_dict(weights, assign=True)"
)

_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)")
_NAME = re.compile(r"'(\w+)'")


class Said(ValueError):
    """An error of ours, raised inside a pass, which says all there is to say."""


def of_arguments(error: Exception, module: nn.Module, x: Tensor, given: Array) -> Exception | None:
    """What the model's own error means for how the input is handed over; None where it means nothing."""
    text = str(error)
    own = getattr(type(module).forward, "__qualname__", "forward")  # as Python calls it in its errors
    lacking = _MISSING.search(text) if isinstance(error, TypeError) and text.startswith(f"{own}()") else None
    if lacking:
        names = ", ".join(_NAME.findall(lacking[1]))
        held = given.parts.given if given.parts is not None else None
        if isinstance(given, Text) and not isinstance(module, Predictor):
            held = given.arguments(x)[1] or None
            have = f"the tokenizer makes {', '.join(map(repr, held or ['input_ids']))}"
            more = "let it return the others with a number for each token"
        elif isinstance(held, Mapping):
            have, more = f"x has {', '.join(map(repr, held))}", "put the others into it"
        else:
            have = f"x is {'one input' if held is None else type(held).__name__}"
            more = f"give all of them, as x=(…, {names})"
        taken, passed = ("x", "x") if held is None else ("x", "**x") if isinstance(held, Mapping) else ("*x", "*x")
        filled = ", ".join(f"{name}=…" for name in names.split(", "))
        return TypeError(
            f"x: the model also wants {names}, and {have}; {more}, or say how it is called: "
            f"forward=lambda model, {taken}: model({passed}, {filled})"
        )
    keywords = given.arguments(x)[1] if isinstance(given, Text) and not isinstance(module, Predictor) else {}
    if keywords and isinstance(error, TypeError) and text.startswith(f"{own}()") and "unexpected keyword" in text:
        made = ", ".join(map(repr, keywords))
        return TypeError(
            f"tokenizer: it makes {made}, which are passed as keywords, and the model raised: {text}; for a model that "
            "takes the ids alone: forward=lambda model, x: model(x['input_ids'])"
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


def of_nothing_left(error: Exception, given: Array, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That a model cannot take a text with all of it hidden, where it takes the others; None where it is not that."""
    if not isinstance(given, Text) or str(error).startswith("predict: it returned the label"):
        return None
    empty = given.nothing_left(x)
    if not empty.any():
        return None
    others = x[~empty] if not empty.all() else given.one_less()
    try:
        if others is not None:
            scores(others.to(x.device))
    except Exception as shorter:
        if not empty.all() or given.tokenizer is None:
            return None
        said = shorter.__cause__ or shorter
        return Said(
            "hide: the model does not take the text with a token less, so none can be removed: it raised "
            f"{type(said).__name__}: {str(said).rstrip('.')}. hide='mask token' leaves a token for each that is hidden"
        )
    if given.tokenizer is None:
        seen, way = (
            f"{given.outside(x[empty][:1])[0]!r}",
            f"hide='mask token' leaves {MASK_WORD!r} for each hidden word",
        )
    else:
        ids = given.arguments(x[empty][:1])
        seen = f"the ids {(ids[0][0] if ids[0] else ids[1]['input_ids'])[0].tolist()}"
        way = "hide='mask token' leaves a token for each that is hidden"
    raised = str(error) if str(error).startswith("predict:") else f"{type(error).__name__}: {error}"
    return ValueError(
        f"hide: the model cannot take the text with everything hidden, which SHAP and LIME need: on {seen} it raised "
        f"{raised.rstrip('.')}. {way}; or let the model return scores for a text without words"
    )


def in_words(error: Exception, module: nn.Module, x: Tensor, given: Array) -> Exception:
    """What the model's own error means for the input."""
    if "meta" in str(error) and any(t.is_meta for t in chain(module.parameters(), module.buffers())):
        return ValueError(META)
    first = next(((n, m) for n, m in module.named_modules() if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Conv3d))), None)
    if first is not None and first[1].weight.ndim == x.ndim and first[1].in_channels != x.shape[1]:
        return ValueError(
            f"x: it has {x.shape[1]} channels, but the model's first convolution {first[0]!r} takes "
            f"{first[1].in_channels}"
        )
    if isinstance(error, IndexError) and not x.is_floating_point():
        tables = [f"{n!r} {m.num_embeddings:,}" for n, m in module.named_modules() if isinstance(m, nn.Embedding)]
        if tables:
            return ValueError(
                f"tokenizer: it gives an id, or so many, that the model has no row for ({error}); its embeddings have: "
                f"{', '.join(tables)}. Is it this model's own?"
            )
    if (
        isinstance(module, Predictor)
        and isinstance(error, (ValueError, TypeError))
        and str(error).startswith("predict:")
    ):
        return error
    if isinstance(module, Predictor) and isinstance(given, Text):  # which never sees our codes
        texts = given.outside(x)
        what = (
            f"{len(texts)} texts, the first of them {texts[0]!r:.80}"
            if len(texts) > 1
            else f"the text {texts[0]!r:.80}"
        )
        return RuntimeError(f"the model raised {type(error).__name__} on {what}: {error}")
    return RuntimeError(f"the model raised {type(error).__name__} on an input of shape {tuple(x.shape)}: {error}")
