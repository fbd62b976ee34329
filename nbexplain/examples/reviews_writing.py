"""Reviews for `reviews`: short English texts whose verdict hangs on negation and contrast, written by a small grammar.

Every rule is written once for both verdicts: ``<adj=>`` stands for an adjective that agrees with the verdict of the
phrase around it, ``<adj!>`` for one that says the opposite, ``<part>`` for something that says neither.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from itertools import cycle
from zlib import crc32

import numpy as np

from nbexplain.examples.reviews_words import COMMON, TENSES, TOPICS, Rules

WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")  # a word with what hangs on its apostrophes, or a punctuation mark
MIN_WORDS, MAX_WORDS = 5, 30
_SLOT = re.compile(r"<(\w+)([=!]?)>")
_HELD_OUT_ONE_IN = 8

# An opinion agrees with its verdict. In one of three a negation turns a word of the other side round.
_OPINIONS: Rules = {
    "opinion": ("<plain=>",) * 2 + ("<turned=>",),
    "plain": (
        "the <part> <is> <adj=>",
        "the <part> <is> <very> <adj=>",
        "the <part> <is> <very> <adj=>",
        "the <parts> <are> <adj=>",
        "the <parts> <are> <very> <adj=>",
        "the <parts> <are> so <adj=>",
        "the <person> <is> <kind=>",
        "the <person> <is> <very> <kind=>",
        "the <part> <is> both <adj=> and <adj=>",
        "this <is> a <adj=> <whole>",
        "it <is> a <very> <adj=> <whole> with a <adj=> <part>",
        "the <whole> <is> a <joy=>",
        "the <part> <moves=> <me>",
        "<we> <find> the <part> <very> <adj=>",
        "<we> <loves=> the <part>",
        "<we> would <recommend=> this <whole>",
    ),
    "turned": (
        "the <part> <isnot> <adj!>",
        "the <part> <isnot> <exactly> <adj!>",
        "the <part> <isnot> <adj!> at all",
        "the <parts> <arenot> <adj!>",
        "the <parts> <arenot> <exactly> <adj!>",
        "the <parts> <are> never <adj!>",
        "the <person> <isnot> <kind!>",
        "the <person> <is> never <kind!>",
        "the <part> <is> <hardly> <adj!>",
        "the <part> <is> <hardly> <adj!>",
        "the <part> <isnot> a <joy!>",
        "this <isnot> a <adj!> <whole>",
        "this <is> hardly a <adj!> <whole>",
        "the <whole> <is> no <joy!>",
        "the <part> <doesnot> <move!> <me>",
        "the <part> never <moves!> <me>",
        "<we> <donot> find the <part> <adj!>",
        "<we> <donot> <love!> the <part>",
        "<we> would <not> <recommend!> this <whole>",
        "there <is> nothing <adj!> about the <part>",
        "nobody would call the <part> <adj!>",
        "neither the <part> nor the <part> <is> <adj!>",
        "<we> can not say that the <part> <isnot> <adj=>",  # two negations: nothing is turned round
    ),
}

# What follows "but" decides; of two clauses the main one does.
_TEXTS: Rules = {
    "text": ("<single=>",) * 5 + ("<double=>",) * 2 + ("<contrast=>",) * 4,
    "single": (
        "<opinion=>.",
        "<opinion=>.",
        "<opinion=>!",
        "<opinion=>, <aside>.",
        "<aside>, <opinion=>.",
        "<scene>. <opinion=>.",
        "<scene>, and <opinion=>.",
        "<scene>. <aside>, <opinion=>!",
        "not <adj!> at all, <aside>.",
        "never <adj!>, <aside>.",
        "hardly a <adj!> <whole>, <aside>.",
        "what a <adj=> <whole>! <scene>.",
        "<adj=> and <adj=>, <aside>.",
        "<adj=>! <scene>.",
        "<very> <adj=>: <opinion=>!",
    ),
    "double": (
        "<opinion=> and <opinion=>.",
        "<opinion=>. <scene>. <opinion=>!",
        "<scene>. <opinion=>, and <opinion=>.",
        "<opinion=>, <opinion=> and <opinion=>.",
    ),
    "contrast": (
        "<opinion!>, but <opinion=>.",
        "<opinion!>, but <opinion=>.",
        "<opinion!> but <opinion=>.",
        "<scene>. <opinion!>, but <opinion=>.",
        "<opinion!>, but <aside>, <opinion=>.",
        "<opinion!> and <opinion!>, but <opinion=>.",
        "<opinion!>, but <opinion=> and <opinion=>.",
        "<adj!> but <adj=>: <scene>.",
        "<opinion!>, yet <opinion=>.",
        "<opinion!>. <scene>. however, <opinion=>.",
        "<opinion!>. still, <opinion=>.",
        "<although> <opinion!>, <opinion=>.",
        "<although> <opinion!>, <opinion=>.",
        "<opinion=>, <although> <opinion!>.",
        "<opinion=>, <although> <opinion!>.",
        "<scene>. <opinion=>, <although> <opinion!>.",
        "despite the <adj!> <part>, <opinion=>.",
        "<opinion=>, despite the <very> <adj!> <part>.",
    ),
}


def vocabulary() -> list[str]:
    """Every word and mark that a review can hold, lower case, in alphabetical order."""
    sources = (_TEXTS, _OPINIONS, COMMON, *TENSES, *TOPICS)
    options = (option for rules in sources for options in rules.values() for option in options)
    words = {word.lower() for option in options for word in WORD.findall(_SLOT.sub(" ", option))}
    return sorted(words | {"an"})


def _fill(
    name: str, positive: bool, rules: Mapping[str, tuple[str, ...]], used: set[str], draw: np.random.RandomState
) -> str:
    """Choose one of the options for a slot and fill the slots in it; what was used comes again only in need."""
    options = rules.get(name) or rules[name + "-+"[positive]]
    fresh = [option for option in options if option not in used] or options
    option = fresh[int(draw.random_sample() * len(fresh))]
    if "<" not in option:
        used.add(option)

    def fill(slot: re.Match[str]) -> str:
        return _fill(slot[1], positive != (slot[2] == "!"), rules, used, draw)

    return _SLOT.sub(fill, option)


def write_review(positive: bool, draw: np.random.RandomState) -> str:
    """Write one review of 5 to 30 words.

    Parameters
    ----------
    positive : bool
        The verdict.
    draw : numpy.random.RandomState
        Where the choices come from.
    """
    while True:
        tense, topic = (choices[draw.randint(len(choices))] for choices in (TENSES, TOPICS))
        text = _fill("text", positive, ChainMap(_TEXTS, _OPINIONS, tense, topic, COMMON), set(), draw)
        text = re.sub(r"\ba(?= [aeiou])", "an", text)
        text = re.sub(r"(^|[.!] )(\w)", lambda start: start[1] + start[2].upper(), text)
        if MIN_WORDS <= len(re.findall(r"[\w']+", text)) <= MAX_WORDS:
            return text


def is_held_out(text: str) -> bool:
    """Whether a review belongs to the part that training never sees: one in eight, by a checksum of its words."""
    words = " ".join(word.lower() for word in WORD.findall(text) if word[0].isalnum())
    return crc32(words.encode()) % _HELD_OUT_ONE_IN == 0


def write_reviews(count: int, seed: int, *, held_out: bool) -> tuple[list[str], list[int]]:
    """Write different reviews of one part; a negative one (0) and a positive one (1) take turns.

    Returns
    -------
    texts : list of str
    labels : list of int
        0 or 1 for each text.
    """
    draw = np.random.RandomState(seed)  # a stream that numpy keeps as it is
    texts: dict[str, int] = {}
    for label in cycle((0, 1)):
        if len(texts) == count:
            break
        size = len(texts)
        while len(texts) == size:
            text = write_review(bool(label), draw)
            if is_held_out(text) == held_out and text not in texts:
                texts[text] = label
    return list(texts), list(texts.values())
