"""The shipped network of `tumour` and its forest on rows they have never seen, and the rows themselves."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.datasets import load_breast_cancer

from nbexplain.examples import train, tumour, tumour_train
from nbexplain.examples.tumour import WEIGHTS, Tumour, load_network, load_part, split


@pytest.fixture(scope="module")
def demo() -> Tumour:
    return tumour()


@torch.inference_mode()
def test_shipped_weights_know_held_out_rows(demo: Tumour) -> None:
    scores = demo.model(torch.from_numpy(demo.rows).float())
    assert scores.shape == (106, 2)
    assert (scores.argmax(1).numpy() == demo.labels).mean() >= 0.95


def test_the_forest_knows_held_out_rows(demo: Tumour) -> None:
    assert len(demo.forest.estimators_) == 100
    assert demo.forest.classes_.tolist() == [0, 1]  # its probabilities follow the order of the names
    assert (demo.forest.predict(demo.rows) == demo.labels).mean() >= 0.95


def test_rows_are_those_that_scikit_learn_has(demo: Tumour) -> None:
    source = load_breast_cancer()
    assert demo.names == tuple(source.feature_names)
    assert demo.classes == tuple(source.target_names)
    training, held_out = split()
    for numbers, rows, labels in (
        (held_out, demo.rows, demo.labels),
        (training, demo.background, demo.background_labels),
    ):
        assert (rows.dtype, labels.dtype) == (np.float64, np.int64)
        assert np.array_equal(rows, source.data[numbers])
        assert np.array_equal(labels, source.target[numbers])


def test_the_parts_share_nothing_and_leave_nothing_out(demo: Tumour) -> None:
    training, held_out = split()
    assert sorted([*training, *held_out]) == list(range(569))
    assert demo.labels.tolist() == [0, 1] * 53
    assert not {row.tobytes() for row in demo.rows} & {row.tobytes() for row in demo.background}
    # written down: another draw would hand out rows that the shipped weights were trained on
    assert held_out[:6].tolist() == [562, 348, 41, 357, 171, 529]


def test_the_network_standardises_by_the_part_for_training(demo: Tumour) -> None:
    standardised = (demo.background - demo.model.mean.numpy()) / demo.model.scale.numpy()
    assert np.allclose(standardised.mean(0), 0, atol=1e-4)
    assert np.allclose(standardised.std(0, ddof=1), 1, atol=1e-4)
    # so the first layer's activations follow from the weights and the raw numbers
    weight, bias = (parameter.detach().numpy() for parameter in demo.model.linear1.parameters())
    row = torch.from_numpy(demo.rows[:1]).float()
    expected = weight @ ((demo.rows[0] - demo.model.mean.numpy()) / demo.model.scale.numpy()) + bias
    rest = torch.nn.Sequential(*list(demo.model.children())[1:])
    with torch.inference_mode():
        assert torch.allclose(rest(torch.from_numpy(expected)[None].float()), demo.model(row), atol=1e-4)


def test_training_never_opens_the_held_out_part(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def load(held_out: bool) -> tuple[np.ndarray, np.ndarray]:
        opened.append(held_out)
        return load_part(held_out)

    monkeypatch.setattr(tumour_train, "load_part", load)
    tumour_train.train(0, epochs=1)
    assert opened == [False]


def test_the_script_trains_what_is_shipped(demo: Tumour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    try:
        monkeypatch.setattr(sys, "argv", ["train", "tumour", "--out", str(tmp_path / "full")])
        train.main()
        monkeypatch.setattr(tumour_train, "train", partial(tumour_train.train, epochs=2))
        for name, seed in (("first", "0"), ("again", "0"), ("other", "1")):
            monkeypatch.setattr(sys, "argv", ["train", "tumour", "--out", str(tmp_path / name), "--seed", seed])
            train.main()
    finally:
        torch.set_num_threads(threads)
    first, again, other = ((tmp_path / name).read_bytes() for name in ("first", "again", "other"))
    assert first == again
    assert first != other
    inputs = torch.from_numpy(demo.rows).float()
    with torch.inference_mode():  # other processors round otherwise, so the weights need not be the same to the bit
        assert torch.allclose(load_network(tmp_path / "full")(inputs), demo.model(inputs), atol=0.1)


def test_every_call_makes_a_new_model_and_a_new_forest(demo: Tumour) -> None:
    again = tumour()
    assert again.model is not demo.model
    assert again.forest is not demo.forest
    assert not again.model.training
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), demo.model.parameters(), strict=True))
    assert np.array_equal(again.forest.predict_proba(demo.rows), demo.forest.predict_proba(demo.rows))
    again.forest.estimators_.clear()
    again.rows[:] = 0
    assert len(tumour().forest.estimators_) == 100
    assert np.array_equal(tumour().rows, demo.rows)
    assert repr(demo).splitlines() == [
        "Tumour: 106 rows and 463 for training, 30 columns, 2 classes, a TumourNet with 1,554 parameters, "
        "a forest of 100 trees",
        "  classes: malignant, benign",
    ]


def test_without_scikit_learn_the_extra_is_named() -> None:
    code = "import sys; sys.modules['sklearn.datasets'] = None; from nbexplain.examples import tumour; tumour()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: The measurements come with scikit-learn: pip install 'nbexplain[examples]'" in done.stderr


def test_weights_are_small_and_single_precision() -> None:
    assert WEIGHTS.stat().st_size < 20_000
    assert {tensor.dtype for tensor in load_file(WEIGHTS).values()} == {torch.float32}
