"""What is explained first of a text whose tokens have scores of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core.model.batches import is_close
from nbexplain.core.model.region import Region
from nbexplain.inputs import Text


def default_token(
    text: Text, module: nn.Module, scores: Tensor, ahead: Callable[[], bool | None], names: Sequence[str] = ()
) -> Region:
    """A class at one token, for scores (1, L, K).

    Of a model whose classes are its vocabulary, as many as its first or its largest table of embeddings has rows, the
    best prediction at the last token, if it generates text. Else, where the text holds the tokenizer's mask token, the
    best prediction for the first one; and at the last token, where there is no such token or the model reads no token
    behind the one that it speaks of, which is tried. Of other models, as of named entities, the class that is most
    certain (softmax) at a token of the text, other than one called O, by the names given or by the model's
    `config.id2label`.

    Parameters
    ----------
    ahead
        Tells what `reads_ahead` does; not asked of Hugging Face's models, which say so themselves.

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
        if not isinstance(mask, int) or generates:
            return last
        known = True if callable(getattr(module, "can_generate", None)) else ahead()
        if known is False:
            return last
        put = f"put {getattr(text.vocabulary, 'mask_token', None)!r} where it is to be explained"
        way = f"{put}, or give target=(token, id)"
        if known is None:
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


def reads_ahead(text: Text, scores: Tensor, run: Callable[[Tensor], Tensor]) -> bool | None:
    """Whether the scores (1, L, K) of a token hang on tokens behind it, tried with others there; None: not known.

    `run` makes scores of codes (1, L).
    """
    own = _own(text)
    before, behind = own[: len(own) // 2], own[len(own) // 2 :]
    changed = text.tensor.clone()
    changed[0, behind] = torch.from_numpy(text.codes.mask_token(behind))
    try:
        others = run(changed)
    except Exception:  # a model that does not take these tokens
        return None
    if not len(before) or others.shape != scores.shape:
        return None
    return not is_close(others[:, before], scores[:, before])


def _generates(module: nn.Module) -> bool:
    """Whether it is a Hugging Face model that predicts the next token from those before it."""
    able = getattr(module, "can_generate", None)
    return callable(able) and bool(able()) and not getattr(module.config, "is_encoder_decoder", False)


def _best(scores: Tensor, token: int) -> Region:
    return Region(int(torch.nan_to_num(scores[0, token], nan=-torch.inf).argmax()), (token,))
