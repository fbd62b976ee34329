"""Train the network of `tumour`: ``python -m nbexplain.examples.train tumour`` takes a few seconds.

It learns from the rows that are not held out, with cross-entropy. Everything follows from the seed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbexplain.examples.tumour import TumourNet, load_part


def as_tensors(held_out: bool) -> tuple[Tensor, Tensor]:
    """Rows (N, 30) and class numbers (N,) of one part."""
    rows, classes = load_part(held_out)
    return torch.from_numpy(rows).float(), torch.from_numpy(classes)


def train(seed: int, *, epochs: int = 60, batch: int = 64) -> TumourNet:
    """Train; prints the loss of every tenth epoch."""
    inputs, labels = as_tensors(held_out=False)
    torch.manual_seed(seed)  # the network's first weights
    generator = torch.Generator().manual_seed(seed)
    model = TumourNet().train()
    model.mean.copy_(inputs.mean(0))
    model.scale.copy_(inputs.std(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.5)
    steps = epochs * -(-len(inputs) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps)
    for epoch in range(epochs):
        total = 0.0
        for numbers in torch.randperm(len(inputs), generator=generator).split(batch):
            loss = nn.functional.cross_entropy(model(inputs[numbers]), labels[numbers], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(numbers)
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1}/{epochs}  loss {total / len(inputs):.3f}", flush=True)
    return model.eval()


@torch.inference_mode()
def accuracy(model: TumourNet, *, held_out: bool = True) -> float:
    """Share of the rows of one part on which the class with the highest score is right."""
    inputs, labels = as_tensors(held_out)
    return float((model(inputs).argmax(1) == labels).float().mean())
