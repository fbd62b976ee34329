"""What of a text its tokenizer reads: where it is cut, which tokens are added to it, which ids there are."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from nbexplain.inputs.segments import joined
from nbexplain.inputs.tokens import tokens_of
from nbexplain.inputs.words import Span, words_in


def read_by(texts: Sequence[str], spans: np.ndarray, tokenizer: Any) -> list[Span]:
    """From where to where each of the joined texts is read by a tokenizer that may cut them by itself.

    A word before or behind all tokens is cut off, if the tokenizer makes tokens of it where it stands alone.
    """

    if tokenizer is None:
        return [(first, first + len(text)) for text, first in zip(texts, joined(texts)[1])]

    def reads(word: str, start: int, end: int) -> bool:
        try:
            own = tokens_of([word] * len(texts), tokenizer).spans
        except Exception:  # whatever a tokenizer does that was not made for this
            return False
        return bool(((own[:, 0] < end) & (own[:, 1] > start) & (own[:, 1] > own[:, 0])).any())

    found = []
    for text, first in zip(texts, joined(texts)[1]):
        own = spans[(spans[:, 1] > spans[:, 0]) & (spans[:, 0] >= first) & (spans[:, 1] <= first + len(text))] - first
        words, start, end = words_in(text), 0, len(text)
        if len(own) and len(words):
            begins, stops = int(own[:, 0].min()), int(own[:, 1].max())
            if words[-1][1] > stops and reads(text[slice(*words[-1])], max(stops - words[-1][0], 0), len(text)):
                end = stops
            if words[0][0] < begins and reads(text[slice(*words[0])], 0, begins - words[0][0]):
                start = begins
        found.append((first + start, first + end))
    return found


def in_doubt(ids: np.ndarray, spans: np.ndarray, vocabulary: Any) -> bool:
    """Whether some token may stand for a word and it is not known which, as tokens are sought by their names."""
    nowhere = (spans[:, 1] == spans[:, 0]) & ~is_added(ids, vocabulary)
    return hasattr(vocabulary, "convert_ids_to_tokens") and bool(nowhere.any())


def cut_note(texts: Sequence[str], read: Sequence[Span]) -> tuple[str, ...]:
    """A note on where a tokenizer has cut joined texts by itself, of which this is read; none where it has not."""
    whole, begins = joined(texts)
    said = []
    for text, first, (start, end) in zip(texts, begins, read):
        said += [f"before “{whole[start:end][:20]}”"] if start > first else []
        said += [f"after “{whole[start:end][-20:]}”"] if end < first + len(text) else []
    if not said:
        return ()
    return (
        f"the tokenizer itself cuts {'the text' if len(texts) == 1 else 'the texts'} {' and '.join(said)}"
        f"{words_cut(whole, read)}: words are hidden in what is left, and nothing that was cut moves up, as it does "
        "where a shorter text is read",
    )


def words_cut(text: str, read: Sequence[Span]) -> str:
    """How many of the words of a text are not in what is read of it, behind a comma; nothing where all are."""
    words = words_in(text)
    count = sum(all(end <= first or start >= last for first, last in read) for start, end in words)
    return f", and {count:,} of {len(words):,} words {'is' if count == 1 else 'are'} not read" if count else ""


def is_added(ids: np.ndarray, vocabulary: Any) -> np.ndarray:
    """(L,) bool: which tokens are special ones of a vocabulary, and do not stand for an unknown word."""
    special = set(getattr(vocabulary, "all_special_ids", ())) - {getattr(vocabulary, "unk_token_id", None)}
    if (added := getattr(vocabulary, "get_added_tokens_decoder", None)) is not None:  # of the library tokenizers
        unknown = getattr(getattr(vocabulary, "model", None), "unk_token", None)
        special = {id_ for id_, token in added().items() if token.special and token.content != unknown}
    return np.isin(ids, np.array(sorted(special), dtype=np.int64))


def check_id(id_: Any, vocabulary: Any) -> None:
    """Check that a token's id, where one is given, is a whole number from 0 on below the size of a vocabulary."""
    if id_ is None:
        return
    if isinstance(id_, bool) or not isinstance(id_, Integral):
        read = getattr(vocabulary, "convert_tokens_to_ids", None)
        hint = f"; try tokenizer.convert_tokens_to_ids({id_!r})" if isinstance(id_, str) and read is not None else ""
        raise TypeError(f"mask_token_id: expected the id of a token, a whole number from 0 on, got {id_!r}{hint}")
    known = getattr(vocabulary, "get_vocab_size", None)
    count = known() if known is not None else len(vocabulary) if hasattr(vocabulary, "is_fast") else None
    if int(id_) < 0 or (count is not None and int(id_) >= count):
        most = "from 0 on" if count is None else f"from 0 to {count - 1:,}, as the tokenizer has {count:,}"
        raise ValueError(f"mask_token_id: expected the id of a token, {most}, got {id_}")
