"""Which embeddings look up the tokens of a text, so that neutral rows can stand in for them: tried, not guessed.

Neither the order of the calls nor the numbers that are asked for tell: places and types of tokens are looked up as
well, and ids may be turned, shifted or hashed before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core import hooks
from nbexplain.core.model.batches import is_close
from nbexplain.inputs import Text
from nbexplain.inputs.text_read import is_added
from nbexplain.inputs.tokens import stand_in

_OTHERS = 3  # tokens that are put in the place of one: two may have the same row, as of hashes
_AT_ONCE = 4096  # rows of an embedding

WAY = "hide='mask token' puts a token in the place of each that is hidden"


@dataclass(frozen=True)
class Lookup:
    """One call of an embedding that looks up tokens.

    Attributes
    ----------
    shape
        Of the rows that it returns for one text: (1, L) or (L, 1), say.
    offsets
        The row at place i is of the tokens at i + each of these.
    """

    shape: tuple[int, ...]
    offsets: tuple[int, ...]

    def rows(self, hidden: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Which rows of that shape are of hidden tokens (N, L)."""
        count, length = hidden.shape
        places = torch.arange(int(np.prod(self.shape)), device=hidden.device)
        found = torch.zeros(count, len(places), dtype=torch.bool, device=hidden.device)
        for offset in self.offsets:
            at = places + offset
            found |= hidden[:, at.clamp(0, length - 1)] & (at >= 0) & (at < length)
        if count == 1:
            return found.reshape(self.shape)
        if shape == (count, len(places)) and self.shape[:1] == (1,):
            return found
        if shape == (len(places), count) and self.shape[1:] == (1,):
            return found.T
        raise hooks.OneByOne


Lookups = Mapping[hooks.Call, Lookup]


@contextmanager
def neutral(module: nn.Module, hidden: Tensor, lookups: Lookups) -> Iterator[None]:
    """Let the mean row of an embedding stand in for each token where `hidden` (N, L) is True.

    Raises
    ------
    OneByOne
        If in a batch it cannot be told whose rows they are.
    """

    def change(call: hooks.Call, embedding: nn.Embedding, output: Tensor) -> Tensor | None:
        if call not in lookups:
            return None
        rows = lookups[call].rows(hidden.to(output.device), tuple(output.shape[:-1]))
        return torch.where(rows[..., None], _mean(embedding).to(output.dtype), output)

    with hooks.embedded(module, change):
        yield


def _mean(embedding: nn.Embedding) -> Tensor:
    """The mean (D,) of all that it may return, which may be no rows of its weight: some scale them."""
    if type(embedding).forward is nn.Embedding.forward:
        return embedding.weight.mean(0)
    ids = torch.arange(embedding.num_embeddings, device=embedding.weight.device)
    sums = [embedding.forward(some).float().sum(0) for some in ids.split(_AT_ONCE)]
    return torch.stack(sums).sum(0) / len(ids)


def lookups_of(text: Text, module: nn.Module, call: Callable[[Tensor], Any]) -> Lookups:
    """The calls of embeddings that return something else when a token is another, and where.

    Parameters
    ----------
    call
        Ids (1, L) → what the model returns.

    Raises
    ------
    ValueError
        If there are none, or the model looks at the tokens elsewhere too.
    """
    if not any(isinstance(part, nn.Embedding) for part in module.modules()):
        raise ValueError(f"hide: the model has no nn.Embedding whose rows could be made neutral; {WAY}")
    ids = torch.from_numpy(text.ids)[None]
    placed = text.explained & ~is_added(text.ids, text.vocabulary)
    places = np.flatnonzero(placed if placed.any() else text.explained)
    middle = int(places[len(places) // 2])
    before, known = _returned(module, call, ids), list[int]()
    offsets: dict[hooks.Call, set[int]] = {}
    for other in _others(text, places):
        if len(known) == _OTHERS or other == int(ids[0, middle]):
            continue
        changed = ids.clone()
        changed[0, middle] = other
        with contextlib.suppress(Exception):  # an id that the model has no row for
            after = _returned(module, call, changed)
            known.append(other)
            for key, rows in before.items():
                if key in after and after[key].shape == rows.shape:
                    moved = (after[key] != rows).any(-1).flatten().nonzero()[:, 0]
                    offsets.setdefault(key, set()).update((middle - moved).tolist())
    lookups = {
        key: Lookup(tuple(before[key].shape[:-1]), tuple(sorted(found))) for key, found in offsets.items() if found
    }
    if not lookups:
        raise ValueError(
            f"hide: no nn.Embedding of the model was asked for the tokens, so none could be made neutral; {WAY}"
        )
    others = ids.clone()
    for place in places:
        others[0, place] = next((other for other in known if other != int(ids[0, place])), int(ids[0, place]))
    if _seen_elsewhere(module, ids, others, lookups, call):
        raise ValueError(
            "hide: with a neutral embedding for all its tokens, the model's scores still depend on what they are: it "
            f"looks at them elsewhere than in an nn.Embedding, or at several in one; {WAY}"
        )
    return lookups


def _seen_elsewhere(
    module: nn.Module, ids: Tensor, others: Tensor, lookups: Lookups, call: Callable[[Tensor], Any]
) -> bool:
    """Whether what a model returns still tells two texts (1, L) apart that are neutral where they differ."""

    def returned(given: Tensor) -> Tensor | None:
        with neutral(module, ids != others, lookups):
            return hooks.main_tensor(call(given))

    try:
        one, other = returned(ids), returned(others)
        if one is None or other is None or (one.shape == other.shape and is_close(other, one)):
            return False
        again = returned(ids)
    except Exception:  # it cannot take those others
        return False
    return again is not None and is_close(again, one)  # else it draws random numbers


def _returned(module: nn.Module, call: Callable[[Tensor], Any], ids: Tensor) -> dict[hooks.Call, Tensor]:
    """What each call of an embedding returns."""
    found: dict[hooks.Call, Tensor] = {}

    def look(call: hooks.Call, _embedding: nn.Embedding, output: Tensor) -> None:
        found[call] = output.detach().clone()

    with hooks.embedded(module, look):
        call(ids)
    return found


def _others(text: Text, places: np.ndarray) -> list[int]:
    """Tokens that may stand in the place of others: those of the text, their neighbours, and what stands for any."""
    own = dict.fromkeys(text.ids[places].tolist())
    near = [id_ + step for id_ in own for step in (-1, 1) if id_ + step >= 0]
    near = [id_ for id_, special in zip(near, is_added(np.array(near, dtype=np.int64), text.vocabulary)) if not special]
    some = stand_in(text.vocabulary)
    return list(dict.fromkeys([*own, *near[: 4 * _OTHERS], *([] if some is None else [some])]))
