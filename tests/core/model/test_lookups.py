"""A neutral embedding stands in wherever a model looks a token up, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Text, explain
from tests.core.test_text_models import COUNT, seeded
from tests.core.texts import SENTENCE, tokenizer

transformers = pytest.importorskip("transformers")
WORDS = SENTENCE.split()


def ids_of(text: str) -> list[int]:
    return [WORDS.index(word) for word in text.split()]


def falls(score: Callable[[Collection[int]], float], count: int = len(WORDS)) -> list[float]:
    """What the score of the neutral places falls by, of one word after the other."""
    return [score(()) - score((place,)) for place in range(count)]


def neutral_rows(table: nn.Embedding, ids: list[int], hidden: Collection[int], scale: float = 1.0) -> Tensor:
    """Rows (L, D) as they are looked up, with the mean of all where a token is hidden."""
    rows = table.weight[ids].clone()
    rows[list(hidden)] = table.weight.mean(0)
    return rows * scale


class Several(nn.Module):
    """Looks up places or types before the tokens, whose ids are those of their places."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.tok, self.other, self.head = way, nn.Embedding(9, 8), nn.Embedding(9, 8), nn.Linear(8, 2)

    def forward(self, ids: Tensor) -> Tensor:
        if self.way == "turned":
            return self.head(self.tok(ids.T).tanh().mean(0))
        if self.way == "row by row":
            return torch.stack([self.head(self.tok(row).tanh().mean(0)) for row in ids])
        if self.way == "in one row":
            return self.head(self.tok(ids.reshape(-1)).tanh().reshape(*ids.shape, 8).mean(1))
        places = torch.arange(ids.shape[1]).expand(ids.shape)
        first = places if self.way == "places" else torch.zeros_like(ids)
        return self.head((self.other(first) + self.tok(ids)).tanh().mean(1))

    @torch.no_grad()
    def right(self, hidden: Collection[int]) -> float:
        rows = neutral_rows(self.tok, list(range(len(WORDS))), hidden)
        if self.way == "places":
            rows = rows + self.other.weight[: len(rows)]
        elif self.way == "types":
            rows = rows + self.other.weight[0]
        return float(self.head(rows.tanh().mean(0))[1])


@pytest.mark.parametrize("way", ["places", "types", "turned", "row by row", "in one row"])
def test_tokens_are_made_neutral_however_they_are_looked_up(way: str) -> None:
    model = seeded(lambda: Several(way)).eval()
    answer = explain(model, Text(SENTENCE, ids_of), "leave_one_out", target=1, hide="neutral embedding")
    np.testing.assert_allclose(answer.values, falls(model.right), atol=1e-6)


def test_a_text_of_one_word_again_and_again() -> None:
    model = seeded(lambda: Several("places")).eval()
    answer = explain(model, Text("is is", ids_of), "leave_one_out", target=1, hide="neutral embedding")
    with torch.no_grad():
        places = model.other.weight[:2]
        scores = [
            float(model.head((neutral_rows(model.tok, [2, 2], hidden) + places).tanh().mean(0))[1])
            for hidden in ([], [0], [1])
        ]
    np.testing.assert_allclose(answer.values, [scores[0] - scores[1], scores[0] - scores[2]], atol=1e-6)


def test_what_is_hashed_is_neutral_in_all_its_parts() -> None:
    class Hashed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleList(nn.Embedding(5, 4) for _ in range(3))
            self.head = nn.Linear(12, 2)

        def shards(self, ids: Tensor) -> list[Tensor]:
            return [(ids + 1) * prime % 5 for prime in (31, 43, 59)]

        def forward(self, ids: Tensor) -> Tensor:
            rows = [part(shard) for part, shard in zip(self.parts, self.shards(ids))]
            return self.head(torch.cat(rows, 2).tanh().mean(1))

        @torch.no_grad()
        def right(self, hidden: Collection[int]) -> float:
            shards = self.shards(torch.arange(len(WORDS)))
            rows = [neutral_rows(part, shard.tolist(), hidden) for part, shard in zip(self.parts, shards)]
            return float(self.head(torch.cat(rows, 1).tanh().mean(0))[1])

    model = seeded(Hashed).eval()
    answer = explain(model, Text(SENTENCE, ids_of), "leave_one_out", target=1, hide="neutral embedding")
    np.testing.assert_allclose(answer.values, falls(model.right), atol=1e-6)


def test_xlnet_turns_its_ids() -> None:
    config = transformers.XLNetConfig(vocab_size=COUNT, d_model=8, n_layer=1, n_head=2, d_inner=8, num_labels=2)
    model, tok = seeded(lambda: transformers.XLNetForSequenceClassification(config)).eval(), tokenizer()
    given = tok(SENTENCE, return_tensors="pt")
    ids = given.pop("input_ids")[0].tolist()

    @torch.no_grad()
    def right(hidden: Collection[int]) -> float:
        rows = neutral_rows(model.transformer.word_embedding, ids, [place + 1 for place in hidden])
        return float(model(inputs_embeds=rows[None], **given).logits[0, 1])

    answer = explain(model, Text(SENTENCE, tok), "leave_one_out", target=1, hide="neutral embedding")
    np.testing.assert_allclose(answer.values, falls(right), atol=1e-6)


def test_a_decoder_that_reads_the_text_too_sees_no_hidden_token() -> None:
    """BART hands its decoder the text as well, a place further on, and scales the rows that it looks up."""
    shape = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 8}
    shape |= {"decoder_attention_heads": 2, "decoder_ffn_dim": 8, "vocab_size": COUNT, "max_position_embeddings": 24}
    config = transformers.BartConfig(**shape, eos_token_id=3, pad_token_id=0, scale_embedding=True, init_std=0.5)
    model, tok = seeded(lambda: transformers.BartForSequenceClassification(config)).eval(), tokenizer()
    given = tok(SENTENCE, return_tensors="pt")
    ids = given["input_ids"][0].tolist()
    shifted = [config.decoder_start_token_id, *ids[:-1]]
    table, scale = model.model.shared, 8**0.5

    @torch.no_grad()
    def right(hidden: Collection[int]) -> float:
        rows = neutral_rows(table, ids, [place + 1 for place in hidden], scale)
        behind = neutral_rows(table, shifted, [place + 2 for place in hidden], scale)
        states = model.model(
            inputs_embeds=rows[None], attention_mask=given["attention_mask"], decoder_inputs_embeds=behind[None]
        ).last_hidden_state
        return float(model.classification_head(states[:, -1])[0, 1])

    with torch.no_grad():
        assert right(()) == pytest.approx(float(model(**given).logits[0, 1]), abs=1e-5)
    answer = explain(model, Text(SENTENCE, tok), "leave_one_out", target=1, hide="neutral embedding")
    np.testing.assert_allclose(answer.values, falls(right), atol=1e-5)


@pytest.mark.parametrize("way", ["a weight", "one step after the other", "no embedding"])
def test_a_model_that_sees_the_tokens_elsewhere_is_refused(way: str) -> None:
    class Leaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tok, self.rest, self.head = nn.Embedding(9, 8), nn.Linear(9, 8), nn.Linear(8, 2)

        def forward(self, ids: Tensor) -> Tensor:
            one_hot = self.rest(nn.functional.one_hot(ids, 9).float())
            if way == "no embedding":
                return self.head(one_hot.mean(1) + self.tok(torch.arange(ids.shape[1])).mean(0))
            if way == "a weight":
                return self.head((self.tok(ids) + one_hot).mean(1))
            state: Any = 0
            for place in range(ids.shape[1]):
                state = (state + self.tok(ids[:, place])).tanh()
            return self.head(state)

    said = "no nn.Embedding of the model was asked for" if way == "no embedding" else "scores still depend on what"
    with pytest.raises(ValueError, match=rf"hide: .*{said}.*hide='mask token'"):
        explain(seeded(Leaks).eval(), Text(SENTENCE, ids_of), "leave_one_out", hide="neutral embedding")


def test_a_model_that_draws_random_numbers_is_no_leak() -> None:
    class Noisy(Several):
        def forward(self, ids: Tensor) -> Tensor:
            return super().forward(ids) + torch.rand(len(ids), 2)

    x = Text(SENTENCE, ids_of)
    answer = explain(seeded(lambda: Noisy("places")).eval(), x, "leave_one_out", hide="neutral embedding")
    assert answer.values.shape == (len(WORDS),)
