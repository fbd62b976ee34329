"""The shipped network of `moons` on points it has never seen, and the points themselves."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nbexplain.examples import moons, moons_train, train
from nbexplain.examples.moons import WEIGHTS, Moons, load_network, load_part


@pytest.fixture(scope="module")
def demo() -> Moons:
    return moons()


@torch.inference_mode()
def test_shipped_weights_know_held_out_points(demo: Moons) -> None:
    scores = demo.model(torch.from_numpy(demo.rows).float())
    assert scores.shape == (200, 2)
    assert (scores.argmax(1).numpy() == demo.labels).mean() >= 0.95


def test_no_straight_line_does_as_well(demo: Moons) -> None:
    columns = np.column_stack([demo.background, np.ones(len(demo.background))])
    line = np.linalg.lstsq(columns, demo.background_labels * 2.0 - 1, rcond=None)[0]
    right = (demo.rows @ line[:2] + line[2] > 0) == demo.labels
    assert right.mean() < 0.93


def test_points_lie_about_their_half_circles(demo: Moons) -> None:
    assert demo.names == ("x", "y")
    assert demo.classes == ("upper", "lower")
    for rows, labels in ((demo.rows, demo.labels), (demo.background, demo.background_labels)):
        assert rows.dtype == np.float64
        assert labels.dtype == np.int64
        assert labels[:4].tolist() == [0, 1, 0, 1]
        assert np.bincount(labels).tolist() == [len(rows) / 2] * 2
        middles = np.array([(0, 0), (1, 0.5)])[labels]
        radius = np.hypot(*(rows - middles).T)
        assert radius.mean() == pytest.approx(1, abs=0.03)
        assert radius.std() == pytest.approx(0.17, abs=0.03)
        heights = (rows - middles)[:, 1]
        assert heights[labels == 0].mean() == pytest.approx(2 / np.pi, abs=0.1)  # the mean of the sine over half a turn
        assert heights[labels == 1].mean() == pytest.approx(-2 / np.pi, abs=0.1)


def test_the_parts_share_nothing_and_stay_as_they_are(demo: Moons) -> None:
    assert not {row.tobytes() for row in demo.rows} & {row.tobytes() for row in demo.background}
    # written down: another draw would hand out a background that the shipped weights were not trained on
    assert np.allclose(demo.background[0], [-0.034810, 0.961137], atol=1e-6)
    assert np.allclose(demo.rows[0], [-1.210853, 0.331244], atol=1e-6)


def test_training_never_opens_the_held_out_part(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def load(held_out: bool) -> tuple[np.ndarray, np.ndarray]:
        opened.append(held_out)
        return load_part(held_out)

    monkeypatch.setattr(moons_train, "load_part", load)
    moons_train.train(0, steps=1)
    assert opened == [False]


def test_the_script_trains_what_is_shipped(demo: Moons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    try:
        monkeypatch.setattr(sys, "argv", ["train", "moons", "--out", str(tmp_path / "full")])
        train.main()
        monkeypatch.setattr(moons_train, "train", partial(moons_train.train, steps=5))
        for name, seed in (("first", "0"), ("again", "0"), ("other", "1")):
            monkeypatch.setattr(sys, "argv", ["train", "moons", "--out", str(tmp_path / name), "--seed", seed])
            train.main()
    finally:
        torch.set_num_threads(threads)
    first, again, other = ((tmp_path / name).read_bytes() for name in ("first", "again", "other"))
    assert first == again
    assert first != other
    inputs = torch.from_numpy(demo.rows).float()
    with torch.inference_mode():  # other processors round otherwise, so the weights need not be the same to the bit
        assert torch.allclose(load_network(tmp_path / "full")(inputs), demo.model(inputs), atol=0.1)


def test_every_call_makes_a_new_model(demo: Moons) -> None:
    again = moons()
    assert again.model is not demo.model
    assert not again.model.training
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), demo.model.parameters(), strict=True))
    assert np.array_equal(again.rows, demo.rows)
    assert repr(demo).splitlines() == [
        "Moons: 200 points and 400 for training, 2 classes, a MoonNet with 354 parameters",
        "  classes: upper, lower",
    ]


def test_it_does_without_scikit_learn() -> None:
    code = "import sys; sys.modules['sklearn'] = None; from nbexplain.examples import moons; print(len(moons().rows))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "200\n"


def test_weights_are_small_and_single_precision() -> None:
    assert WEIGHTS.stat().st_size < 10_000
    assert {tensor.dtype for tensor in load_file(WEIGHTS).values()} == {torch.float32}
