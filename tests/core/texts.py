"""Small Hugging Face tokenizers and models over the words of a few sentences, and what is right of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

NAMES = "[PAD] [UNK] [CLS] [SEP] [MASK] <eos> the film is really good and i love it a man sleeps outside person resting"
WORDS = {word: number for number, word in enumerate(NAMES.split())}
SENTENCE = "the film is really good and i love"


def tokenizer(*, framed: bool = True, side: str = "right", pad: str | None = "[PAD]", types: bool = False) -> Any:
    """A fast tokenizer with a token for each word; `framed` by [CLS] and [SEP], with `types` of tokens as BERT's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if framed:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(name, WORDS[name]) for name in ("[CLS]", "[SEP]")],
        )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "cls", "sep", "mask")}
    special |= {"eos_token": "<eos>"} | ({"pad_token": pad} if pad else {})
    inputs = ["input_ids", *(["token_type_ids"] if types else []), "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=made, padding_side=side, model_input_names=inputs, **special)


def alone(model: nn.Module, tokenizer: Any, scores: Callable[[Any], Any], *texts: str) -> float:
    """The score of class 1 of a text by itself, as its user would ask."""
    given = {name: torch.tensor([row], dtype=torch.long) for name, row in tokenizer(*texts).items()}
    if not given["input_ids"].shape[1]:  # a network wants a token: what stands for a hidden one
        given = {"input_ids": torch.tensor([[WORDS["[MASK]"]]]), "attention_mask": torch.ones(1, 1, dtype=torch.long)}
    with torch.no_grad():
        return float(scores(model(**given))[0, 1])


def shapley(value: Callable[[tuple[int, ...]], float], count: int) -> np.ndarray:
    """From all sets of players, by the formula."""
    sets = [chosen for size in range(count + 1) for chosen in itertools.combinations(range(count), size)]
    values, found = {chosen: value(chosen) for chosen in sets}, np.zeros(count)
    for player, chosen in itertools.product(range(count), sets):
        if player not in chosen:
            weight = math.factorial(len(chosen)) * math.factorial(count - len(chosen) - 1) / math.factorial(count)
            found[player] += weight * (values[tuple(sorted((*chosen, player)))] - values[chosen])
    return found
