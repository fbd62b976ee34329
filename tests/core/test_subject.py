"""The only object that runs a model: what it keeps, what it counts, and how it fits into the memory budget."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain import Session, Subject, explain, options
from nbexplain.core.ask import ask
from nbexplain.core.memory import STORE
from nbexplain.inputs import Tabular, Text
from tests.core import oracles
from tests.networks import CASES, CLASSES, Case, FunctionalReLU, Plain, Residual, picture, seeded


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_scores_and_gradients(case: Case, whole: bool) -> None:
    subject = Subject(case.model(), case.x(), whole=whole)
    network, x = case.network(), case.tensor()

    def run(batch: Tensor) -> Tensor:
        return case.run(network, batch)

    np.testing.assert_allclose(subject.scores(), oracles.scores(run, x), **case.fit)
    assert subject.scores().shape == (1, CLASSES)
    assert not subject.scores().requires_grad
    for target in (1, 3):  # the second on the kept graph
        right = oracles.input_gradient(run, x, target)
        np.testing.assert_allclose(subject.gradient(target), right, **case.fit)


def test_a_kept_pass_serves_every_target_and_in_a_session_every_layer() -> None:
    model, x = seeded(Plain), picture()
    single = Subject(model, x)
    for target in range(CLASSES):
        single.gradient(target, single.layer("conv2"))
    assert single.passes == {"forward": 1, "backward": CLASSES}
    whole = Subject(model, x, whole=True)
    for name in ("conv1", "relu1", "conv2", "relu2"):
        whole.gradient(1, whole.layer(name))
        whole.activation(whole.layer(name))
    assert whole.passes == {"forward": 1, "backward": 4}


@pytest.mark.parametrize("make", [FunctionalReLU, Residual])
def test_layers_that_are_overwritten_later_keep_their_values_in_a_session(make: type[nn.Module]) -> None:
    model, x = seeded(make).double(), picture(dtype=torch.float64)
    whole = Subject(model, x, whole=True)
    names = [row.name for row in whole.layers() if row.usable]
    for name in (*names, *names):
        plain, _, call = name.partition("@")
        network = seeded(make).double().eval()
        right = oracles.layer_output(network, network.get_submodule(plain), x, 2, int(call or 1) - 1)
        row = whole.layer(name)
        torch.testing.assert_close(whole.activation(row), right[0])
        torch.testing.assert_close(whole.gradient(2, row), right[1])
    assert whole.passes["forward"] <= len(names) + 1


def test_many_inputs_go_in_chunks_and_give_the_same() -> None:
    model = seeded(Plain).double().eval()
    sizes: list[int] = []

    def forward(module: nn.Module, x: Tensor) -> Tensor:
        sizes.append(len(x))
        return module(x)

    subject = Subject(model, picture(), forward=forward)
    batch = torch.cat([picture(seed=seed, dtype=torch.float64) for seed in range(19)])
    scores = subject.evaluate(batch)
    # the clean input, once more through the folded twin, a batch on trial, and some of the first batch alone
    assert sizes[:4] == [1, 1, 4, 8]
    assert 2 <= sizes[4:].count(1) <= 8
    assert sizes[4:] == [1] * sizes[4:].count(1) + [8, 3]
    torch.testing.assert_close(scores, model(batch).detach())
    sizes.clear()
    assert torch.equal(subject.evaluate(batch, 2), scores[:, 2])
    assert sizes == [8, 8, 3]
    sizes.clear()
    values, gradients = subject.gradients(batch, 2)
    assert max(sizes) == 4
    torch.testing.assert_close(values, scores[:, 2])
    wanted = batch.clone().requires_grad_()
    torch.testing.assert_close(gradients, torch.autograd.grad(model(wanted)[:, 2].sum(), wanted)[0])
    options.memory_budget = 4 * 6 * 144 * 8 * 3  # three inputs' worth of the largest output
    assert subject.chunk() == 3
    options.memory_budget = 0
    assert subject.chunk() == subject.chunk(gradients=True) == 1
    torch.testing.assert_close(subject.evaluate(batch), scores)


@pytest.mark.parametrize(
    ("columns", "framed", "most"), [(3, False, 16_384), (64, False, 16_384), (65, False, 8192), (65, True, 16_384)]
)
def test_rows_go_to_a_model_outside_torch_in_longer_batches_while_it_is_quick(
    columns: int, framed: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbexplain.core.call_size._QUICK", 1e9)
    rows, called = np.random.default_rng(0).normal(size=(50_000, columns)), []

    def model(x: Any) -> np.ndarray:
        called.append(len(x))
        read = np.asarray(x)
        return np.stack([read[:, 0], read.sum(1)], 1)

    background = pd.DataFrame(rows[:5]) if framed else rows[:5]
    subject = Subject(model, Tabular(background.iloc[0] if framed else rows[0], background))
    subject.chunk()
    called.clear()
    scores = subject.evaluate(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(scores, np.stack([rows[:, 0], rows.sum(1)], 1))
    in_batches = [count for count in called if count > 1]  # some are asked alone as well
    assert (called[0], max(called), sum(in_batches)) == (1024, most, len(rows))
    called.clear()
    subject.evaluate(torch.from_numpy(rows[:20_000]))
    assert called[0] == most  # it goes on as it ended


@pytest.mark.parametrize("text", [False, True])
def test_a_slow_model_outside_torch_gets_as_many_as_one_waits_for(text: bool) -> None:
    called: list[int] = []

    def model(inputs: Any) -> np.ndarray:
        called.append(len(inputs))
        return np.tile([1.0, 2.0], (len(inputs), 1))

    subject = Subject(model, Text("a b c") if text else Tabular(np.zeros(3), np.eye(3)))
    subject.chunk()
    subject._network.pace = 0.05, 8  # seconds of each
    width = subject.input.tensor.shape[-1]
    calls = subject.calls(width)
    assert calls.size == 20  # a second
    calls.took(20, 1.0)
    assert calls.size == subject.calls(width).size == 10
    calls.took(5, 9.0)  # the last few of a batch tell nothing
    calls.took(10, 0.5)
    called.clear()
    subject.evaluate(subject.input.tensor.expand(50, -1))
    assert called[0] == 5


def test_wide_rows_go_in_shorter_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.call_size._QUICK", 1e9)
    called: list[int] = []

    def model(x: np.ndarray) -> np.ndarray:
        called.append(len(x))
        return x[:, :2]

    subject = Subject(model, Tabular(np.zeros(1000), np.zeros((2, 1000))))
    subject.evaluate(torch.zeros(9000, 1000, dtype=torch.float64))
    assert max(called) == 2097  # 16 MiB


def test_rows_go_to_a_wide_network_in_batches_that_stay_in_the_processors_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nbexplain.core.call_size._QUICK", 1e9)
    called: list[int] = []

    def forward(module: nn.Module, x: Tensor) -> Tensor:
        called.append(len(x))
        return module(x)

    model = nn.Sequential(nn.Linear(3, 512), nn.ReLU(), nn.Linear(512, 2)).eval()
    subject = Subject(model, Tabular(np.zeros(3), np.zeros((2, 3))), forward=forward)
    subject.evaluate(torch.zeros(9000, 3))
    assert max(called) == 1024  # 2 MiB of 512 numbers


def test_batches_are_made_channels_last_and_the_users_input_stays() -> None:
    x = picture()
    strides = x.stride()
    seen: list[bool] = []

    def forward(module: nn.Module, x: Tensor) -> Tensor:
        seen.append(x.stride()[1] == 1)
        return module(x)

    subject = Subject(seeded(Plain), x, forward=forward)
    subject.gradient(1)
    subject.evaluate(x.repeat(8, 1, 1, 1))
    assert seen[:4] == [False, False, True, True]  # the pass, through the folded twin, a batch on trial, the batch
    assert not any(seen[4:])  # some of it, each alone
    assert x.stride() == strides


def test_closing_and_forgetting_give_the_pass_back() -> None:
    kept = STORE.bytes
    subject = Subject(seeded(Plain), picture())
    subject.gradient(1)
    assert STORE.bytes > kept
    subject.close()
    assert STORE.bytes == kept
    subject.gradient(1)
    assert STORE.bytes > kept
    del subject
    gc.collect()
    assert STORE.bytes == kept


def test_what_is_kept_goes_with_the_weights() -> None:
    model = seeded(Plain)
    subject = Subject(model, picture())
    subject.keep("samples", [1, 2], 16)
    assert subject.kept("samples") == [1, 2]
    assert Subject(model, picture()).kept("samples") is None
    model.head.bias.data += 1
    assert subject.refresh()
    assert subject.kept("samples") is None


def test_models_without_parameters_compute_in_the_inputs_dtype() -> None:
    class Sums(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x.sum((1, 2, 3)), x.square().sum((1, 2, 3))], 1)

    x = picture(dtype=torch.float64)
    subject = Subject(Sums(), x)
    assert subject.dtype == torch.float64
    torch.testing.assert_close(subject.gradient(1), 2 * x)


def test_a_gradient_that_the_model_cuts_is_known() -> None:
    class Cut(Plain):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                return super().forward(x)

    assert Subject(seeded(Plain), picture()).has_gradient()
    cut = Subject(seeded(Cut), picture())
    assert not cut.has_gradient()
    with pytest.raises(ValueError, match="no gradient of the score reaches the input"):
        cut.gradient(1)
    with pytest.raises(ValueError, match="no gradient of the score reaches layer 'conv2'"):
        cut.gradient(1, cut.layer("conv2"))


def test_notes_of_input_and_model_go_with_every_answer() -> None:
    closure = next(case for case in CASES if case.name == "closure over a module").model()
    x = picture()
    x[0, 0, 0, 0] = torch.nan
    notes = Subject(closure, x).warnings
    assert any("NaN" in note for note in notes)
    assert any("explained in place" in note for note in notes)
    assert Subject(seeded(Plain), picture()).warnings == ()


@pytest.mark.parametrize("whole", [False, True])
def test_a_model_that_overwrites_what_its_own_gradient_needs(whole: bool) -> None:
    """Sigmoid's gradient needs its output, and the ReLU behind it writes over that: torch's own backward raises."""

    def make(inplace: bool) -> nn.Module:
        return nn.Sequential(nn.Sigmoid(), nn.ReLU(inplace=inplace), nn.Flatten(), seeded(lambda: nn.Linear(432, 3)))

    x = picture()
    harmless = Subject(make(False), x).gradient(1)
    torch.testing.assert_close(Subject(make(True), x, whole=whole).gradient(1), harmless)


def test_where_the_whole_pass_is_too_large_what_comes_after_the_layer_is_kept() -> None:
    class Growing(Plain):
        def forward(self, x: Tensor) -> Any:
            return super().forward(F.interpolate(x, scale_factor=8))

    model = seeded(Growing)
    options.memory_budget = 400_000  # of 650 kB, most of it before the second convolution
    subject = Subject(model, picture(), whole=True)
    layer = subject.layer("conv2")
    subject.gradient(0, layer)
    before = dict(subject.passes)
    for target in range(1, CLASSES):
        right = explain(model, picture(), "grad_cam", target=target, layer="conv2", relu=False).values
        (found,) = ask(subject, "grad_cam", target=target, layer="conv2", params={"relu": False})
        np.testing.assert_allclose(found.values, right, rtol=1e-5, atol=1e-7)
    assert subject.passes["forward"] == before["forward"]
    assert subject.passes["backward"] == before["backward"] + CLASSES - 1
    (found,) = ask(subject, "gradient", target=1)  # for which everything is needed
    np.testing.assert_allclose(
        found.values, explain(model, picture(), "gradient", target=1).values, rtol=1e-5, atol=1e-7
    )


def test_a_pass_that_is_too_large_tells_a_session_all_at_once() -> None:
    options.memory_budget = 1000
    session = Session(seeded(Plain), picture())
    assert session._known._subjects[0].passes == {"forward": 1, "backward": 0}
    session.close()
