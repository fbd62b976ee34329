"""What a network's own error means for a text: it is too long, is no choice, or a decoder has nothing to begin with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.inputs import Array, Text
from nbexplain.inputs.text_read import is_added


def of_text(
    error: Exception, module: nn.Module, given: Array, x: Tensor, call: Callable[[Tensor], Any], *, plain: bool
) -> Exception | None:
    """What it means, said with the call that works; None where it means neither.

    Parameters
    ----------
    call
        Hands codes (N, L) to the model, by which it is tried.
    plain
        Whether the model is called with the tokens alone, and not by the user's `forward`.
    """
    if not isinstance(given, Text) or given.tokenizer is None:
        return None
    said = _of_decoder(error, module, given, x) if plain else None
    return (
        said or _of_length(error, module, given, x, call) or (_of_choices(error, module, given, x) if plain else None)
    )


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


def _of_length(
    error: Exception, module: nn.Module, given: Text, x: Tensor, call: Callable[[Tensor], Any]
) -> Exception | None:
    """That the text has more tokens than the model has positions: the largest number that it takes, as tried."""
    length, usual = x.shape[1], _usual(given.ids, given.vocabulary)
    most = _most(module, length, lambda count: call(x.new_full((1, count), usual)))
    if most is None:
        return None
    return ValueError(
        f"text: it has {length:,} tokens, and the model takes {most:,}; Text(…, max_length={most}) cuts it "
        f"({type(error).__name__}: {error})"
    )


def _of_choices(error: Exception, module: nn.Module, given: Text, x: Tensor) -> Exception | None:
    """That the model takes the choices of a question, (N, choices, L): tried with one."""
    args, keywords = given.arguments(x)
    found: list[Any] = []
    if not _runs(
        lambda: found.append(module(*(a[:, None] for a in args), **{k: v[:, None] for k, v in keywords.items()}))
    ):
        return None
    taken = "**{name: ids[:, None] for name, ids in x.items()}" if keywords else "x[:, None]"
    read = ".logits" if hasattr(found[0], "logits") else ""
    return ValueError(
        f"x: the model takes ids of (1, choices, {x.shape[1]}), as of the answers to a question, and the tokenizer "
        f"makes (1, {x.shape[1]}) ({type(error).__name__}: {error}); for one choice: forward=lambda model, x: "
        f"model({taken}){read}"
    )


def _most(module: nn.Module, length: int, call: Callable[[int], Any]) -> int | None:
    """The largest number of tokens below `length` that a model takes, where it has a table of as many.

    Parameters
    ----------
    call
        Hands the model so many copies of one token: of others it may not know the ids.
    """
    for most in sorted((most for most in _positions(module) if 1 < most < length), reverse=True):
        if _runs(lambda: call(most)) and not _runs(lambda: call(most + 1)):  # noqa: B023 called at once
            return most
    return None


def _runs(call: Callable[[], Any]) -> bool:
    try:
        call()
    except Exception:  # it is another number, or another fault
        return False
    return True


def _usual(ids: np.ndarray, vocabulary: Any) -> int:
    """The place of a token that models know: the first of a vocabulary that is no special one, as padding is."""
    plain = np.flatnonzero(~is_added(ids, vocabulary))
    among = plain if len(plain) else np.arange(len(ids))
    return int(among[ids[among].argmin()])


def way_of_pipeline(pipe: Any, text: Any) -> str:
    """How a text-classification pipeline would take a text, or a pair, that is too long for it: tried; else `""`."""
    parts = (text,) if isinstance(text, str) else tuple(text)
    given = dict(zip(("text", "text_pair"), parts))
    ids = np.array(pipe.tokenizer(*parts, verbose=False)["input_ids"])
    table = pipe.model.get_input_embeddings()
    if isinstance(table, nn.Embedding) and ids.max() >= table.num_embeddings:
        return f"; its tokenizer gives the id {ids.max():,}, and the model has {table.num_embeddings:,} of them"
    usual = int(ids[_usual(ids, pipe.tokenizer)])
    with torch.no_grad():
        most = _most(
            pipe.model,
            len(ids),
            lambda count: pipe.model(input_ids=torch.full((1, count), usual, device=pipe.model.device)),
        )
    if most is None or not _runs(lambda: pipe([given], truncation=True, max_length=most)):
        return ""
    return (
        f"; the text has {len(ids):,} tokens, and the model takes {most:,}: pipeline('text-classification', "
        f"model=model.model, tokenizer=model.tokenizer, truncation=True, max_length={most})"
    )


def cut_by_pipeline(pipe: Any, parts: Sequence[str]) -> tuple[str, ...]:
    """A note on a text, or a pair, that a pipeline made with `truncation=` cuts; none where it does not."""
    told = getattr(pipe, "_preprocess_params", {})
    if not told.get("truncation") or not callable(getattr(pipe, "tokenizer", None)):
        return ()
    options = {name: told[name] for name in ("truncation", "max_length") if name in told}
    read, whole = (len(pipe.tokenizer(*parts, **more)["input_ids"]) for more in (options, {"verbose": False}))
    if read >= whole:
        return ()
    return (
        f"the text has {whole:,} tokens and the pipeline cuts it to {read:,}: what it cuts off is not read, but moves "
        "up where other words are removed",
    )


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
