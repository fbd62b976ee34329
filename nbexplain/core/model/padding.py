"""Which texts of several lengths may go through a model together: padding is tried, not believed.

An attention mask is no promise. A model may read its last step, average over all, or look for the padding that its
configuration names; then a text has other scores beside longer ones than it has alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core.model.batches import is_close
from nbexplain.inputs import Text

_MOST = 0.25  # of a row of tokens may be padding, for the sake of fewer passes
_FEW = 7  # tokens: shorter rows are run by themselves, as padding shows most in them, and they cost least
_LOOKED_AT = 16  # one of so many rows that are padded is also run as it is

Part = tuple[np.ndarray, Tensor]


@dataclass(frozen=True)
class Padding:
    """How shorter texts are brought to the length of longer ones.

    Attributes
    ----------
    side
        `"right"` or `"left"`.
    id
        Of the tokens that stand there.
    """

    side: str
    id: int

    def apply(self, codes: Tensor, length: int, text: Text) -> Tensor:
        """Codes (N, length) of shorter ones (N, L)."""
        empty = codes.new_full((len(codes), length - codes.shape[1]), text.codes.padding(self.id))
        return torch.cat([codes, empty] if self.side == "right" else [empty, codes], 1)

    def place_of(self, length: int) -> slice:
        """Where the tokens of a text of this length stand after it was padded."""
        return slice(length) if self.side == "right" else slice(-length, None)


def padding_of(
    text: Text, module: nn.Module, alone: Callable[[Tensor], Tensor], together: Callable[[Tensor], Tensor]
) -> Padding | None:
    """How texts can be padded so that each has the scores that it has alone; None where they must not be.

    Parameters
    ----------
    text
        Several of its tokens are left out in turn.
    module
        Whose configuration may name what it takes for padding.
    alone, together
        The scores of codes (1, L), and of a batch (N, L).
    """
    length = len(text.ids)
    rows = [text.tensor, *_shortened(text)]
    wanted = []
    for codes in list(rows):
        try:
            wanted.append(alone(codes))
        except Exception:  # so short a text it does not take at all
            rows = [each for each in rows if each is not codes]
    for padding in _candidates(text, module):
        batch = torch.cat([padding.apply(codes, length, text) for codes in rows])
        try:
            scores = together(batch)
        except Exception:  # noqa: S112 whatever the model makes of this padding: it is another that must do, or none
            continue
        own = zip(scores.split(1), wanted, rows, strict=True)
        if all(_agree(padded, score, length, codes.shape[1], padding) for padded, score, codes in own):
            return padding
    return None


def _agree(padded: Tensor, own: Tensor, longest: int, length: int, padding: Padding) -> bool:
    """Whether scores are those of the text alone; where tokens have their own, of each token at its place."""
    if padded.shape != own.shape and own.shape[1] == length and padded.shape[1] == longest:
        padded = padded[:, padding.place_of(length)]
    return padded.shape == own.shape and is_close(padded, own)


def _candidates(text: Text, module: nn.Module) -> Iterator[Padding]:
    """Padding by what the tokenizer and the model call so; by some token, where neither does. Its own side first."""
    ids = [getattr(text.vocabulary, "pad_token_id", None)]
    ids += [getattr(getattr(part, "config", None), "pad_token_id", None) for part in module.modules()]
    known = dict.fromkeys(id_ for id_ in ids if isinstance(id_, int) and id_ >= 0)
    side = "left" if getattr(text.vocabulary, "padding_side", None) == "left" else "right"
    for id_ in known or [int(text.ids[0])]:
        yield Padding(side, id_)
        yield Padding("right" if side == "left" else "left", id_)


def _shortened(text: Text) -> list[Tensor]:
    """The text with ever fewer of its tokens, down to one: the more padding, the more it shows.

    What a model takes the largest of, say, is seldom padding beside many tokens.
    """
    places = np.arange(len(text.ids))
    inside = np.flatnonzero(text.spans[:, 1] > text.spans[:, 0])
    inside = inside if len(inside) > 1 else places
    count = len(inside)
    kept = [
        np.delete(inside, count // 2),
        inside[count // 4 :],
        inside[: (count + 1) // 2],
        inside[:: max(4, count // 64)],
        inside[count // 3 :][:1],
        inside[-1:],
    ]
    framed = np.setdiff1d(places, inside)
    found = {tuple(np.union1d(framed, left).tolist()) for left in kept if 0 < len(left) < count}
    return [torch.tensor([left]) for left in sorted(found)]


def holds(parts: Iterable[Part], text: Text, padding: Padding, together: Callable[[Tensor], Tensor]) -> int:
    """How many rows of these batches were run as they are too, or 0 if one has other scores when it is padded.

    What was tried of a text before were other rows of it. Those that are padded most are looked at.
    """
    looked = 1  # where nothing is padded, nothing speaks against it
    for group in _groups(parts):
        (_, longest), (_, batch) = group[0], group[-1]
        length, total = longest.shape[1], sum(len(rows) for rows, _ in group)
        some = batch[:: max(1, len(batch) * _LOOKED_AT // total)]
        if batch.shape[1] == length:
            continue
        looked += len(some)
        wanted, scores = together(some), together(padding.apply(some, length, text))
        own = zip(scores.split(1), wanted.split(1), strict=True)
        if not all(_agree(padded, score, length, batch.shape[1], padding) for padded, score in own):
            return 0
    return looked


def merged(parts: Iterable[Part], text: Text, padding: Padding) -> list[Part]:
    """Batches of equal lengths, put together where they are near."""
    return [
        (
            np.concatenate([rows for rows, _ in group]),
            torch.cat([padding.apply(batch, group[0][1].shape[1], text) for _, batch in group]),
        )
        for group in _groups(parts)
    ]


def _groups(parts: Iterable[Part]) -> list[list[Part]]:
    """Batches whose lengths are near, the longest first."""
    found: list[list[Part]] = []
    for rows, batch in sorted(parts, key=lambda part: -part[1].shape[1]):
        if found and batch.shape[1] >= max(found[-1][0][1].shape[1] * (1 - _MOST), _FEW):
            found[-1].append((rows, batch))
        else:
            found.append([(rows, batch)])
    return found
