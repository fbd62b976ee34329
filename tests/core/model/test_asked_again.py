"""Text models that keep something from call to call: it is said, and costs one call at most."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Subject, Tabular, Text, explain
from nbexplain.core.ask import ask
from tests.core.texts import SENTENCE, WORDS, tokenizer
from tests.networks import seeded

ASKED: list[bool] = []
SAID = "the model, asked twice about the same text, gives other scores"


def ids(text: str) -> list[int]:
    return [WORDS[word] for word in text.split()]


class Recurrent(nn.Module):
    """A GRU that begins anew, or goes on from where the call before ended."""

    def __init__(self, keeps: str) -> None:
        super().__init__()
        self.keeps = keeps
        self.emb, self.body = nn.Embedding(len(WORDS), 8), nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, 2)
        self.state: Tensor | None = None
        self.cache: list[Tensor] = []
        self.register_buffer("mean", torch.zeros(8), persistent=False)

    def forward(self, input_ids: Tensor) -> Tensor:
        ASKED.append(tuple(input_ids.shape) == (1, 8))
        begun = self.state if self.state is not None and self.state.shape[1] == len(input_ids) else None
        out, end = self.body(self.emb(input_ids), begun)
        read = out[:, -1]
        if self.keeps == "state":
            self.state = end.detach()
        if self.keeps == "cache":
            self.cache.append(read.detach().mean(0))
            read = read + torch.stack(self.cache).sum(0)
        if self.keeps == "buffer":
            self.mean = 0.5 * self.mean + read.detach().mean(0)
            read = read + self.mean
        if self.keeps == "nothing seen":
            read = read + torch.rand(8)
        return self.head(read)


@pytest.mark.parametrize(
    ("keeps", "named"),
    [("state", "keeps 'state' from"), ("cache", "keeps 'cache' from"), ("buffer", "keeps 'mean' from")],
)
def test_what_a_model_keeps_from_call_to_call_is_named(keeps: str, named: str) -> None:
    for method in ("leave_one_out", "lime", "partition_shap"):
        answer = explain(seeded(lambda: Recurrent(keeps)).eval(), Text(SENTENCE, ids, mask_token_id=4), method)
        (said,) = [note for note in answer.warnings if SAID in note]
        assert named in said, method


def test_of_what_cannot_be_seen_it_is_said_what_it_may_be() -> None:
    answer = explain(seeded(lambda: Recurrent("nothing seen")).eval(), Text(SENTENCE, ids), "leave_one_out", target=0)
    (said,) = [note for note in answer.warnings if SAID in note]
    assert "it keeps something from call to call, or draws random numbers" in said


class Drifts(nn.Module):
    """Takes away a running mean of the rows that it has seen; may draw random numbers besides."""

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.head, self.noise = nn.Linear(3, 2), noise
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        self.mean.mul_(0.9).add_(x.mean(0), alpha=0.1)
        noise = self.noise * torch.rand(len(x), 2) if self.noise else 0
        return self.head(x - self.mean) + noise


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_rows_too_and_what_is_kept_is_no_random_number(noise: float) -> None:
    table = np.random.default_rng(0).normal(2, 1, size=(20, 3)).astype(np.float32)
    (said,) = explain(seeded(partial(Drifts, noise)).eval(), Tabular(table[0], table), "exact_shap").warnings
    kept = said.startswith("the model, asked twice about the same row, gives other scores") and "keeps 'mean'" in said
    assert kept == (not noise)
    assert ("the model is random" in said) == bool(noise)


class Averages(nn.Module):
    """Takes away a running mean of the rows that it has seen, which it writes past the version of the tensor."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.head, self.where = nn.Linear(3, 2), where
        if where == "buffer":
            self.register_buffer("mean", torch.zeros(3))
        else:
            start = torch.zeros(3)
            self.mean: Any = {
                "parameter": nn.Parameter(start, requires_grad=False),
                "attribute": start,
                "array": start.numpy(),
                "list": [start],
            }[where]

    def forward(self, x: Tensor) -> Tensor:
        mean = self.mean[0] if self.where == "list" else torch.as_tensor(self.mean)
        mean.data.mul_(0.9).add_(x.detach().mean(0), alpha=0.1)
        return self.head(x - mean)


@pytest.mark.parametrize("where", ["buffer", "parameter", "attribute", "array", "list"])
def test_what_is_written_past_its_version_is_named(where: str) -> None:
    table = np.random.default_rng(0).normal(2, 1, size=(20, 3)).astype(np.float32)
    (said,) = explain(seeded(partial(Averages, where)).eval(), Tabular(table[0], table), "exact_shap").warnings
    assert "gives other scores" in said
    assert "it keeps 'mean' from call to call" in said
    assert "random" not in said


def test_observers_that_move_in_eval_mode_are_no_random_numbers() -> None:
    class Observed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.seen = nn.Linear(3, 2), torch.ao.quantization.FakeQuantize()

        def forward(self, x: Tensor) -> Tensor:
            return self.seen(self.body(x))

    table = np.random.default_rng(0).normal(2, 1, size=(20, 3)).astype(np.float32)
    found = explain(seeded(Observed).eval(), Tabular(table[0], table), "exact_shap").warnings
    assert not any("random" in note for note in found)
    assert any("it keeps 'seen.scale'" in note for note in found)


def test_a_function_of_strings_that_keeps_something_is_told_too() -> None:
    seen: list[int] = []

    def score(texts: list[str]) -> np.ndarray:
        seen.append(len(texts))
        return np.array([[len(text) + 0.5 * len(seen)] for text in texts])

    assert any(SAID in note for note in explain(score, Text(SENTENCE), "leave_one_out").warnings)
    plain = explain(lambda texts: np.array([[float(len(text))] for text in texts]), Text(SENTENCE), "leave_one_out")
    assert not any(SAID in note for note in plain.warnings)


def test_the_whole_text_is_asked_once_more_and_no_more_than_that() -> None:
    model = seeded(lambda: Recurrent("no")).eval()
    ASKED.clear()
    answer = explain(model, Text(SENTENCE, ids, mask_token_id=4), "leave_one_out")
    assert answer.warnings == ()
    assert sum(ASKED) == 3  # for its score, again, and as one of those that the method compares
    subject = Subject(model, Text(SENTENCE, ids, mask_token_id=4))
    for target in (0, 1):
        list(ask(subject, "leave_one_out", target=target))
    assert sum(ASKED) == 6  # nothing more for the next class


class Masked(Recurrent):
    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return super().forward(input_ids)


def test_nor_where_padding_is_tried() -> None:
    model = seeded(lambda: Masked("no")).eval()
    ASKED.clear()
    explain(model, Text(SENTENCE, tokenizer(framed=False)), "leave_one_out")
    assert sum(ASKED) == 3  # for its score, again, and as one of those that the method compares


def test_a_model_that_is_right_after_its_first_call_is_left_alone() -> None:
    transformers = pytest.importorskip("transformers")
    small: dict[str, Any] = {"vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 1}
    small |= {"num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 64, "pad_token_id": 0}
    bird = transformers.BigBirdConfig(**small, block_size=4, num_random_blocks=1)
    rope = transformers.LlamaConfig(
        **small, rope_scaling={"rope_type": "dynamic", "factor": 2.0, "original_max_position_embeddings": 4}
    )
    for kind, config in (("BigBird", bird), ("Llama", rope)):
        model = seeded(partial(getattr(transformers, f"{kind}ForSequenceClassification"), config)).eval()
        answer = explain(model, Text(SENTENCE, tokenizer()), "leave_one_out", target=1)
        assert not any(SAID in note for note in answer.warnings), kind
