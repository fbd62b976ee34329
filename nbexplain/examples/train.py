"""Train the network of `scenes`: ``python -m nbexplain.examples.train`` draws its pictures, learns, prints figures.

It learns from pictures with one object, with cross-entropy; things of no class lie beside it, so that neither a
texture nor a shape alone, nor the emptiness around, tells the class. It never sees two objects of two classes, nor
the photographs and the parts of the textures that the held-out scenes are made of. Everything follows from the seed.
It takes eight to nine minutes on two cores that have nothing else to do. With ``digits``, ``moons``, ``reviews`` or
``tumour`` behind the command it trains the network of that example instead (digits_train.py and so on), in seconds;
`reviews` takes about two minutes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nbexplain.examples import digits_train, moons_train, reviews_train, tumour_train
from nbexplain.examples.drawing import CLASSES, Scene, draw_scene
from nbexplain.examples.network import SceneNet, normalise
from nbexplain.examples.scenes import WEIGHTS
from nbexplain.examples.sources import load_sources

HELD_OUT_SEED = 1_000_000  # no scene of the held-out part shares its random state with one for training


def draw_numbered(number: int, *, seed: int, held_out: bool, objects: int, decoys: bool) -> Scene:
    """Draw scene `number` of an endless series: its classes, photograph and places follow from seed and number."""
    rng = np.random.default_rng((seed, number))
    classes = [str(name) for name in rng.choice(CLASSES, size=objects, replace=False)]
    if objects == 1:
        classes = [CLASSES[number % len(CLASSES)]]  # every class equally often
    number_of_decoys = int(rng.integers(3)) if decoys else 0
    return draw_scene(load_sources(held_out), classes, rng, decoys=number_of_decoys, recolour=not held_out)


def draw_training_set(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures with one object, drawn by all cores: uint8 (count, 3, SIZE, SIZE), and class numbers (count,)."""
    draw = partial(_draw_picture, seed=seed)
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        pictures = np.stack(list(pool.map(draw, range(count), chunksize=200)))
    return torch.from_numpy(pictures).permute(0, 3, 1, 2), torch.arange(count) % len(CLASSES)


def _draw_picture(number: int, seed: int) -> np.ndarray:
    return draw_numbered(number, seed=seed, held_out=False, objects=1, decoys=True).picture


def draw_held_out(count: int, *, objects: int = 1, decoys: bool = False) -> list[Scene]:
    """Scenes from textures and photographs that training never sees."""
    draw = partial(draw_numbered, seed=HELD_OUT_SEED, held_out=True, objects=objects, decoys=decoys)
    return [draw(number) for number in range(count)]


def augment(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror half of the pictures (N, 3, H, W); change their contrast, brightness, saturation and hue a little."""

    def draw(low: float, high: float, channels: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(len(pictures), channels, 1, 1, generator=generator)

    pictures = torch.where(draw(0, 1) < 0.5, pictures, pictures.flip(3))
    grey = pictures.mean(dim=1, keepdim=True)
    pictures = grey + draw(0.3, 1.3) * (pictures - grey)
    return draw(0.7, 1.3) * draw(0.9, 1.1, channels=3) * pictures + draw(-0.4, 0.4)


def train(seed: int, *, pictures: int = 8000, epochs: int = 6, batch: int = 64) -> SceneNet:
    """Draw the pictures and train; prints the loss of each epoch."""
    start = time.perf_counter()
    inputs, labels = draw_training_set(pictures, seed)
    print(f"{pictures} pictures drawn after {time.perf_counter() - start:.0f} s", flush=True)

    torch.manual_seed(seed)  # the network's first weights
    generator = torch.Generator().manual_seed(seed)
    model = SceneNet(len(CLASSES)).train()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on CPUs
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
    steps = epochs * (pictures // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.25)
    for epoch in range(epochs):
        total = 0.0
        for numbers in torch.randperm(pictures, generator=generator)[: steps // epochs * batch].split(batch):
            logits = model(augment(normalise(inputs[numbers]), generator))
            loss = nn.functional.cross_entropy(logits, labels[numbers], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        mean = total / (pictures // batch)
        print(f"epoch {epoch + 1}/{epochs}  loss {mean:.3f}  {time.perf_counter() - start:.0f} s", flush=True)
    return model.eval()


def _inputs(scenes: list[Scene]) -> Tensor:
    return normalise(torch.from_numpy(np.stack([scene.picture for scene in scenes])).permute(0, 3, 1, 2))


@torch.inference_mode()
def accuracy(model: SceneNet, scenes: list[Scene]) -> float:
    """Share of the scenes with one object on which the class with the highest score is right."""
    scores = torch.cat([model(part) for part in _inputs(scenes).split(50)])
    return float(np.mean([CLASSES[best] in scene.masks for best, scene in zip(scores.argmax(1), scenes, strict=True)]))


@torch.inference_mode()
def localisation(model: SceneNet, scenes: list[Scene]) -> float:
    """How often evidence lies on the right object of two.

    For each class of each scene the class activation map (Zhou et al. 2016, arXiv:1512.04150), enlarged to the size
    of the picture and without its negative part, is averaged over both objects. Counted are the scenes on which, for
    both classes, the mean is larger on the object of the class than on the other one.
    """
    activations = torch.cat([model.features(part) for part in _inputs(scenes).split(50)])
    right = 0
    for activation, scene in zip(activations, scenes, strict=True):
        maps = torch.einsum("kc,chw->khw", model.head.weight, activation)
        size = scene.picture.shape[:2]
        maps = nn.functional.interpolate(maps[None], size, mode="bilinear")[0].clamp(min=0)
        first, second = (torch.from_numpy(mask) for mask in scene.masks.values())
        map_first, map_second = (maps[CLASSES.index(name)] for name in scene.masks)
        right += bool(map_first[first].mean() > map_first[second].mean()) and bool(
            map_second[second].mean() > map_second[first].mean()
        )
    return right / len(scenes)


def train_scenes(seed: int) -> SceneNet:
    """Train on scenes and print the figures."""
    model = train(seed)
    print(f"accuracy on 900 held-out scenes with one object: {accuracy(model, draw_held_out(900)):.1%}")
    print(f"the same with decoys beside it: {accuracy(model, draw_held_out(900, decoys=True)):.1%}")
    share = localisation(model, draw_held_out(200, objects=2))
    print(f"evidence on the right object, for both classes of 200 held-out scenes with two objects: {share:.1%}")
    return model


def train_small(script: ModuleType, held_out: str, seed: int) -> nn.Module:
    """Train with one of the other scripts and print the accuracy."""
    torch.set_num_threads(1)  # sums are then added up in one order, and threads gain little on networks so small
    model: nn.Module = script.train(seed)
    print(f"accuracy on {held_out}: {script.accuracy(model):.1%}")
    return model


def main() -> None:
    """Train, print the figures, write the weights."""
    examples: dict[str, Callable[[int], nn.Module]] = {
        "scenes": train_scenes,
        "digits": partial(train_small, digits_train, "450 held-out digits"),
        "moons": partial(train_small, moons_train, "200 held-out points"),
        "reviews": partial(train_small, reviews_train, "2000 held-out reviews"),
        "tumour": partial(train_small, tumour_train, "106 held-out rows"),
    }
    parser = argparse.ArgumentParser(prog="python -m nbexplain.examples.train", description=__doc__)
    parser.add_argument("example", nargs="?", choices=examples, default="scenes")
    parser.add_argument("--out", type=Path, help="safetensors file (default: the package's own)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.perf_counter()
    model = examples[arguments.example](arguments.seed)
    out = arguments.out or WEIGHTS.with_name(f"{arguments.example}.safetensors")
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, out)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB, {time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
