"""Train the network of `reviews`: ``python -m nbexplain.examples.train reviews`` takes about two minutes.

It learns from reviews that are not held out, with cross-entropy. In some of them words are hidden behind the mask
token, in others words are left out, so that the network knows texts with holes. Everything follows from the seed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbexplain.examples.reviews import HELD_OUT_SEED, ReviewNet, WordTokenizer
from nbexplain.examples.reviews_writing import write_reviews

_HIDDEN_AT_MOST = 0.5  # of the words of a text
_UNKNOWN = 0.01


def as_tensors(texts: list[str]) -> tuple[Tensor, Tensor]:
    """Token numbers (N, L) and attention masks (N, L); shorter texts are padded at the end."""
    tokenizer = WordTokenizer()
    rows = [torch.tensor(tokenizer(text)["input_ids"]) for text in texts]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad_token_id)
    return ids, (ids != tokenizer.pad_token_id).long()


def hide(ids: Tensor, generator: torch.Generator) -> Tensor:
    """Make holes in two of three texts (N, L): a quarter of their words on average, at most about half.

    Half of these texts get the mask token in place of the words; from the others the words are left out, and padding
    follows. Now and then a word of any text becomes unknown.
    """

    def draw(places: int) -> Tensor:
        return torch.rand(len(ids), places, generator=generator)

    word = ids > WordTokenizer.mask_token_id  # it is the last one of those that are no words
    kind = draw(1)
    hole = word & (draw(ids.shape[1]) < _HIDDEN_AT_MOST * draw(1) * (kind < 2 / 3))
    unknown = word & (draw(ids.shape[1]) < _UNKNOWN)
    ids = ids.masked_fill(unknown, WordTokenizer.unk_token_id)
    left_out = hole & (kind < 1 / 3)
    ids = ids.masked_fill(hole, WordTokenizer.mask_token_id).masked_fill(left_out, WordTokenizer.pad_token_id)
    return ids.gather(1, left_out.int().argsort(dim=1, stable=True))


def train(seed: int, *, reviews: int = 40_000, epochs: int = 8, batch: int = 64) -> ReviewNet:
    """Write the reviews and train; prints the loss of each epoch."""
    texts, classes = write_reviews(reviews, seed, held_out=False)
    (ids, masks), labels = as_tensors(texts), torch.tensor(classes)
    torch.manual_seed(seed)  # the network's first weights
    generator = torch.Generator().manual_seed(seed)
    model = ReviewNet(len(WordTokenizer())).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    steps = epochs * -(-reviews // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps, pct_start=0.1)
    for epoch in range(epochs):
        total = 0.0
        for numbers in torch.randperm(reviews, generator=generator).split(batch):
            longest = int(masks[numbers].sum(1).max())
            seen = hide(ids[numbers, :longest], generator)
            logits = model(seen, seen != WordTokenizer.pad_token_id)
            loss = nn.functional.cross_entropy(logits, labels[numbers], label_smoothing=0.02)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(numbers)
        print(f"epoch {epoch + 1}/{epochs}  loss {total / reviews:.3f}", flush=True)
    return model.eval()


@torch.inference_mode()
def accuracy(model: ReviewNet, *, count: int = 2000) -> float:
    """Share of held-out reviews on which the class with the highest score is right."""
    texts, labels = write_reviews(count, HELD_OUT_SEED, held_out=True)
    return float((model(*as_tensors(texts)).argmax(1) == torch.tensor(labels)).float().mean())
