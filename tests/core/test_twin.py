"""A twin: the same weights in modules of our own, whose modes, flags and hooks are nobody else's."""

from __future__ import annotations

import functools
import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Subject, Tabular, explain
from nbexplain.core.ask import ask
from nbexplain.core.fingerprint import fingerprint
from nbexplain.core.hooks import Stop
from nbexplain.core.twin import twin, unwrap
from tests.core.snapshot import differences, snapshot
from tests.networks import CASES, Case, Closure, Locked, Normed, Plain, Reused, parts, picture, seeded


@pytest.mark.parametrize("case", [case for case in CASES if case.copied], ids=str)
def test_a_copy_shares_the_weights_and_nothing_else(case: Case) -> None:
    model = case.model()
    before = snapshot(model)
    ours = twin(model)
    assert ours.copied
    user = unwrap(model)
    theirs = dict(user.named_modules(remove_duplicate=False))
    for name, module in ours.module.named_modules(remove_duplicate=False):
        assert module is not theirs[name]
        assert not module.training
        assert not getattr(module, "inplace", False)
    for (name, mine), (other, yours) in zip(
        ours.module.state_dict(keep_vars=True).items(), user.state_dict(keep_vars=True).items(), strict=True
    ):
        assert name == other
        assert mine is not yours
        assert (mine.data_ptr() == yours.data_ptr()) == isinstance(yours, nn.Parameter)
        assert torch.equal(mine, yours)
        assert isinstance(mine, nn.Parameter) == isinstance(yours, nn.Parameter)
        assert not mine.requires_grad
    assert differences(before, snapshot(model)) == []


def test_weights_are_seen_live() -> None:
    model = seeded(Plain).eval()
    ours, x = twin(model), picture()
    with torch.no_grad():
        model.conv1.weight.mul_(2)
    torch.testing.assert_close(ours.module(x), model(x))


def test_a_module_used_twice_and_tied_weights_stay_one() -> None:
    class Tied(Reused):
        def __init__(self) -> None:
            super().__init__()
            self.again = self.relu1
            self.tail = nn.Linear(8, 5)
            self.tail.weight = self.head.weight

    ours = twin(seeded(Tied)).module
    assert ours.again is ours.relu1
    assert ours.tail.weight is ours.head.weight


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.LSTM(3, 4, batch_first=True),
        lambda: nn.TransformerEncoderLayer(8, 2, batch_first=True),
        lambda: torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)),
        lambda: torch.nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4)),
        lambda: nn.Sequential(nn.Embedding(10, 3), nn.Linear(3, 2)),
        lambda: nn.Sequential(nn.LayerNorm(3), nn.Bilinear(3, 3, 2)),
    ],
    ids=["LSTM", "transformer", "weight_norm", "spectral_norm", "embedding", "bilinear"],
)
def test_odd_modules_can_be_copied(make: Callable[[], nn.Module]) -> None:
    model = seeded(make)
    before = snapshot(model)
    ours = twin(model)
    assert ours.copied
    for mine, yours in zip(ours.module.parameters(), model.parameters(), strict=True):
        assert mine.data_ptr() == yours.data_ptr()
    assert differences(before, snapshot(model)) == []


def test_tensors_in_plain_attributes_are_shared() -> None:
    class Holds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.full((1,), 3.0)
            self.table = {"a": [torch.ones(2)]}

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale

    model = Holds()
    ours = twin(model).module
    model.scale.mul_(2)
    assert ours(torch.ones(1, 1)).item() == 6
    assert ours.table["a"][0].data_ptr() == model.table["a"][0].data_ptr()


class Counts(nn.Module):
    """Writes to its buffers in every way, one of them through a view, and scores what they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("seen", torch.zeros(2))
        self.register_buffer("mean", torch.zeros(4)[1:], persistent=False)
        self.first = [self.seen[:1]]

    def forward(self, x: Tensor) -> Tensor:
        self.first[0].add_(len(x))
        self.mean.mul_(0.9).add_(x.mean(0), alpha=0.1)
        return self.linear(x - self.mean) + self.seen[0]


@pytest.mark.parametrize("key", ["exact_shap", "lime", "gradient", "row_shap"])
def test_what_a_pass_writes_to_buffers_stays_in_the_copy(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(10**9))
    monkeypatch.setattr(
        "time.perf_counter", lambda: 1e-3 * next(seconds)
    )  # calls are as long as the last ones were quick
    model, rows = seeded(Counts).eval(), np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    before = snapshot(model)
    first, again = (list(ask(Subject(model, Tabular(rows[0], rows)), key, target=0))[-1] for _ in range(2))
    assert differences(before, snapshot(model)) == []
    np.testing.assert_array_equal(first.values, again.values)  # neither has seen the other
    ours = twin(model).module
    ours(torch.zeros(4, 3))
    assert float(ours.seen[0]) == 4  # what shows a part of a buffer shows that of the copy


def test_a_large_buffer_is_shared_and_one_of_a_weight_too() -> None:
    model = nn.Linear(2, 2)
    model.register_buffer("table", torch.zeros(2**22 + 1))
    model.register_buffer("row", model.weight.data[0])
    ours = twin(model).module
    assert ours.table.data_ptr() == model.table.data_ptr()
    assert ours.row.data_ptr() == model.weight.data_ptr()


def test_buffers_that_are_large_together_are_shared_but_for_the_smallest() -> None:
    model = nn.Module()
    for number in range(4):
        model.register_buffer(f"cache{number}", torch.zeros(2**20 * (4 - number)))
    ours = twin(model).module
    shared = [ours.get_buffer(name).data_ptr() == given.data_ptr() for name, given in model.named_buffers()]
    assert shared == [True, True, False, False]  # 16, 12, 8 and 4 MB


class Gated(nn.Module):
    """Squeeze-and-excitation: what looks at the first layer writes the gate, and `forward` reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(6, 6), nn.Linear(6, 3)
        self.register_buffer("gate", torch.zeros(1, 6))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x) * self.gate)


def _closing_over(model: nn.Module) -> None:
    gate = model.gate

    def write(_module: nn.Module, _args: Any, output: Tensor) -> None:
        gate.copy_(output.detach().sigmoid())

    model.body.register_forward_hook(write)


def _among_the_names(model: nn.Module) -> None:
    """As in a notebook, where cells leave their names."""
    names = {"gate": model.gate, "body": model.body}
    exec("def hook(module, args, output):\n    gate.copy_(output.detach().sigmoid())", names)
    model.body.register_forward_hook(names["hook"])


def _in_a_dict(model: nn.Module) -> None:
    held = {"gate": model.gate[:, :6]}

    def write(_module: nn.Module, _args: Any, output: Tensor) -> None:
        held["gate"].copy_(output.detach().sigmoid())

    model.body.register_forward_hook(write)


def _with_an_argument(model: nn.Module) -> None:
    def write(gate: Tensor, _module: nn.Module, _args: Any, output: Tensor) -> None:
        gate.copy_(output.detach().sigmoid())

    model.body.register_forward_hook(functools.partial(write, model.gate))


def _by_a_helper(model: nn.Module) -> None:
    class Helper:
        def __init__(self) -> None:
            self.held = {"model": [model]}
            model.body.register_forward_hook(lambda _module, _args, output: self.write(output))

        def write(self, output: Tensor) -> None:
            self.held["model"][0].gate.copy_(output.detach().sigmoid())

    Helper()


def _among_what_a_notebook_keeps(model: nn.Module) -> None:
    names = {"STATE": {"gate": model.gate}}
    exec("def hook(module, args):\n    STATE['gate'].copy_((args[0] @ module.weight.T).detach().sigmoid())", names)
    model.body.register_forward_pre_hook(names["hook"])


@pytest.mark.parametrize(
    "hooked",
    [_closing_over, _among_the_names, _in_a_dict, _with_an_argument, _by_a_helper, _among_what_a_notebook_keeps],
)
def test_a_buffer_that_a_hook_writes_is_the_one_that_the_copy_reads(hooked: Callable[[nn.Module], None]) -> None:
    model, x = seeded(Gated).eval(), torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    hooked(model)
    found = explain(model, x, "gradient", target=1)
    leaf = x.clone().requires_grad_()
    score = model(leaf)[0, 1]
    score.backward()
    assert found.score == pytest.approx(float(score))
    np.testing.assert_allclose(found.values.reshape(1, 6), leaf.grad, rtol=1e-5)


class Spectrum(nn.Module):
    """Writes a buffer and reads it through its conjugate, which shows the same storage."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 3)
        self.register_buffer("waves", torch.zeros(1, 6, dtype=torch.cfloat))
        self.turned, self.minus = self.waves.conj(), self.waves.conj().imag

    def forward(self, x: Tensor) -> Tensor:
        self.waves.copy_(torch.fft.fft(x.detach()))
        return self.head((self.waves * self.turned).real + self.minus + x)


class Newest(nn.LSTM):
    """A module that is deep-copied, with a view of its buffer."""

    def __init__(self) -> None:
        super().__init__(6, 3, batch_first=True)
        self.register_buffer("cache", torch.zeros(2, 6))
        self.newest = self.cache[0]

    def forward(self, x: Tensor) -> Tensor:
        self.cache[0] = x.detach().mean((0, 1) if x.ndim == 3 else 0)
        return super().forward((x + self.newest)[:, None])[0][:, 0]


@pytest.mark.parametrize("make", [Spectrum, Newest])
def test_what_shows_a_buffer_in_another_way_shows_that_of_the_copy(make: Callable[[], nn.Module]) -> None:
    model, x = seeded(make).eval(), torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    found = explain(model, x, "gradient", target=1)
    assert not any(buffer.any() for buffer in model.buffers())
    assert found.warnings == ()
    assert found.score == pytest.approx(float(model(x)[0, 1]))


def test_buffers_of_modules_in_a_plain_list_stay_as_they_were() -> None:
    class Blocks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.blocks = nn.Linear(3, 2), {"all": [Counts(), Counts()]}

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x) + sum(block(x) for block in self.blocks["all"])

    model, x = seeded(Blocks).eval(), torch.ones(1, 3)
    before = [snapshot(block) for block in model.blocks["all"]]
    found = explain(model, x, "gradient", target=1)
    assert [differences(was, snapshot(now)) for was, now in zip(before, model.blocks["all"], strict=True)] == [[], []]
    assert found.score == pytest.approx(float(model(x)[0, 1]))


def test_a_nested_buffer_is_shared() -> None:
    model = nn.Linear(2, 2)
    model.register_buffer("parts", torch.nested.nested_tensor([torch.zeros(2), torch.ones(3)]))
    assert twin(model).copied


def test_grads_are_not_copied_and_not_touched() -> None:
    model = seeded(Plain)
    model(picture()).sum().backward()
    grads = [parameter.grad for parameter in model.parameters()]
    ours = twin(model)
    assert all(parameter.grad is None for parameter in ours.module.parameters())
    assert all(p.grad is g for p, g in zip(model.parameters(), grads, strict=True))


def test_the_users_own_hooks_that_compute_are_kept() -> None:
    model = seeded(Plain).eval()
    model.conv2.register_forward_hook(lambda _module, _args, output: output * 3)
    torch.testing.assert_close(twin(model).module(picture()), model(picture()))


def test_a_function_that_closes_over_a_module_is_found() -> None:
    ours = twin(seeded(Closure))
    assert not ours.copied
    assert "closes over a module (Sequential)" in ours.reason
    assert ours.module is ours.original


@pytest.mark.parametrize("where", ["closure", "default", "keyword", "partial", "forward"])
def test_wherever_a_function_holds_a_module(where: str) -> None:
    hidden = nn.BatchNorm2d(3)

    def keyword(x: Tensor, *, part: nn.Module = hidden) -> Tensor:
        return part(x)

    class InForward(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return hidden(x)

    model = InForward() if where == "forward" else nn.Module()
    made = {
        "closure": lambda x: hidden(x),
        "default": lambda x, part=hidden: part(x),
        "keyword": keyword,
        "partial": functools.partial(hidden),
    }
    if where in made:
        model.first = made[where]
    ours = twin(model)
    assert not ours.copied
    assert "BatchNorm2d" in ours.reason
    assert hidden in ours.roots


def test_what_cannot_be_copied_says_why() -> None:
    ours = twin(seeded(Locked))
    assert not ours.copied
    assert "could not be copied (TypeError: cannot pickle '_thread.lock' object)" in ours.reason


@pytest.mark.parametrize("make", [Closure, Locked])
@pytest.mark.parametrize("how", ["passes", "raises"])
def test_in_place_the_modes_are_ours_for_one_pass(make: type[nn.Module], how: str) -> None:
    model = seeded(make).train()
    model.conv1.eval()  # a mixture, as with frozen layers
    before = snapshot(model)
    ours = twin(model)
    try:
        with ours.ready(inplace=False) as module:
            assert module is model
            for part in parts(model):
                assert not part.training
                assert not getattr(part, "inplace", False)
                assert len(part._forward_pre_hooks) == 1
            if how == "raises":
                raise KeyError
    except KeyError:
        pass
    assert differences(before, snapshot(model)) == []


def test_in_place_one_run_at_a_time_whichever_session() -> None:
    model = seeded(Locked)
    first, second = twin(model), twin(model)
    inside, order = threading.Event(), []

    def other() -> None:
        inside.set()
        with second.ready(inplace=False):
            order.append("second")

    thread = threading.Thread(target=other)
    with first.ready(inplace=False):
        thread.start()
        assert inside.wait(60)
        thread.join(0.05)  # it must not get in
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]


def test_wrappers_are_taken_off() -> None:
    model = seeded(Plain)
    assert unwrap(nn.DataParallel(torch.compile(model, backend="eager"))) is model
    assert twin(torch.compile(model, backend="eager")).original is model


def test_the_stop_flag_is_handed_on() -> None:
    stop = Stop()
    assert twin(seeded(Plain), stop).stop is stop


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_fingerprints_are_equal_until_something_changes(dtype: torch.dtype) -> None:
    model = seeded(Normed).to(dtype)
    first = fingerprint(model)
    assert fingerprint(model) == first
    model.conv1.weight.data[0, 0, 0, 0] += 1
    assert fingerprint(model) != first


def test_fingerprints_see_every_column_of_a_matrix() -> None:
    model = nn.Linear(6, 8)
    first = fingerprint(model)
    model.weight.data[:, 1] = 0
    assert fingerprint(model) != first


def test_fingerprints_touch_nothing() -> None:
    model = seeded(Normed).to(memory_format=torch.channels_last)
    before = snapshot(model)
    with torch.inference_mode():
        inside = fingerprint(model)
    assert fingerprint(model) == inside
    assert differences(before, snapshot(model)) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(()),
        lambda: torch.zeros(0, 3),
        lambda: torch.zeros(1, 4).expand(3, 4),
        lambda: torch.zeros(6, 8)[::2, ::3],
        lambda: torch.zeros(100, 100)[:, ::2],
        lambda: torch.zeros(5000, dtype=torch.complex64).conj(),
        lambda: torch.zeros(3, dtype=torch.int64),
        lambda: torch.zeros(3, dtype=torch.bool),
        lambda: torch.zeros(3, dtype=torch.complex64),
        lambda: torch.zeros(3, 3).to_sparse(),
        lambda: torch.zeros(3, device="meta"),
    ],
    ids=[
        "0-d",
        "empty",
        "expanded",
        "strided",
        "large strided",
        "large conjugate",
        "integers",
        "booleans",
        "complex",
        "sparse",
        "meta",
    ],
)
def test_odd_tensors_have_a_fingerprint(make: Callable[[], Tensor]) -> None:
    model = nn.Module()
    model.register_buffer("odd", make())
    first = fingerprint(model)
    assert fingerprint(model) == first
    model.odd = make()
    assert fingerprint(model) != first


@pytest.mark.parametrize("size", [9, 2047, 2049, 5001])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int8, torch.complex128], ids=str)
def test_a_change_of_any_place_is_seen_behind_the_version_counter(size: int, dtype: torch.dtype) -> None:
    model: Any = nn.Module()
    model.register_buffer("values", torch.ones(size + 3, dtype=dtype)[1:-2])  # eight bytes begin within a value or two
    for place in [*range(9), size // 3, *range(size - 9, size)]:
        before = fingerprint(model)
        model.values.numpy()[place] += 1
        assert fingerprint(model) != before, place


def test_a_row_that_is_written_past_the_version_is_seen_in_any_order_of_memory() -> None:
    for model in (nn.Linear(64, 300), nn.Conv2d(16, 40, 3).to(memory_format=torch.channels_last)):
        for row in range(0, 40, 3):
            before = fingerprint(model)
            model.weight.data[row] *= 1.5
            assert fingerprint(model) != before, row


def test_a_large_network_is_summed_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.fingerprint._MOST_SUMMED", 4 * 64 * 64)
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 65))
    for number, seen in enumerate((True, False)):  # the smallest; of the other a few values are looked at
        before = fingerprint(model)
        model[number].weight.data[0, 1] += 1
        assert (fingerprint(model) != before) == seen


class Elsewhere(nn.Module):
    """Weights that its tree knows nothing of."""

    def __init__(self) -> None:
        super().__init__()
        self.heads, self.table = [nn.Linear(3, 2), nn.BatchNorm1d(2).eval()], {"scale": [nn.Parameter(torch.ones(2))]}
        self.offset = torch.zeros(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.heads[1](self.heads[0](x)) * self.table["scale"][0] + self.offset


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.heads[0].weight.data.mul_(2),
        lambda model: model.heads[1].running_mean.add_(1),
        lambda model: model.table["scale"][0].data.mul_(2),
        lambda model: model.offset.add_(1),
        lambda model: model.heads.__setitem__(0, nn.Linear(3, 2)),
        lambda model: model.register_full_backward_hook(lambda *_: None),
    ],
    ids=["weight", "buffer", "parameter", "attribute", "module", "hook"],
)
def test_changes_beyond_the_tree_are_noticed(change: Callable[[Any], Any]) -> None:
    model: Any = seeded(Elsewhere).eval()
    ours = twin(model)
    model(torch.ones(1, 3))
    assert not ours.changed()
    change(model)
    assert ours.changed()


@pytest.mark.parametrize("held", ["closure", "default", "attribute"])
def test_a_tensor_that_a_function_holds_is_looked_at(held: str) -> None:
    offset, model = torch.zeros(2), nn.Sequential(nn.Linear(3, 2)).eval()
    if held == "closure":
        model[0].register_forward_hook(lambda _module, _args, out: out + offset)
    elif held == "default":
        model.register_forward_pre_hook(lambda _module, args, by=offset: (args[0] + by.sum(),))
    else:
        model.scale = lambda x: x * offset
    subject = Subject(model, torch.ones(1, 3))
    subject.scores()
    assert not subject.refresh()
    offset += 1
    assert subject.refresh()
    assert torch.equal(subject.scores(), model(torch.ones(1, 3)))
    assert not subject.refresh()


class Gate(nn.Module):
    """Keeps what the user sets within its bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(3, 2)
        self.register_buffer("gate", torch.full((3,), 2.0))
        self.register_forward_hook(lambda *_: None)  # its buffers are shared then

    def forward(self, x: Tensor) -> Tensor:
        self.gate.clamp_(0, 1)
        return self.last(x * self.gate)


def test_what_a_pass_has_written_once_is_still_seen_to_change() -> None:
    model, x = seeded(Gate).eval(), torch.ones(1, 3)
    subject = Subject(model, x)
    for place in range(3):
        subject.scores()
        list(ask(subject, "gradient", target=0))
        assert not subject.refresh()  # what our own pass has written is no change
        model.gate.zero_()
        model.gate[place] = 3.0
        assert subject.refresh()
        assert torch.equal(subject.scores(), seeded(Gate).last(x * nn.functional.one_hot(torch.tensor(place), 3)))


class Fitted(nn.Module):
    """Trains itself, and calls that what torch calls its switch."""

    def __init__(self) -> None:
        super().__init__()
        self.drop, self.last = nn.Dropout(0.9), nn.Linear(30, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(x))


class Trains(Fitted):
    def train(self, rows: Any, epochs: int) -> None:  # type: ignore[override]
        raise AssertionError("it is not to be trained")


class TrainsByDefault(Fitted):
    def train(self, epochs: int = 3) -> None:  # type: ignore[override]
        raise AssertionError("it is not to be trained")


class Measures(Fitted):
    def eval(self, rows: Any = None) -> float:  # type: ignore[override]
        raise AssertionError("it is not to be measured")


@pytest.mark.parametrize("kind", [Trains, TrainsByDefault, Measures])
@pytest.mark.parametrize("inner", [False, True])
def test_methods_that_are_called_like_the_switches_of_torch_are_left_alone(kind: type[nn.Module], inner: bool) -> None:
    own = seeded(kind)
    model, x = nn.Sequential(own, nn.Dropout(0.9)) if inner else own, torch.ones(1, 30)
    found = explain(model, x, "gradient", target=1)
    assert found.score == pytest.approx(float(own.last(x)[0, 1]))
    assert own.training
    assert own.drop.training


def test_a_module_that_stays_in_training_on_purpose_does() -> None:
    class Stays(nn.BatchNorm1d):
        def train(self, mode: bool = True) -> Any:
            return super().train(True)

    model, x = nn.Sequential(Stays(3, track_running_stats=False), nn.Dropout(0.9)).train(), torch.randn(1, 3, 5)
    found = explain(model, x, "gradient", target=lambda scores: scores.flatten(1)[:, 4])
    assert found.score == pytest.approx(float(model[0](x)[0, 0, 4]))


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_buffers_are_copied_to_what_takes_gradients_in_any_mode_of_the_caller(mode: Any) -> None:
    model, x = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)).eval(), torch.ones(1, 3)
    with mode():
        found = explain(model, x, "gradient", target=1)
    wanted = torch.autograd.grad(model(x.requires_grad_())[0, 1], x)[0]
    np.testing.assert_allclose(found.values, wanted[0].numpy(), rtol=1e-6)


def test_a_plain_tensor_that_a_pass_of_the_user_replaces_is_no_change() -> None:
    class Shows(nn.Linear):
        last = torch.zeros(0)

        def forward(self, x: Tensor) -> Tensor:
            self.last = super().forward(x)
            return self.last

    model = Shows(3, 2)
    model(torch.ones(1, 3))
    ours = twin(model)
    model(torch.ones(1, 3))
    gc.collect()
    assert not ours.changed()


def test_a_change_of_any_of_eight_places_is_seen_behind_the_version_counter() -> None:
    model: Any = nn.Module()
    model.register_buffer("values", torch.zeros(8))
    for place in range(8):
        before = fingerprint(model)
        model.values.numpy()[place] = 1  # a write that moves no version
        assert fingerprint(model) != before
    assert np.array_equal(model.values.numpy(), np.ones(8))
