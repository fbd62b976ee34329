"""What a tokenizer makes of a text or a pair: ids, and where each token stands."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from nbexplain.inputs.calling import lacks
from nbexplain.inputs.segments import joined
from nbexplain.inputs.text_entries import POSITIONS, Rule, Shorter, rule_of, square_of
from nbexplain.inputs.text_padding import Padded, padded
from nbexplain.inputs.token_alignment import by_leaving_out
from nbexplain.inputs.token_asking import probes, spaced_words
from nbexplain.inputs.token_cuts import Part, read_of_cut
from nbexplain.inputs.token_names import by_names, is_space, with_spaces, with_words
from nbexplain.inputs.token_offsets import by_offsets
from nbexplain.inputs.words import Span, pieces_in, shown, words_in

_MOST_NAMED = 4  # of the words that a note names
_MASKS = ("[MASK]", "<mask>")  # as models that fill them call them


class Tokens(NamedTuple):
    """What a tokenizer makes of a text.

    Attributes
    ----------
    ids
        (L,).
    names
        (L,): how the tokens read.
    spans
        (L, 2) in the joined texts; (0, 0) for tokens that are nowhere in them.
    extras
        What else it says of each token, (L, …), or of each two, (…, L, L).
    rules
        How entries change with a shorter text, for those that do not go with each token.
    left_out
        Names of numbers that it returns of the text and not of each token.
    padded
        How it brings texts to one length, where it does.
    read
        (start, end) in the joined texts of what is read of each, where it returns ids alone: it may cut them by itself.
    lost
        Names of tokens that stand for something, where only names tell for what, and not for these.
    """

    ids: np.ndarray
    names: tuple[str, ...]
    spans: np.ndarray
    extras: dict[str, np.ndarray]
    left_out: tuple[str, ...] = ()
    padded: Padded | None = None
    read: tuple[Span, ...] = ()
    lost: tuple[str, ...] = ()
    rules: Mapping[str, Rule] = MappingProxyType({})


def tokens_of(texts: Sequence[str], tokenizer: Any) -> Tokens:
    """What a tokenizer makes of a text or a pair of them."""
    whole, begins = joined(texts)
    if tokenizer is None:
        pieces = pieces_in(whole)
        if not pieces:
            raise ValueError(f"text: expected some words, got {whole!r}")
        return Tokens(np.arange(len(pieces)), tuple(whole[a:b] for a, b in pieces), np.array(pieces), {})
    if not callable(tokenizer) and not hasattr(tokenizer, "encode_batch"):
        raise TypeError(f"tokenizer: expected a callable string → ids, got {type(tokenizer).__name__}")
    if why := lacks(tokenizer, len(texts)):
        called = "tokenizer(text)" if len(texts) == 1 else "tokenizer(text, pair)"
        raise TypeError(f"tokenizer: it is called as {called}, and cannot be: {why}{_of_pairs(texts, tokenizer)}")
    ids, entries, told = _told(texts, tokenizer)
    if not len(ids):
        raise _no_ids(texts, told)
    encodings = [told] if _is_encoding(told) else getattr(told, "encodings", None)  # of fast tokenizers
    encoding = encodings[0] if encodings and len(encodings[0].ids) == len(ids) else None
    offsets = entries.pop("offset_mapping", None if encoding is None else encoding.offsets)
    if offsets is None and (same := _again(texts, vocabulary_of(tokenizer), ids)) is not None:
        told, offsets = same, same["offset_mapping"]
    rows = {name: _of_each_token(value, len(ids)) for name, value in entries.items()}
    extras = {name: row for name, row in rows.items() if row is not None}
    fill = _padded(texts, tokenizer, ids, extras.get("attention_mask"))
    known = vocabulary_of(tokenizer)

    own = np.arange(len(ids)) if fill is None else np.flatnonzero(~fill.places)

    def others(rest: Sequence[str]) -> np.ndarray | None:
        return _own_ids(_read(rest, tokenizer), fill)

    def aligned() -> np.ndarray | None:
        if (found := by_leaving_out(texts, parts, ids[own], others)) is None:
            return None
        spans = np.zeros((len(ids), 2), dtype=np.int64)
        spans[own] = found
        return spans

    names, lost = _names(known, encoding, ids), tuple[str, ...]()
    alone = offsets is None and names is None
    parts = read_of_cut(texts, ids[own], others) if alone else [Part(0, len(text)) for text in texts]
    if offsets is not None:
        spans = by_offsets(texts, offsets, told, names, len(ids), aligned)
    elif names is not None:
        special = np.isin(ids, np.array(getattr(known, "all_special_ids", ()), dtype=np.int64))
        unknown = np.array([id_ == getattr(known, "unk_token_id", None) for id_ in ids.tolist()])
        spans = by_names(whole, names, special & ~unknown, unknown)
        doubt = (spans[:, 1] == spans[:, 0]) & ~(special & ~unknown) & ~np.array([is_space(name) for name in names])
        held = aligned() if doubt[own].any() else None
        spans = with_spaces(spans if held is None else with_words(spans, held, doubt), names)
        lost = tuple(name for name, some in zip(names, doubt & (spans[:, 1] == spans[:, 0])) if some)
    else:  # only ids: those that go with a word, or nobody knows where they stand
        one_for_all = len(whole.split()) == 1 < len(words_in(whole))  # as of a script without spaces
        found = None if one_for_all else aligned()
        spans = np.zeros((len(ids), 2), dtype=np.int64) if found is None else found
    if fill is not None and (spans[fill.places, 1] > spans[fill.places, 0]).any():  # words that the mask hides
        fill = None
    read = tuple(
        shown(whole[a:b]) if b > a else names[place] if names else str(ids[place])
        for place, (a, b) in enumerate(spans.tolist())
    )
    asked = [
        name for name, value in entries.items() if name == POSITIONS or square_of(name, value, len(ids)) is not None
    ]
    fewer = _shorter(texts, tokenizer, ids, spans, fill) if asked else []
    is_own, rules = np.isin(np.arange(len(ids)), own), dict[str, Rule]()
    for name in asked:
        if (square := square_of(name, entries[name], len(ids), fewer)) is not None:
            extras[name] = square
        if square is not None or (name == POSITIONS and name in extras and extras[name].ndim == 1):
            rules[name] = rule_of(name, extras[name], is_own, len(texts), fewer, square=square is not None)
    left_out = tuple(name for name, value in entries.items() if name not in extras and _holds_numbers(value))
    kept = tuple((begin + part.start, begin + part.end) for begin, part in zip(begins, parts)) if alone else ()
    return Tokens(ids, read, spans, extras, left_out, fill, kept, lost, rules)


def _told(texts: Sequence[str], tokenizer: Any) -> tuple[np.ndarray, dict[str, Any], Any]:
    """The ids (L,) of a text or a pair, what else the tokenizer says, and all that it returned."""
    fast = getattr(tokenizer, "is_fast", None)
    call = tokenizer if callable(tokenizer) else tokenizer.encode  # one of the library `tokenizers`
    try:
        with _unwarned(vocabulary_of(tokenizer)):
            told = call(*texts, return_offsets_mapping=True) if fast else call(*texts)
    except KeyError as error:
        raise ValueError(
            f"tokenizer: it raised KeyError on the text {texts[0]!r:.80}: {error}; a word that it does not know needs "
            "an id too, such as vocabulary.get(word, unknown)"
        ) from error
    if _is_encoding(told):
        entries = {"input_ids": told.ids, "attention_mask": told.attention_mask, "token_type_ids": told.type_ids}
    else:
        entries = dict(told) if isinstance(told, Mapping) or hasattr(told, "keys") else {"input_ids": told}
    if "input_ids" not in entries:
        raise ValueError(f"tokenizer: expected ids or a mapping with input_ids, got {', '.join(map(repr, entries))}")
    ids = _row(entries.pop("input_ids"))
    if ids is None:
        raise _no_ids(texts, told)
    return ids, entries, told


def _of_pairs(texts: Sequence[str], tokenizer: Any) -> str:
    """The function that makes ids of both texts of a pair by a tokenizer that takes one at a time, or `""`: tried."""
    if len(texts) == 1 or lacks(tokenizer, 1):
        return ""
    try:
        told = tokenizer(texts[0])
        ids = ".ids" if _is_encoding(told) else "['input_ids']" if hasattr(told, "keys") else ""
        row = told.ids if _is_encoding(told) else told["input_ids"] if ids else told
        ids += "[0]" if np.ndim(row) == 2 else ""
        if not len(_told(texts[:1], tokenizer)[0]):
            return ""
    except Exception:  # whatever a tokenizer does that was not made for this
        return ""
    return (
        "; of a pair it takes both texts and returns the ids of both, with what the model wants between them, as in "
        f"lambda text, pair: [*tokenizer(text){ids}, *tokenizer(pair){ids}]"
    )


def _again(texts: Sequence[str], known: Any, ids: np.ndarray) -> Any:
    """What a fast tokenizer tells with offsets of whom only a method was given; None where it makes other ids."""
    if not getattr(known, "is_fast", None) or not callable(known):
        return None
    for special in (True, False):
        with contextlib.suppress(Exception), _unwarned(known):  # whatever one does that was not made for this
            told = known(*texts, return_offsets_mapping=True, add_special_tokens=special)
            if (row := _row(told["input_ids"])) is not None and np.array_equal(row, ids):
                return told
    return None


def _no_ids(texts: Sequence[str], told: Any) -> ValueError:
    return ValueError(f"tokenizer: expected whole numbers for {texts[0][:40]!r}, got {told!r:.80}")


@contextmanager
def _unwarned(vocabulary: Any) -> Iterator[None]:
    """Without Hugging Face's warning of a text that is too long, which is cut and said; it is still given to others."""

    def other(record: logging.LogRecord) -> bool:
        return "sequence length is longer" not in str(record.msg)

    given = getattr(vocabulary, "deprecation_warnings", None)  # those that it has given
    before = dict(given) if isinstance(given, dict) else {}
    logger = logging.getLogger("transformers.tokenization_utils_base")
    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)
        if isinstance(given, dict):
            given.clear()
            given.update(before)


def _is_encoding(told: Any) -> bool:
    """Whether it is what the library `tokenizers` returns."""
    return all(hasattr(told, name) for name in ("ids", "type_ids", "offsets", "attention_mask"))


def _padded(texts: Sequence[str], tokenizer: Any, ids: np.ndarray, mask: np.ndarray | None) -> Padded | None:
    """How a callable brings texts to one length; Hugging Face's tokenizers do not, unless they are asked to."""

    if getattr(tokenizer, "is_fast", None) is not None:
        return None
    flat = mask if mask is not None and mask.ndim == 1 else None
    words, own = probes(texts[0]), texts[0].split()[:1]
    lengths = [
        len(row[0])
        for word in own
        for text in (word, f"{word} {word}")
        if (row := _read([text, *own * (len(texts) - 1)], tokenizer)) is not None
    ]
    if math.gcd(len(ids), *lengths) == 1:  # no multiples of one length: no other words are asked
        words = []

    def read(text: str) -> tuple[np.ndarray, np.ndarray | None] | None:
        return _read([text, *words[:1] * (len(texts) - 1)], tokenizer)

    return padded(ids, flat, read, words)


def _read(texts: Sequence[str], tokenizer: Any) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Ids (L,) and attention mask (L,) of other texts; None where the tokenizer makes nothing of them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own, entries, _ = _told(texts, tokenizer)
    except Exception:  # whatever a tokenizer does that was not made for this
        return None
    mask = _of_each_token(entries.get("attention_mask"), len(own))
    return own, mask if mask is not None and mask.ndim == 1 else None


def _shorter(
    texts: Sequence[str], tokenizer: Any, ids: np.ndarray, spans: np.ndarray, fill: Padded | None
) -> list[Shorter]:
    """What a tokenizer says of texts without a word, where the ids are those of the others; of each text two words."""
    found = []
    real = np.ones(len(ids), dtype=bool) if fill is None else ~fill.places
    for number, (text, begin) in enumerate(zip(texts, joined(texts)[1])):
        words, told = spaced_words(text), 0
        for start, end in [words[at] for at in dict.fromkeys((len(words) // 2, 0, len(words) - 1)) if len(words) > 1]:
            without = f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    row, entries, _ = _told([*texts[:number], without, *texts[number + 1 :]], tokenizer)
            except Exception:  # noqa: S112 whatever a tokenizer does that was not made for this
                continue
            places = np.flatnonzero(real & ((spans[:, 0] >= begin + end) | (spans[:, 1] <= begin + start)))
            mine = row if fill is None else fill.stripped(row)
            if told < 2 and len(places) and np.array_equal(mine, ids[places]):
                first = len(row) - len(mine) if fill is not None and fill.side == "left" else 0
                at = slice(first, first + len(mine))
                found.append(Shorter(places, {name: _part(value, len(row), at) for name, value in entries.items()}))
                told += 1
    return found


def _part(value: Any, count: int, at: slice) -> np.ndarray:
    """Of numbers of each, or each two, of `count` tokens those of some; anything else as it is."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return np.zeros(0)
    if array.ndim > 1 and len(array) == 1:
        array = array[0]
    if array.ndim > 1 and array.shape[-2:] == (count, count):
        return array[..., at, at]
    return array[at] if array.shape[:1] == (count,) else array


def _own_ids(read: tuple[np.ndarray, np.ndarray | None] | None, fill: Padded | None) -> np.ndarray | None:
    """The ids (l,) that are no padding."""
    return None if read is None else read[0] if fill is None else fill.stripped(read[0])


def _names(tokenizer: Any, encoding: Any, ids: np.ndarray) -> list[str] | None:
    """How the tokens are called; None where neither the tokenizer nor its encoding tells."""
    to_tokens = getattr(tokenizer, "convert_ids_to_tokens", None)
    if to_tokens is not None:
        return [str(name) for name in to_tokens(ids.tolist())]
    return None if encoding is None else list(encoding.tokens)


def _row(value: Any) -> np.ndarray | None:
    """Whole numbers (L,) from a list or tensor of shape (L,) or (1, L); None where it is something else."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    return array.astype(np.int64) if array.ndim == 1 and (array.dtype.kind in "iu" or not array.size) else None


def _of_each_token(value: Any, count: int) -> np.ndarray | None:
    """Numbers (L, …) of `count` tokens, from (L, …) or (1, L, …); None where it is something else."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    if array.ndim > 1 and array.shape[:2] == (1, count):
        array = array[0]
    return array if array.shape[:1] == (count,) and array.dtype.kind in "biuf" else None


def _holds_numbers(value: Any) -> bool:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return False
    return array.size > 0 and array.dtype.kind in "biuf"


def unread(text: str, spans: np.ndarray, read: Sequence[Span]) -> tuple[str, ...]:
    """A note on the words in what is read of a text that no token is known to hold; none where no token has a place."""
    held = np.zeros(len(text), dtype=bool)
    for start, end in spans.tolist():
        held[start:end] = True
    words = words_in(text) if held.any() else []
    within_it = [(start, end) for start, end in words if any(start < last and end > first for first, last in read)]
    lost = [text[start:end] for start, end in within_it if not held[start:end].any()]
    if not lost:
        return ()
    named = ", ".join(f"“{word}”" for word in lost[:_MOST_NAMED])
    more = f" and {len(lost) - _MOST_NAMED:,} more" if len(lost) > _MOST_NAMED else ""
    return (f"the tokenizer shows no token for {named}{more}: what it makes of that is never hidden",)


def partly_read(lost: Sequence[str], spans: np.ndarray) -> tuple[str, ...]:
    """A note on tokens of which nobody knows for what they stand; none where no token has a place."""
    if not lost or not (spans[:, 1] > spans[:, 0]).any():
        return ()
    named = ", ".join(f"“{name}”" for name in lost[:_MOST_NAMED])
    more = f" and {len(lost) - _MOST_NAMED:,} more" if len(lost) > _MOST_NAMED else ""
    if len(lost) == 1:
        return (f"where the token {named} stands in the text is not known: it is never hidden with a word",)
    return (f"where the tokens {named}{more} stand in the text is not known: they are never hidden with a word",)


def within(length: int, spans: np.ndarray, begins: Sequence[int], side: str = "right") -> np.ndarray:
    """The places that stay of a text that is too long: all but its end, and the tokens that begin or end every text.

    Of a pair the longer text loses its end first, as Hugging Face's tokenizers cut it. With `side="left"` it is the
    beginning that is lost.
    """
    if side == "left":
        turned = within(length, spans[::-1], begins)
        return len(spans) - 1 - turned[::-1]
    real = spans[:, 1] > spans[:, 0]
    if not real.any():
        return np.append(np.arange(length - 1), len(spans) - 1)
    if len(begins) == 1:
        before, behind = int(real.argmax()), int(real[::-1].argmax())
        left = max(length - before - behind, 0)
        return np.append(np.arange(before + left), np.arange(len(spans) - behind, len(spans)))[:length]
    second = real & (spans[:, 0] >= max(begins))
    parts = [np.flatnonzero(real & ~second), np.flatnonzero(second)]
    left = max(length - int((~real).sum()), 2)
    short, long = sorted(map(len, parts))
    if short + long > left:
        long = max(short, left - short)
    if short + long > left:
        short, long = left // 2, left // 2 + left % 2
    first_is_longer = len(parts[0]) > len(parts[1])
    kept = [parts[0][: long if first_is_longer else short], parts[1][: short if first_is_longer else long]]
    return np.sort(np.concatenate([np.flatnonzero(~real), *kept]))


def vocabulary_of(tokenizer: Any) -> Any:
    """What knows the names of tokens: the tokenizer, also of its method or with some arguments filled in."""
    while isinstance(tokenizer, functools.partial):
        tokenizer = tokenizer.func
    return getattr(tokenizer, "__self__", None) or tokenizer


def stand_in(tokenizer: Any) -> int | None:
    """The id of a tokenizer's mask, unknown or padding token, whichever it has first."""
    for name in ("mask_token_id", "unk_token_id", "pad_token_id"):
        if isinstance(found := getattr(tokenizer, name, None), int):
            return found
    id_of = getattr(tokenizer, "token_to_id", None)  # of the library tokenizers
    if not callable(id_of):
        return None
    added: Mapping[int, Any] = getattr(tokenizer, "get_added_tokens_decoder", dict)()
    named = [token.content for token in added.values() if token.special and token.content in _MASKS]
    if not named:  # which takes long of a large Unigram model
        named += [_unknown(tokenizer)]
    fill = getattr(tokenizer, "padding", None)
    if isinstance(fill, Mapping) and id_of(fill["pad_token"]) == fill["pad_id"]:  # else it is 0, maybe a word
        named += [fill["pad_token"]]
    ids = [id_of(name) for name in named if name is not None]
    return next((id_ for id_ in ids if id_ is not None), None)


def _unknown(tokenizer: Any) -> str | None:
    """The unknown token of a tokenizer of the library tokenizers; a Unigram model tells it only where it is written."""
    model = getattr(tokenizer, "model", None)
    if hasattr(model, "unk_token"):
        return model.unk_token  # type: ignore[union-attr]
    with contextlib.suppress(Exception):  # it has none, or is of a kind that cannot be written
        return tokenizer.id_to_token(json.loads(tokenizer.to_str())["model"]["unk_id"])
    return None
