"""The shipped network of `scenes` on pictures it has never seen, and the pictures themselves."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from nbexplain.examples import scenes
from nbexplain.examples.drawing import CLASSES, SIZE, Scene, draw_scene
from nbexplain.examples.scenes import WEIGHTS, Scenes
from nbexplain.examples.sources import load_sources
from nbexplain.examples.train import augment, draw_held_out, draw_numbered


@pytest.fixture(scope="module")
def demo() -> Scenes:
    return scenes()


@torch.inference_mode()
def run(demo: Scenes, drawn: list[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (N, classes) and last activations (N, K, h, w)."""
    kept: list[torch.Tensor] = []
    handle = demo.model.layer4.register_forward_hook(lambda module, inputs, output: kept.append(output))
    inputs = torch.stack([demo.preprocess(scene.picture) for scene in drawn])
    scores = torch.cat([demo.model(part) for part in inputs.split(50)])
    handle.remove()
    return scores, torch.cat(kept)


def test_shipped_weights_know_held_out_scenes(demo: Scenes) -> None:
    drawn = draw_held_out(405)
    scores, _ = run(demo, drawn)
    right = [demo.classes[best] in scene.masks for best, scene in zip(scores.argmax(1), drawn, strict=True)]
    assert np.mean(right) >= 0.95


def test_evidence_lies_on_the_object_of_the_class(demo: Scenes) -> None:
    drawn = draw_held_out(80, objects=2)
    _, activations = run(demo, drawn)
    right = []
    for activation, scene in zip(activations, drawn, strict=True):
        for name, other in (tuple(scene.masks), tuple(reversed(scene.masks))):
            weights = demo.model.head.weight.detach()[demo.classes.index(name)]
            evidence = torch.einsum("k,kyx->yx", weights, activation).clamp(min=0)
            enlarged = torch.nn.functional.interpolate(evidence[None, None], size=(SIZE, SIZE), mode="bilinear")[0, 0]
            right.append(bool(enlarged[scene.masks[name]].mean() > enlarged[scene.masks[other]].mean()))
    assert np.mean(right) >= 0.95


def test_gallery_is_complete_and_recognised(demo: Scenes) -> None:
    assert len(demo.pictures) == len(demo.masks) == len(demo.labels) >= 8
    assert len(demo.classes) == len(set(demo.classes)) >= 8
    assert not demo.model.training
    counts = [len(labels) for labels in demo.labels]
    assert counts == sorted(counts, reverse=True)
    assert set(counts) == {1, 2}
    for picture, masks, labels in zip(demo.pictures, demo.masks, demo.labels, strict=True):
        assert picture.mode == "RGB"
        assert min(picture.size) >= 96
        assert all(mask.shape == (picture.height, picture.width) and mask.dtype == bool for mask in masks.values())
        with torch.inference_mode():
            scores = demo.model(demo.preprocess(picture)[None])[0]
        best = {demo.classes[number] for number in scores.topk(len(labels)).indices}
        assert best == set(labels)
    assert all(name in repr(demo) for name in demo.classes)


def test_every_call_makes_a_new_model(demo: Scenes) -> None:
    again = scenes()
    assert again.model is not demo.model
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), demo.model.parameters(), strict=True))
    assert np.array_equal(again.pictures[0], demo.pictures[0])


def test_neither_texture_nor_shape_tells_the_class() -> None:
    textures, shapes = zip(*(name.split() for name in CLASSES), strict=True)
    assert all(textures.count(name) >= 2 for name in textures)
    assert all(shapes.count(name) >= 2 for name in shapes)


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("objects", [1, 2])
def test_masks_agree_with_the_pixels(objects: int, held_out: bool) -> None:
    for number in range(6):
        scene = draw_numbered(number, seed=3, held_out=held_out, objects=objects, decoys=not held_out)
        assert len(scene.masks) == objects
        differs = (scene.picture != scene.background).any(axis=2)
        covered = np.any(list(scene.masks.values()), axis=0)
        for mask in scene.masks.values():
            assert 0.01 < mask.mean() < 0.4
            assert differs[mask].mean() > 0.97  # a pixel may have the colour of the background by chance
        near = np.asarray(Image.fromarray(covered.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(9))) > 0
        assert not differs[~near].any()  # the soft edge lies near the mask
        assert sum(mask.sum() for mask in scene.masks.values()) == covered.sum()


def test_same_seed_same_pixels() -> None:
    sources = load_sources(held_out=True)
    first, again, other = (draw_scene(sources, ["brick star"], np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(first.masks["brick star"], again.masks["brick star"])
    assert not np.array_equal(first.picture, other.picture)


def test_held_out_sources_are_never_used_in_training() -> None:
    training, held_out = load_sources(held_out=False), load_sources(held_out=True)
    assert not set(training.photographs) & set(held_out.photographs)
    assert training.strip[1] < held_out.strip[0]
    for number in range(20):
        scene = draw_numbered(number, seed=0, held_out=False, objects=1, decoys=True)
        assert scene.photograph in training.photographs
    assert {scene.photograph for scene in draw_held_out(30)} == set(held_out.photographs)


def test_preprocess_takes_any_picture(demo: Scenes) -> None:
    picture = demo.pictures[0]
    tensor = demo.preprocess(picture)
    assert tensor.shape == (3, SIZE, SIZE)
    assert tensor.dtype == torch.float32
    assert torch.equal(tensor, demo.preprocess(np.asarray(picture)))
    assert demo.preprocess(picture.convert("L").resize((300, 200))).shape == (3, SIZE, SIZE)
    assert demo.preprocess(np.zeros((90, 140), dtype=np.uint8)).shape == (3, SIZE, SIZE)


def test_augmentation_follows_its_generator() -> None:
    pictures = torch.randn(4, 3, 8, 8)
    first, again = (augment(pictures, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, pictures)


def test_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size < 2_000_000


def test_importing_the_package_is_light() -> None:
    code = "import sys, nbexplain.examples; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"skimage", "sklearn"} & set(loaded)
