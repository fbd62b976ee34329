"""The words, emojis, sentences and other visible pieces of a text, in any script."""

from __future__ import annotations

import functools
import re
import unicodedata

_ONE_BY_ONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts without spaces: each sign is a word
_LETTER = rf"[^\W{_ONE_BY_ONE}]"
_MARK = "\u0300"  # stands for all combining marks, which \w does not know
_JOINS = "\u00ad\u200c\u200d\u2060"  # joiners and soft hyphens, only inside a word
_RUN = rf"{_LETTER}+(?:[{_MARK}{_JOINS}]+{_LETTER}+)*{_MARK}*"
_FLAG = "[\U0001f1e6-\U0001f1ff]"
_DRAWN = (
    "[\u231a\u231b\u23e9-\u23f3\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"  # always; the next where they say so
)
_SIGN = "[\u00a9\u00ae\u203c\u2049\u2122\u2190-\u23ff\u25a0-\u25ff\u2934\u2935\u3030\u303d\u3297\u3299]"
_PICTOGRAM = rf"(?:{_DRAWN}|{_SIGN}(?={_MARK}))(?:[{_MARK}\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f])*"
_EMOJI = rf"{_FLAG}{_FLAG}|{_PICTOGRAM}(?:\u200d{_PICTOGRAM})*"
# compiled when it is first needed: that takes its time
_WORD = rf"[{_ONE_BY_ONE}]{_MARK}*|{_RUN}(?:['’]{_RUN})*|{_EMOJI}"
_PERHAPS_MARK = r"[^\w\s\x00-\x7f]"
# Thai, Lao, Burmese, Khmer: words without spaces between them, of several signs
_UNSPACED = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecf\u0edc-\u0edf\u1000-\u103f\u1050-\u109f\ua9e0-\ua9ef\uaa60-\uaa7f"
_UNSPACED += "\u1780-\u17d3\u17d7\u17dc\u17dd"
_UNSPACED_RUN = rf"[{_UNSPACED}]+"
# of a grapheme cluster all but its first sign, beside combining marks: the vowel am, and what is stacked below
_GOES_ON, _STACKS = "\u0e33\u0eb3", "\u17d2\u1039"
# a full stop in a number or a name ends nothing; quotes and brackets that close after the end belong to it
SENTENCE = r"""(?s).+?(?:(?:\.+(?!\w)|[!?。！？…।॥؟۔])+["'”’»」』)\]]*|\n+|$)"""
_QUOTES = r"""["'“”‘’«»‹›„‚()\[\]{}「」『』（）¿¡]*"""
_ORDINARY = rf"{_QUOTES}[.,!?…。，、！？।॥؟،۔]?{_QUOTES}|[:;：；؛/·]|[-–—]+|\.\.\.?"  # not “:-)”, “!!!” or “$”

_BREAK = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")

Span = tuple[int, int]


def words_in(text: str) -> list[Span]:
    """Where the words of a text stand; an emoji is one, and a combining mark belongs to the sign that it follows.

    Thai, Lao, Burmese and Khmer are parted by ICU's dictionaries, where icu4py is installed, else into grapheme
    clusters.
    """
    marked = re.sub(_PERHAPS_MARK, lambda sign: _MARK if unicodedata.category(sign[0])[0] == "M" else sign[0], text)
    words = [word.span() for word in re.finditer(_WORD, marked)]
    if not is_unspaced(text):
        return words
    return [part for start, end in words for part in _parted(text, start, end)]


def is_unspaced(text: str) -> bool:
    """Whether some of it is of a script that has no spaces between words of several signs."""
    return re.search(_UNSPACED_RUN, text) is not None


def pieces_in(text: str) -> list[Span]:
    """Where all that is visible stands: words, and what is between them without a space, such as “!!!” or “:-)”."""
    pieces: list[Span] = []
    end = 0
    for start, stop in [*words_in(text), (len(text), len(text))]:
        pieces += [run.span() for run in re.compile(r"\S+").finditer(text, end, start) if _is_visible(run[0])]
        pieces += [(start, stop)] if stop > start else []
        end = stop
    return pieces


def is_ordinary(piece: str) -> bool:
    """Whether it is a punctuation mark as it stands in most texts."""
    return re.fullmatch(_ORDINARY, piece) is not None


def shown(piece: str) -> str:
    """How a piece reads where it is named: line breaks as ⏎ and tabs as ⇥; as ␣ spaces that stand alone, and other
    signs that cannot be seen as U+200B."""
    piece = _BREAK.sub("⏎", piece).replace("\t", "⇥")
    if not any(unicodedata.category(sign)[0] not in "CZ" for sign in piece):
        return "".join("␣" if sign.isspace() else f"U+{ord(sign):04X}" for sign in piece)
    return piece


@functools.cache
def breaker() -> type | None:
    """ICU's word breaker, where icu4py is installed."""
    try:
        from icu4py.breakers import WordBreaker
    except ImportError:
        return None
    return WordBreaker


def _is_visible(piece: str) -> bool:
    return any(unicodedata.category(sign)[0] not in "CMZ" for sign in piece)


def _parted(text: str, start: int, end: int) -> list[Span]:
    """A word, or the words that a run of a script without spaces holds."""
    parts, done = [], start
    for run in re.compile(_UNSPACED_RUN).finditer(text, start, end):
        if run.start() > done:
            parts.append((done, run.start()))
        done = run.end()
        own = breaker()
        inside = own(run[0], "en").segments() if own is not None else _clusters(run[0])  # signs of one UTF-16 unit each
        parts += [(run.start() + first, run.start() + last) for first, last in inside]
        while done < end and unicodedata.category(text[done])[0] == "M":  # marks of other scripts
            done += 1
            parts[-1] = parts[-1][0], done
    return [*parts, (done, end)] if done < end else parts


def _clusters(run: str) -> list[Span]:
    """Extended grapheme clusters of a run of these scripts: a sign with its marks and what is stacked below."""
    begins = [
        place
        for place, sign in enumerate(run)
        if place == 0 or not (unicodedata.category(sign)[0] == "M" or sign in _GOES_ON or run[place - 1] in _STACKS)
    ]
    return list(zip(begins, [*begins[1:], len(run)], strict=True))
