"""What is explained first of a text whose tokens have scores of their own."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core.model.batches import is_close
from nbexplain.core.model.outputs import scores_of
from nbexplain.core.model.region import Region
from nbexplain.inputs import Text

_AHEAD: weakref.WeakKeyDictionary[nn.Module, bool] = weakref.WeakKeyDictionary()  # what was tried, by model


def default_token(text: Text, module: nn.Module, scores: Tensor, names: Sequence[str] = ()) -> Region:
    """A class at one token, for scores (1, L, K).

    Of a model whose classes are its vocabulary, as many as its first or its largest table of embeddings has rows, the
    best prediction at the last token, if it generates text. Else, where the text holds the tokenizer's mask token, the
    best prediction for the first one; and at the last token, where there is no such token or the model reads no token
    behind the one that it speaks of, which is tried. Of other models, as of named entities, the class that is most
    certain (softmax) at a token of the text, other than one called O, by the names given or by the model's
    `config.id2label`.

    Raises
    ------
    ValueError
        If the model fills masks, or may do so, and there is none in the text.
    """
    mask = getattr(text.vocabulary, "mask_token_id", None)
    masked = [place for place, token in enumerate(text.ids.tolist()) if token == mask]
    classes = scores.shape[2]
    generates = _is_vocabulary(module, classes) and any(map(_generates, module.modules()))
    if masked and not generates:
        return _best(scores, masked[0])
    if _is_vocabulary(module, classes):
        place = int(_own(text)[-1])
        last = _best(scores, place)
        ahead = isinstance(mask, int) and not generates and _reads_ahead(module, text, scores)
        if ahead is False:
            return last
        put = f"put {getattr(text.vocabulary, 'mask_token', None)!r} where it is to be explained"
        way = f"{put}, or give target=(token, id)"
        if ahead is None:
            way = f"if it fills masks, {put}; if it predicts the next token, give target=({place}, {last.label})"
        raise ValueError(
            f"target: the model predicts one of {classes:,} tokens at each token, and the text has no mask token; {way}"
        )
    labels = getattr(getattr(module, "config", None), "id2label", None) or {}
    called = names or [labels.get(number, "") for number in range(classes)]
    certain = torch.nan_to_num(scores[0].double().softmax(-1), nan=-1)
    outside = [number for number, name in enumerate(called) if name == "O"]
    if len(outside) < classes:
        certain[:, outside] = -1
    seen = torch.from_numpy(text.spans[:, 1] > text.spans[:, 0])
    if seen.any():
        certain[~seen.to(certain.device)] = -1
    token, label = divmod(int(certain.argmax()), classes)
    return Region(label, (token,))


def token_names(text: Text, module: nn.Module, scores: Tensor) -> tuple[str, ...]:
    """Names of the classes of scores (1, L, K): the tokenizer's tokens, where they are the vocabulary.

    Of scores (1, L), one for each token, as where an answer begins: the tokens of the text, with their places.
    """
    if scores.ndim == 2:
        return tuple(f"{place} “{token}”" for place, token in enumerate(text.tokens))
    count = scores.shape[2]
    read = getattr(text.vocabulary, "convert_ids_to_tokens", None)
    if read is None or not _is_vocabulary(module, count):
        return tuple(f"class {number}" for number in range(count))
    try:
        return tuple(map(str, read(list(range(count)))))
    except Exception:  # embeddings may have more rows than the tokenizer has tokens
        return tuple(f"token {number}" for number in range(count))


def _is_vocabulary(module: nn.Module, classes: int) -> bool:
    rows = [part.num_embeddings for part in module.modules() if isinstance(part, nn.Embedding)]
    return bool(rows) and classes in (rows[0], max(rows))  # of characters there are fewer than of places


def _own(text: Text) -> np.ndarray:
    """The places of the tokens that are no padding."""
    return np.arange(len(text.ids)) if text.padded is None else np.flatnonzero(~text.padded.places)


def _reads_ahead(module: nn.Module, text: Text, scores: Tensor) -> bool | None:
    """Whether the scores (1, L, K) of a token hang on tokens behind it, tried with others there.

    None where it cannot be told, as where the module called by itself has other scores than these. Hugging Face's
    models that do not generate text need not be tried.
    """
    if callable(getattr(module, "can_generate", None)):
        return True
    if module not in _AHEAD:
        own = _own(text)
        before, behind = own[: len(own) // 2], own[len(own) // 2 :]
        if not len(before) or module.training:  # one that is explained in place is called by its network alone
            return None
        changed = text.tensor.clone()
        changed[0, behind] = torch.from_numpy(text.codes.mask_token(behind))
        if any(is_close(one[:, before], scores[:, before]) for one in _called(module, text, changed, scores)):
            _AHEAD[module] = False
        elif any(is_close(one, scores) for one in _called(module, text, text.tensor, scores)):
            _AHEAD[module] = True
    return _AHEAD.get(module)


def _called(module: nn.Module, text: Text, codes: Tensor, wanted: Tensor) -> list[Tensor]:
    """Scores of such a shape that a module has for codes (1, L): called with the ids alone, or all entries."""
    args, keywords = text.arguments(codes.to(wanted.device), wanted.dtype)
    ways = [((keywords["input_ids"],), {}), ((), keywords)] if keywords else [(args, {})]
    found = []
    with torch.inference_mode(False), torch.no_grad(), torch.autocast(wanted.device.type, enabled=False):
        for given, named in ways:
            try:
                scores = scores_of(module(*given, **named), 1)
            except Exception:  # noqa: S112 it is called in another way
                continue
            found += [scores] if scores.shape == wanted.shape else []
    return found


def _generates(module: nn.Module) -> bool:
    """Whether it is a Hugging Face model that predicts the next token from those before it."""
    able = getattr(module, "can_generate", None)
    return callable(able) and bool(able()) and not getattr(module.config, "is_encoder_decoder", False)


def _best(scores: Tensor, token: int) -> Region:
    return Region(int(torch.nan_to_num(scores[0, token], nan=-torch.inf).argmax()), (token,))
