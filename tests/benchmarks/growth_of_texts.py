"""How what nbexplain itself does with a text grows with its words: slopes, as in `growth`.

The model adds up a few numbers of each token, so that nearly all of the time is ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain import Subject, Text, explain
from nbexplain.core.ask import ask
from tests.benchmarks.growth import MOST, once, slope
from tests.benchmarks.measure import Row

WORDS = (256, 1024, 4096)
VOCABULARY = 1000
QUESTIONS: dict[str, dict[str, Any]] = {
    "lime": {"samples": 500},
    "leave_one_out": {},  # hides each word once, as occlusion does
    "partition_shap": {"evaluations": 1000},
}


def rows() -> Iterator[Row]:
    """A row for each tokenizer, and for each question."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Sums().eval()
    for key in QUESTIONS:  # what is imported and made once
        explain(model, _text(16), key, target=0)
    for name, tokenizer in TOKENIZERS.items():
        opened = [_time(lambda n=n, tokenizer=tokenizer: _text(n, tokenizer).masker()) for n in WORDS]
        yield _row(f"Text(text, tokenizer) and its words, {name}", opened)
    for key, params in QUESTIONS.items():
        yield _row(f"{key}, for each evaluation", [_each(model, key, params, count) for count in WORDS])


class Sums(nn.Module):
    """The sum of some numbers of each token."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = nn.EmbeddingBag(VOCABULARY, 2, mode="sum", padding_idx=0)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        scores: Tensor = self.numbers(input_ids * attention_mask)
        return scores


def offsets(text: str) -> dict[str, Any]:
    """Ids and where they stand."""
    found = list(re.finditer(r"\w+", text))
    ids = [int(word[0][1:]) for word in found]
    return {"input_ids": ids, "attention_mask": [1] * len(ids), "offset_mapping": [word.span() for word in found]}


class Named:
    """Ids, and their names."""

    all_special_ids: tuple[int, ...] = ()

    def __call__(self, text: str) -> dict[str, Any]:
        return {name: row for name, row in offsets(text).items() if name != "offset_mapping"}

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        return [f"w{id_}" for id_ in ids]


def ids_alone(text: str) -> list[int]:
    """Cheap, as it is asked once for each of many words."""
    return [int(word[1:]) for word in text.split()]


TOKENIZERS: dict[str, Callable[[str], Any]] = {"offsets": offsets, "names": Named(), "ids alone": ids_alone}


def _each(model: nn.Module, key: str, params: dict[str, Any], count: int) -> float:
    """Seconds for a million evaluations."""
    subject = Subject(model, _text(count))
    steps = ask(subject, key, target=0, params=params)
    return 1_000_000 * once(lambda: list(steps)) / subject.passes["forward"]


def _row(name: str, spent: list[float]) -> Row:
    return Row(f"words {WORDS[0]:,} … {WORDS[-1]:,}: {name}", slope(WORDS, spent), MOST, unit="slope")


def _time(call: Callable[[], object]) -> float:
    return min(once(call) for _ in range(2))


def _text(words: int, tokenizer: Callable[[str], Any] = offsets) -> Text:
    drawn = np.random.default_rng(0).integers(1, VOCABULARY, words)
    return Text(" ".join(f"w{number}" for number in drawn), tokenizer, mask_token_id=0)
