"""Train the network of `moons`: ``python -m nbexplain.examples.train moons`` takes a second.

It learns from the points that are not held out, with cross-entropy. Everything follows from the seed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbexplain.examples.moons import MoonNet, load_part


def as_tensors(held_out: bool) -> tuple[Tensor, Tensor]:
    """Points (N, 2) and class numbers (N,) of one part."""
    rows, classes = load_part(held_out)
    return torch.from_numpy(rows).float(), torch.from_numpy(classes)


def train(seed: int, *, steps: int = 400) -> MoonNet:
    """Train on all points at once; prints the loss of every hundredth step."""
    inputs, labels = as_tensors(held_out=False)
    torch.manual_seed(seed)  # the network's first weights
    model = MoonNet().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
    for step in range(steps):
        loss = nn.functional.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}/{steps}  loss {loss.item():.3f}", flush=True)
    return model.eval()


@torch.inference_mode()
def accuracy(model: MoonNet, *, held_out: bool = True) -> float:
    """Share of the points of one part on which the class with the highest score is right."""
    inputs, labels = as_tensors(held_out)
    return float((model(inputs).argmax(1) == labels).float().mean())
