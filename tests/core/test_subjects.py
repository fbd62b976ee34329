"""Thousands of inputs: what is read, what is kept, and that what was let go comes back the same."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from nbexplain import Session, Subject, explain, options
from nbexplain.core import subjects as module
from nbexplain.core.ask import ask
from nbexplain.core.hooks import Cancelled
from nbexplain.core.memory import STORE
from nbexplain.core.question import Question
from nbexplain.core.subjects import Subjects
from nbexplain.inputs import Array, as_input
from nbexplain.inputs.source import Source
from tests.networks import CLASSES, Plain, picture, seeded

LONG = 60.0


class Counted(Dataset[Any]):
    """Pictures of one colour and a class; remembers which were read."""

    def __init__(self, count: int = 10_000, noise: float = 0) -> None:
        self.count, self.noise, self.read = count, noise, []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        self.read.append(number)
        x = picture(seed=number)[0]
        return x + self.noise * len(self.read), number % CLASSES


def subjects_of(given: Any, preprocess: Any = None) -> Subjects:
    model = seeded(Plain)
    return Subjects(Source(given), lambda x: as_input(x, preprocess), lambda taken: Subject(model, taken))


# What is read


def test_a_session_reads_the_first_input_alone() -> None:
    data = Counted()
    session = Session(seeded(Plain), data)
    assert (set(data.read), len(session.inputs)) == ({0}, 10_000)
    session.select(input=7777)
    assert session.wait(LONG)
    assert set(data.read) <= {0, 7777}
    session.close()


def test_of_a_folder_only_the_first_file_is_opened(tmp_path: Path) -> None:
    PIL.Image.new("RGB", (12, 12), (255, 0, 0)).save(tmp_path / "a.png")
    for name in ("b.png", "c.png"):
        (tmp_path / name).write_bytes(b"no image")
    session = Session(seeded(Plain), tmp_path)
    assert len(session.inputs) == 3
    assert session.inputs[0].tensor[0, :, 0, 0].tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match="input 2: UnidentifiedImageError: cannot identify image file"):
        session.inputs[2]
    told: list[Any] = []
    session.place(lambda _place, answer: told.append(answer), method="gradient", target=0)
    session.select(input=1)
    assert session.wait(LONG)
    assert "input 1: UnidentifiedImageError" in str(told[-1].error)
    session.select(input=0)
    assert session.wait(LONG)
    assert told[-1].state == "done"
    session.close()


def test_preprocess_runs_once_for_each_image_as_long_as_its_tensor_is_kept() -> None:
    made: list[Any] = []

    def preprocess(image: PIL.Image.Image) -> Tensor:
        made.append(image)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255

    images = [PIL.Image.new("RGB", (12, 12), (number, 0, 0)) for number in range(50)]
    subjects = subjects_of(images, preprocess)
    for _ in range(3):
        for number in range(50):
            assert subjects.input(number).tensor[0, 0, 0, 0] == pytest.approx(number / 255)
            assert subjects[number].input.tensor.shape == (1, 3, 12, 12)
    assert made == images


def test_all_inputs_are_read_once() -> None:
    data = Counted(300)
    session = Session(seeded(Plain), data)
    data.read.clear()
    session.place(lambda *_: None, method="class_scores")
    assert session.wait(LONG)
    assert sorted(data.read) == list(range(1, 300))
    session.close()


# What is kept


@pytest.mark.parametrize(("key", "most"), [("gradient", 1), ("class_scores", 1000)])
def test_a_first_answer_reads_no_more_inputs_than_it_is_about(key: str, most: int) -> None:
    data = Counted()
    steps = ask(subjects_of(data), key, target=1 if key == "gradient" else None)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert len(set(data.read)) <= most


def test_few_subjects_and_a_share_of_the_budget_are_kept() -> None:
    options.memory_budget = 4 * 2**20  # a share of a megabyte
    data = Counted()
    subjects = subjects_of(data)
    one = 3 * 12 * 12 * 4
    held = [weakref.ref(subjects[number]) for number in range(100)]
    gc.collect()
    assert sum(ref() is not None for ref in held) == module._LIVE
    assert STORE.bytes <= 2**20
    for number in range(2000):
        subjects.input(number)
    assert one * 300 < STORE.bytes <= 2**20
    subjects.close()
    assert STORE.bytes == 0


def test_large_inputs_are_not_held_by_their_subjects() -> None:
    images = [np.zeros((256, 256, 3), np.uint8) for _ in range(20)]  # as tensors 786 kB each
    options.memory_budget = 8 * 2**20
    subjects = subjects_of(images)
    for number in range(20):
        subjects[number]
    assert 1 <= len(subjects.live()) <= 2


def test_what_the_user_keeps_is_not_kept_twice() -> None:
    given = [Array(torch.rand(1, 7)) for _ in range(5)]
    subjects = subjects_of(given)
    assert [subjects.input(number) is x for number, x in enumerate(given)] == [True] * 5
    assert STORE.bytes == 0


MEASURE = """\
import gc, sys
import numpy as np, PIL.Image, psutil, torch
from torch import nn
import nbexplain as nx

net = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
def images(count):
    return [PIL.Image.fromarray(np.full((64, 64, 3), n % 256, np.uint8)) for n in range(count)]
nx.Session(net, images(10)).close()  # what torch takes at its first pass
few, many = images(10), images(3000)
gc.collect()
process = psutil.Process()
def taken(given):
    before = process.memory_info().rss
    session = nx.Session(net, given)
    held = process.memory_info().rss - before
    session.select(input=len(given) - 1)
    session.wait(30)
    return session, held
first, small = taken(few)
second, large = taken(many)
print((large - small) / (len(many) - len(few)))
"""


def test_an_input_that_waits_costs_no_more_than_itself() -> None:
    """As a 64×64 image it has 12 kB, as a tensor 49 kB; a subject takes more than that."""
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 4096


# What was let go comes back


@pytest.fixture
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two subjects are kept, and no input at all."""
    monkeypatch.setattr(module, "_LIVE", 2)
    monkeypatch.setattr(module, "_SHARE", 10**9)


@pytest.mark.usefixtures("_narrow")
@pytest.mark.parametrize("method", ["grad_cam", "gradient", "occlusion", "activation"])
def test_the_numbers_are_those_of_one_input_alone(method: str) -> None:
    model, data = seeded(Plain), Counted(20)
    session = Session(model, data)
    told: list[Any] = []
    about = {"params": {"window": 4, "stride": 2}} if method == "occlusion" else {}
    session.place(lambda _place, answer: told.append(answer), method=method, **about)
    for number in (0, 5, 9, 13, 0, 19, 5):
        session.select(input=number, target=2)
        assert session.wait(LONG)
        question = told[-1].question
        right = explain(
            model,
            picture(seed=number),
            method,
            **({"target": 2} if question.target is not None else {}),
            **({"layer": question.layer} if question.layer else {}),
            **({"channel": question.channel} if question.channel is not None else {}),
            **about.get("params", {}),
        )
        np.testing.assert_allclose(told[-1].explanation.values, right.values, rtol=1e-5, atol=1e-6)
        session.answers.clear()
    assert data.read.count(5) == 2  # it was let go, and read again
    session.close()


@pytest.mark.usefixtures("_narrow")
def test_changed_weights_reach_what_was_let_go() -> None:
    model = seeded(Plain)
    session = Session(model, [picture(seed=seed) for seed in range(8)])
    told: list[Any] = []
    session.place(lambda _place, answer: told.append(answer), method="gradient", target=1)
    for number in range(8):
        session.select(input=number)
        assert session.wait(LONG)
    model.head = seeded(lambda: nn.Linear(8, CLASSES), 5)  # which no twin made before shares
    for number in (6, 0, 3):
        session.select(input=number)
        assert session.wait(LONG)
        right = explain(model, picture(seed=number), "gradient", target=1)
        np.testing.assert_allclose(told[-1].explanation.values, right.values, rtol=1e-5, atol=1e-6)
    assert session.facts.weights == 1
    session.close()


@pytest.mark.usefixtures("_narrow")
def test_others_take_the_place_of_what_was_let_go_and_come_after_it() -> None:
    model, data = seeded(Plain), Counted(20)
    session = Session(model, data)
    told: list[Any] = []
    session.place(lambda _place, answer: told.append(answer), method="gradient", target=1)
    session.replace(11, picture(seed=500))
    assert session.add(picture(seed=600)) == 20
    for number, seed in ((11, 500), (20, 600), (3, 3), (4, 4), (11, 500), (20, 600)):
        session.select(input=number)
        assert session.wait(LONG)
        right = explain(model, picture(seed=seed), "gradient", target=1)
        np.testing.assert_allclose(told[-1].explanation.values, right.values, rtol=1e-5, atol=1e-6)
        session.answers.clear()
    scores: list[Any] = []
    session.place(lambda _place, answer: scores.append(answer), method="class_scores")
    assert session.wait(LONG)
    x = torch.cat([picture(seed={11: 500, 20: 600}.get(n, n)) for n in range(21)])
    np.testing.assert_allclose(scores[-1].explanation.values, model.eval()(x).detach(), rtol=1e-4, atol=1e-5)
    session.close()


@pytest.mark.usefixtures("_narrow")
def test_an_input_that_comes_back_as_another_one_says_so() -> None:
    session = Session(seeded(Plain), Counted(20, noise=0.01))
    told: list[Any] = []
    session.place(lambda _place, answer: told.append(answer), method="gradient", target=1)
    for number in (1, 2, 3, 4, 1):
        session.select(input=number)
        assert session.wait(LONG)
        session.answers.clear()
        another = any("another one each time it is read" in words for words in told[-1].explanation.warnings)
        assert another == (number == 1 and len(told) > 4)
    session.close()


def test_a_random_input_stays_the_same_while_it_is_kept() -> None:
    data = Counted(20, noise=0.01)
    session = Session(seeded(Plain), data)
    session.place(lambda *_: None, method="gradient", target=1)
    first = session.inputs[1].tensor
    for number in range(20):
        session.select(input=number)
        assert session.wait(LONG)
    assert session.inputs[1].tensor is first
    assert sorted(data.read) == list(range(20))
    session.close()


def test_a_wrong_one_says_which_it_is_when_it_is_looked_at() -> None:
    def preprocess(image: PIL.Image.Image) -> Tensor:
        if image.width == 13:
            raise KeyError("thirteen")
        return torch.zeros(3, 12, 12)

    images = [PIL.Image.new("RGB", (width, 12)) for width in (12, 12, 13)]
    session = Session(seeded(Plain), images, preprocess=preprocess)
    with pytest.raises(ValueError, match=r"input 2: preprocess: it raised KeyError \('thirteen'\)"):
        session.inputs[2]
    with pytest.raises(ValueError, match="preprocess: it raised KeyError"):
        session.add(images[2])
    assert len(session.inputs) == 3
    session.close()


def test_a_replaced_input_ends_an_answer_about_all_that_has_begun() -> None:
    session = Session(seeded(Plain), [picture(seed=seed) for seed in range(40)])
    known = session._known
    steps = known.explained(Question(input=None, method="class_scores"))
    assert next(steps).progress < 1
    session.replace(39, picture(seed=500))
    assert session.wait(LONG)
    with pytest.raises(Cancelled):  # the rest would be of other inputs than those that were there when it was asked
        next(steps)
    session.close()


def test_explain_takes_what_a_session_takes(tmp_path: Path) -> None:
    model = seeded(Plain)
    data = Counted(11)
    right = model.eval()(torch.cat([picture(seed=n) for n in range(11)])).detach()
    np.testing.assert_allclose(explain(model, data, "class_scores").values, right, rtol=1e-4, atol=1e-5)
    assert sorted(set(data.read)) == list(range(11))
    for name, shade in (("b", 255), ("a", 0)):
        PIL.Image.new("RGB", (12, 12), (shade,) * 3).save(tmp_path / f"{name}.png")
    right = model(torch.stack([torch.zeros(3, 12, 12), torch.ones(3, 12, 12)])).detach()
    np.testing.assert_allclose(explain(model, str(tmp_path), "class_scores").values, right, rtol=1e-4, atol=1e-5)


def test_inputs_of_many_sizes_are_held_a_few_at_a_time() -> None:
    class Sizes(Counted):
        def __getitem__(self, number: int) -> tuple[Tensor, int]:
            self.read.append(number)
            return picture(12 + 2 * (number % 50), seed=number)[0], 0

    model, data = seeded(Plain), Sizes(200)
    found = explain(model, data, "class_scores").values
    right = torch.cat([model.eval()(picture(12 + 2 * (n % 50), seed=n)) for n in range(200)]).detach()
    np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5)


def test_subjects_are_a_sequence() -> None:
    subjects = subjects_of([picture(seed=seed) for seed in range(4)])
    assert len(subjects) == 4
    assert subjects[-1].input.tensor.equal(picture(seed=3))
    assert [one.input.tensor.sum() for one in subjects[1:3]] == [picture(seed=n).sum() for n in (1, 2)]
    assert len(list(subjects)) == len(list(subjects.inputs)) == 4
    for wrong in (4, -5):
        with pytest.raises(IndexError, match=f"input: expected 0 to 3, got {wrong}"):
            subjects[wrong]


def test_modules_run_on_lazily_read_inputs_leave_the_model_alone() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    explain(model, Counted(9), "class_scores")
    assert model.training
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
