"""What a network's own error means for a text: it is too long, or the network is called in another way."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import partial
from traceback import walk_tb
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core.predictor import Predictor
from nbexplain.inputs import Array, Text
from nbexplain.inputs.text_read import is_added
from nbexplain.inputs.words import words_in


def of_text(
    error: Exception, module: nn.Module, given: Array, x: Tensor, call: Callable[[Tensor], Any], *, plain: bool
) -> Exception | None:
    """What it means, said with the call that works; None where it means none of these.

    Parameters
    ----------
    call
        Hands codes (N, L) to the model, by which it is tried.
    plain
        Whether the model is called with the tokens alone, and not by the user's `forward`.
    """
    if not isinstance(given, Text):
        return None
    whole = torch.equal(x.cpu(), given.tensor)
    if given.tokenizer is None:
        return of_one_at_a_time(error, module, given) if plain and whole else None
    said = _of_decoder(error, module, given, x) if plain else None
    if said := said or _of_length(error, module, given, x, call):
        return said
    if plain:
        return _of_choices(error, module, given, x) or _of_dict(error, module, given, x)
    unloaded = any(tensor.is_meta for tensor in module.parameters())
    known = isinstance(module, Predictor) or unloaded or is_of_ids(error, module, given, x)
    return _of_forward(error, module, given, x) if whole and not known else None


def is_of_ids(error: Exception, module: nn.Module, given: Array, x: Tensor) -> bool:
    """Whether an error says that the model's embeddings have no row for an id, or for a place."""
    counts = [part.num_embeddings for part in module.modules() if isinstance(part, nn.Embedding)]
    if not isinstance(error, IndexError) or not counts:
        return False
    ids = _ids(*given.arguments(x)) if isinstance(given, Text) else x
    return "index out of range in self" in str(error) or int(ids.max()) >= max(counts)  # as torch says it of a lookup


def _ids(args: tuple[Any, ...], keywords: dict[str, Any]) -> Tensor:
    ids: Tensor = args[0] if args else keywords["input_ids"]
    return ids


def of_one_at_a_time(error: Exception, module: nn.Module, given: Text) -> Exception | None:
    """That a network takes strings in another form than in a list: tried."""
    texts = given.outside(given.tensor) * 3  # neither as many as a pair has texts, nor one
    ways: list[tuple[Callable[[], Any], str]] = []
    what = "text" if len(given.texts) == 1 else "pair"
    alone: list[tuple[Callable[[Any], Any], str]] = [(module, f"model({what})")]
    if what == "pair":
        alone.insert(0, (lambda pair: module(*pair), "model(*pair)"))
        ways.append((lambda: module(*map(list, zip(*texts, strict=True))), "model(*map(list, zip(*x)))"))
    for ask, written in alone:
        for join in (torch.stack, torch.cat, torch.tensor):
            each = f"torch.{join.__name__}([{written} for {what} in x])"
            ways.append((partial(_joined, join, ask, texts), each))
    for call, written in ways:
        found: list[Any] = []
        if not _runs(lambda: found.append(call())):  # noqa: B023 called at once
            continue
        if isinstance(found[0], Tensor) and 1 <= found[0].ndim <= 2 and len(found[0]) == len(texts):
            return TypeError(
                f"x: the model gets a list of {what}s, and raised {type(error).__name__}: {error}; it answers when it "
                f"is called as in forward=lambda model, x: {written}"
            )
    return None


def _joined(join: Callable[[list[Any]], Any], ask: Callable[[Any], Any], texts: list[Any]) -> Any:
    return join([ask(text) for text in texts])


def way_of_call(module: nn.Module, given: Text, x: Tensor, among: slice = slice(1, None)) -> str:
    """The `forward` by which a network takes what the tokenizer makes: tried; else `""`.

    Parameters
    ----------
    among
        Which calls are tried: of ids, or all by name, as most are called; of all in one; of ids where there is more.
    """
    args, keywords = given.arguments(x)
    calls: list[tuple[Callable[[], Any], str]]
    if keywords:
        calls = [
            (lambda: module(**keywords), "**x"),
            *_in_one(module, keywords, "x"),
            (lambda: module(keywords["input_ids"]), "x['input_ids']"),
        ]
    else:
        calls = [(lambda: module(*args), "x"), *_in_one(module, {"input_ids": args[0]}, "{'input_ids': x}")]
    return next((f"forward=lambda model, x: model({written})" for call, written in calls[among] if _runs(call)), "")


def _in_one(module: nn.Module, made: dict[str, Tensor], written: str) -> list[tuple[Callable[[], Any], str]]:
    """The calls with all that the tokenizer makes as one argument: a dict, or what Hugging Face's tokenizers return."""
    library = sys.modules.get("transformers")  # else nobody has a model that was made for it
    return [
        (lambda: module(dict(made)), written),
        (lambda: module(library.BatchEncoding(dict(made))), f"transformers.BatchEncoding({written})"),  # type: ignore[union-attr]
    ]


def required(module: nn.Module) -> list[str]:
    """What a network must be given, by name."""
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(module.forward).parameters.items()
    return [name for name, one in found if one.default is one.empty and one.kind not in several]


def _of_dict(error: Exception, module: nn.Module, given: Text, x: Tensor) -> Exception | None:
    """That the model takes what is made of a text in one, as a dict: tried."""
    way = way_of_call(module, given, x, slice(1, 3))
    if not way:
        return None
    made = ", ".join(map(repr, given.arguments(x)[1] or ["input_ids"]))
    return TypeError(
        f"x: the tokenizer makes {made}, and the model raised {type(error).__name__}: {error}; it answers when it is "
        f"called as in {way}"
    )


def _of_forward(error: Exception, module: nn.Module, given: Text, x: Tensor) -> Exception:
    """What the user's `forward` got where it failed, and how the model is called: tried."""
    args, keywords = given.arguments(x)
    shapes = ", ".join(f"{name!r} {tuple(values.shape)}" for name, values in keywords.items())
    got = f"a dict of {shapes}" if keywords else f"a tensor of ids {tuple(args[0].shape)}"
    inside = any(frame.f_code is nn.Module._call_impl.__code__ for frame, _ in walk_tb(error.__traceback__))
    left_out = "".join(f"; {note}" for note in given.notes if "the model does not get them" in note)
    lacking = _lacking(error, module, keywords, inside=inside)
    way = way_of_call(module, given, x, slice(None))
    if way:
        way = f"; the model answers when it is called as in {way}"
    elif lacking:
        filled = ", ".join(f"{name}=…" for name in lacking)
        passed = "**x" if keywords else "x"
        way = f"; the model also wants {', '.join(lacking)}: forward=lambda model, x: model({passed}, {filled})"
    raised = f"{'the model' if inside else 'it'} raised {type(error).__name__}: {error}"
    return RuntimeError(f"forward: its x is {got}, and {raised}{left_out}{way}")


def _lacking(error: Exception, module: nn.Module, keywords: dict[str, Tensor], *, inside: bool) -> list[str]:
    """What a network wants besides ids, or besides what it gets by name; nothing where it does not take these so.

    Nor where it failed `inside` with all that it wants.
    """
    own = getattr(type(module).forward, "__qualname__", "forward")
    if inside and not (isinstance(error, TypeError) and str(error).startswith(f"{own}()")):
        return []
    lacking = [name for name in required(module)[0 if keywords else 1 :] if name not in keywords]
    try:
        inspect.signature(module.forward).bind(*[None] * (not keywords), **keywords, **dict.fromkeys(lacking))
    except TypeError:
        return []
    return lacking


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


def emptied_by_pipeline(pipe: Any, given: Text) -> tuple[str, ...]:
    """A note on the second text of a pair, all of which may be hidden, where the tokenizer drops an empty one."""
    if len(given.texts) == 1 or not callable(getattr(pipe, "tokenizer", None)):
        return ()
    first, begin = given.texts[0], len(given.text) - len(given.texts[1])
    words = [(start, end) for start, end in words_in(given.text) if start >= begin]
    if any(all(end <= a or start >= b for a, b in given.parts_explained) for start, end in words):
        return ()  # some of it always stays
    dropped, kept = (len(pipe.tokenizer(first, second, verbose=False)["input_ids"]) for second in ("", " "))
    if dropped == kept:
        return ()
    return (
        "where all of the second text is hidden, the pipeline is asked with text_pair=' ', which stays a pair as where "
        "some words are left; of text_pair='' it would leave the second text out",
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
