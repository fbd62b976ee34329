"""Where the features of a text stand in it, and whether it can be written as a running text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.figures.text import readable, to_the_left
from nbexplain.inputs import Text

_MOST_UNREADABLE = 0.1  # of the characters: with more of them nobody could read it


@dataclass(frozen=True, eq=False)
class Words:
    """A running text, and for each of its characters the number of the feature that it belongs to, or -1."""

    text: str
    owners: np.ndarray


def words_of(explanation: Explanation, x: Text) -> tuple[Words | None, str]:
    """The running text with its features and a remark; or None and the reason why it cannot be written.

    Raises
    ------
    ValueError
        If the explanation is of another text.
    """
    features, count = explanation.features, len(explanation.values)
    names = explanation.names if len(explanation.names) == count else ("",) * count
    if features is None or features.shape != (len(x.ids),):
        tokens = "nothing" if features is None else f"{features.size:,} tokens"
        raise ValueError(f"x: a text of {len(x.ids):,} tokens, but the explanation is of {tokens}")
    owners = np.full(len(x.text), -1)
    nowhere: list[str] = []  # tokens that the tokenizer adds
    for feature in range(count):
        spans = x.spans[features == feature]
        spans = spans[spans[:, 1] > spans[:, 0]]
        name = names[feature]
        if not len(spans):
            nowhere.append(name)
            continue
        start, end = int(spans[:, 0].min()), int(spans[:, 1].max())
        part = x.text[start:end]
        if name and part.strip() not in name and name not in part:
            raise ValueError(f"x: it holds {part!r} where the explanation is of {name!r}; is it another text?")
        own = owners[start:end]
        own[own < 0] = feature  # where spans overlap, the earlier keeps the text
    if not (owners >= 0).any():
        return None, "the tokenizer does not tell where its tokens stand: they are listed"
    if to_the_left(x.text):
        return None, "the text runs from right to left: its words are listed, largest first"
    unreadable = sum(not readable(character) for character in x.text)
    if unreadable > _MOST_UNREADABLE * len(x.text):
        return None, "no font here has the letters of this text: its words are listed, largest first"
    remarks = []
    if unreadable:
        remarks.append("□: no font here has this sign")
    if any(name.strip() for name in nowhere):
        remarks.append(f"not in the text: {', '.join(name for name in nowhere if name.strip())}")
    return Words(x.text, owners), ", ".join(remarks)
