"""What a network's own error means for a text: it is too long, or a decoder has nothing to begin with."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from nbexplain.inputs import Array, Text


def of_text(
    error: Exception, module: nn.Module, given: Array, x: Tensor, scores: Callable[[Tensor], Any], *, plain: bool
) -> Exception | None:
    """What it means, said with the call that works; None where it means neither.

    Parameters
    ----------
    scores
        Codes (N, L) → scores, by which it is tried.
    plain
        Whether the model is called with the tokens alone, and not by the user's `forward`.
    """
    if not isinstance(given, Text) or given.tokenizer is None:
        return None
    return (_of_decoder(error, module, given, x) if plain else None) or _of_length(error, module, x, scores)


def _of_decoder(error: Exception, module: nn.Module, given: Text, x: Tensor) -> Exception | None:
    config = getattr(module, "config", None)
    if not getattr(config, "is_encoder_decoder", False) or "inputs_embeds" not in str(error):
        return None
    if "decoder_input_ids" not in inspect.signature(module.forward).parameters:
        return None
    made = given.arguments(x)[1]
    ids, passed = ("x['input_ids']", "**x") if made else ("x", "x")
    able = getattr(module, "can_generate", None)
    read = ".logits[:, 0]" if callable(able) and able() else ""
    names = ", ".join(map(repr, made or ["input_ids"]))
    return TypeError(
        f"x: the model also wants decoder_input_ids, the beginning of its answer, and the tokenizer makes {names}; for "
        f"the first token of the answer: forward=lambda model, x: model({passed}, decoder_input_ids="
        f"{ids}.new_full((len({ids}), 1), model.config.decoder_start_token_id)){read}"
    )


def _of_length(error: Exception, module: nn.Module, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That the text has more tokens than the model has positions: the largest number that it takes, as tried."""

    def takes(codes: Tensor) -> bool:
        try:
            scores(codes)
        except Exception:  # it is another number, or another fault
            return False
        return True

    one, length = x[:1], x.shape[1]
    for most in sorted((most for most in _positions(module) if 0 < most < length), reverse=True):
        if takes(one[:, :most]) and takes(one[:, -most:]) and not takes(one[:, : most + 1]):
            return ValueError(
                f"text: it has {length:,} tokens, and the model takes {most:,}; Text(…, max_length={most}) cuts it "
                f"({type(error).__name__}: {error})"
            )
    return None


def way_of_pipeline(pipe: Any, text: Any) -> str:
    """How a text-classification pipeline would take a text, or a pair, that is too long for it: tried; else `""`."""
    parts = (text,) if isinstance(text, str) else tuple(text)
    given = dict(zip(("text", "text_pair"), parts))
    length = len(pipe.tokenizer(*parts, verbose=False)["input_ids"])
    for most in sorted((most for most in _positions(pipe.model) if 0 < most < length), reverse=True):
        with contextlib.suppress(Exception):  # it is another number, or another fault
            pipe([given], truncation=True, max_length=most)
            return (
                f"; the text has {length:,} tokens, and the model takes {most:,}: pipeline('text-classification', "
                f"model=model.model, tokenizer=model.tokenizer, truncation=True, max_length={most})"
            )
    return ""


def _positions(module: nn.Module) -> set[int]:
    """How many tokens it may take, by its configuration and the tables that it holds."""
    found: list[Any] = []
    for part in module.modules():
        config = getattr(part, "config", None)
        found += [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions")]
        if isinstance(part, nn.Embedding):
            found += [part.num_embeddings, part.num_embeddings - 1 - (part.padding_idx or 0)]
    tables = [tensor for _, tensor in [*module.named_parameters(), *module.named_buffers()] if 2 <= tensor.ndim <= 3]
    found += [tensor.shape[-2] for tensor in tables if tensor.ndim == 2 or len(tensor) == 1]
    return {most for most in found if isinstance(most, int)}
