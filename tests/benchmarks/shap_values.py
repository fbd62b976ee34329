"""SHAP beside shap itself: the same network, background and number of samples, on the same thread."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import torch

import nbexplain
from nbexplain.core.dataset.hidden_rows import stand_in_rows
from nbexplain.core.methods.shap_tree_orders import TreeOrders
from nbexplain.examples import tumour
from tests.benchmarks import first_pictures, peers
from tests.benchmarks.compute import answer, picture
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.networks import resnet18

ROWS, SAMPLES, EVALUATIONS = 10_000, 10, 500


def rows() -> Iterator[Row]:
    """All rows."""
    yield from partition()
    yield from gradient()
    yield from rows_of_a_table()


def partition() -> Iterator[Row]:
    """Ours from balanced orders, which may need a few less than it is given; shap gets as many as ours has used.

    shap compiles its walk through the pixels in a run that is not counted.
    """
    model, x = resnet18(), picture()
    target = nbexplain.Subject(model, x).target(None)
    used = passes(nbexplain.Subject(model, x), EVALUATIONS)
    runs: list[first_pictures.Run] = []

    def ours(_: int) -> None:
        runs.append(first_pictures.run(nbexplain.Subject(model, x), "partition_shap", evaluations=EVALUATIONS))

    def theirs(masker: str, evaluations: int = used) -> None:
        peers.partition_shap(model, x, masker, target, evaluations)

    label = f"`partition_shap`, {used} evaluations, ResNet-18"
    allowed = {"inpaint_telea": 0.4, "blur(128,128)": 0.9}
    if find_spec("cv2") is None:
        for masker, limit in allowed.items():
            yield Row(label, 0, limit, f"shap, {masker}", missing="opencv-python-headless")
        return
    for masker in allowed:
        theirs(masker, 20)
    whole, *peer = interleaved(
        ours,
        *(lambda _, masker=masker: theirs(masker) for masker in allowed),
        times=2,
        warm=0,
        least=1,
        seconds=45,
    )
    for (masker, limit), took in zip(allowed.items(), peer, strict=True):
        yield Row(label, whole, limit, f"shap, {masker}", took)
    yield first_pictures.row(label, runs)


def passes(subject: nbexplain.Subject, evaluations: int) -> int:
    """How many evaluations it takes, from the plan of its orders; none is made."""
    masker = subject.masker(superpixels=50, segmentation="slic", fill="region mean")
    return TreeOrders(masker.tree(), seed=0).within(evaluations).costs[-1]


def gradient(samples: int = 100) -> Iterator[Row]:
    """The background is one picture of the mean colour."""
    model, x = resnet18(), picture()
    background = nbexplain.Subject(model, x).input.fill("mean").expand_as(x).float()
    runs: list[first_pictures.Run] = []

    def ours(_: int) -> None:
        subject = nbexplain.Subject(model, x)
        runs.append(first_pictures.run(subject, "gradient_shap", samples=samples, baseline="mean"))

    whole, theirs = interleaved(
        ours, lambda _: peers.gradient_shap(model, x, background, samples), times=3, warm=0, least=2
    )
    label = f"`gradient_shap`, {samples} samples, ResNet-18"
    yield Row(label, whole, 1.0, "shap.GradientExplainer", theirs)
    yield first_pictures.row(label, runs)


def rows_of_a_table() -> Iterator[Row]:
    """Rows of the background with a little noise, since the example has a few hundred only."""
    demo, draw = tumour(), np.random.default_rng(0)
    noise = 0.1 * demo.background.std(0) * draw.normal(size=(ROWS, len(demo.names)))
    many = demo.background[draw.integers(0, len(demo.background), ROWS)] + noise
    table = nbexplain.Tabular(demo.rows[0], many, names=demo.names)
    stand_ins = torch.from_numpy(stand_in_rows(nbexplain.Subject(demo.model, table), 50, 0)).float()
    params = {"rows": ROWS, "background": 50, "samples": SAMPLES, "explainer": "gradient"}

    def ours(_: int) -> None:
        found = answer(nbexplain.Subject(demo.model, table), "row_shap", target=0, params=params)
        np.abs(found.values).mean(0)

    given = torch.from_numpy(many).float()
    whole, theirs = interleaved(
        ours,
        lambda _: peers.rows_gradient_shap(demo.model, 0, given, stand_ins, SAMPLES),
        times=2,
        warm=0,
        least=1,
        seconds=30,
    )
    label = f"Mean |SHAP| of {ROWS:,} rows, {SAMPLES} samples each, tumour MLP"
    yield Row(label, whole, 0.5, "shap.GradientExplainer", theirs)
