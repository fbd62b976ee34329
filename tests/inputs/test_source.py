"""What may be given as inputs, and how much of it is read."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from nbexplain.inputs import Array
from nbexplain.inputs.source import Source, several


class Counted(Dataset[Any]):
    """Items made by a function; remembers which were read."""

    def __init__(self, make: Any, count: int = 1000) -> None:
        self.make, self.count, self.read = make, count, []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Any:
        self.read.append(number)
        return self.make(number)


def test_one_input_is_a_source_of_one() -> None:
    x = torch.rand(1, 3, 4, 4)
    for given in (x, (x, x), {"x": x}, np.zeros((4, 4, 3), np.uint8), Array(x), PIL.Image.new("RGB", (2, 2))):
        source = Source(given)
        assert (len(source), source[0] is given, source.lazy) == (1, True, False)
        assert not several(given)


def test_a_list_is_copied_and_any_other_sequence_is_read_by_number() -> None:
    given = [torch.rand(1, 2, 3), torch.rand(1, 2, 3)]
    source = Source(given)
    given.append(torch.rand(1, 2, 3))
    assert (len(source), source.lazy) == (2, False)
    source = Source(deque(given))
    assert (len(source), source[2] is given[2], source.lazy) == (3, True, True)
    assert several(deque(given))


def test_a_folder_is_its_images_sorted_by_name_and_none_is_opened(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", ".hidden.png", "notes.txt", "c.webp"):
        (tmp_path / name).write_bytes(b"never looked into")
    (tmp_path / "more.png").mkdir()
    source = Source(str(tmp_path))
    assert [source[number].name for number in range(len(source))] == ["a.jpg", "b.PNG", "c.webp"]
    assert source.folder
    assert source.lazy


def test_a_folder_without_images_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "dogs").mkdir()
    with pytest.raises(ValueError, match=r"inputs: there are no images in the folder .*'cats', 'dogs': give one of"):
        Source(tmp_path)


def test_a_data_set_is_read_item_by_item() -> None:
    data = Counted(lambda number: (torch.full((3, 4, 4), number), number % 7))
    source = Source(data)
    assert (len(source), source.lazy, data.read) == (1000, True, [])
    assert source[12].shape == (1, 3, 4, 4)  # a loader would put the batch axis in front
    assert source[12].max() == 12
    assert (source.label(12), source.label(13), set(data.read)) == (5, None, {12})


@pytest.mark.parametrize(
    ("item", "shape", "label"),
    [
        (torch.rand(1, 28, 28), (1, 1, 28, 28), None),  # a grey image of one channel, no signal
        ((torch.rand(3, 4, 4),), (1, 3, 4, 4), None),
        ((torch.rand(3, 4, 4), torch.tensor(2)), (1, 3, 4, 4), 2),
        ((torch.rand(3, 4, 4), np.int64(2)), (1, 3, 4, 4), 2),
        ([torch.rand(3, 4, 4), np.array([2])], (1, 3, 4, 4), 2),
        ((torch.rand(3, 4, 4), 0.5), (1, 3, 4, 4), None),
        ((torch.rand(3, 4, 4), True), (1, 3, 4, 4), None),
        ((torch.rand(3, 4, 4), {"boxes": torch.rand(2, 4)}), (1, 3, 4, 4), None),
        ((torch.rand(5), 1), (1, 5), 1),
        ((np.zeros((3, 8, 9), np.float32), 1), (1, 3, 8, 9), 1),
        ({"pixel_values": torch.rand(3, 4, 4), "labels": 3}, (1, 3, 4, 4), 3),
        ({"image": torch.rand(3, 4, 4), "mask": torch.rand(4, 4), "label": 3}, (1, 3, 4, 4), 3),
    ],
)
def test_items_of_data_sets(item: Any, shape: tuple[int, ...], label: int | None) -> None:
    source = Source(Counted(lambda _: item))
    assert (tuple(source[0].shape), source.label(0)) == (shape, label)


def test_what_is_no_tensor_stays_as_it_is() -> None:
    image, text = PIL.Image.new("RGB", (4, 3)), Array(torch.rand(1, 2))
    pixels = np.zeros((4, 3, 3), np.uint8)
    source = Source(Counted(lambda number: [(image, 1), (pixels, 1), (text, 1)][number]))
    assert (source[0] is image, source[1] is pixels, source[2] is text) == (True, True, True)


def test_items_of_several_tensors() -> None:
    item = {"input_ids": [4, 5, 6], "attention_mask": torch.ones(3), "labels": 1, "id": "x7"}
    x = Source(Counted(lambda _: item))[0]
    assert {name: tuple(part.shape) for name, part in x.items()} == {"input_ids": (1, 3), "attention_mask": (1, 3)}
    x = Source(Counted(lambda _: ((torch.rand(3), torch.rand(4, 2)), 1)))[0]
    assert [tuple(part.shape) for part in x] == [(1, 3), (1, 4, 2)]


def test_items_that_are_no_inputs_say_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"the data set's item is a dict of 'name', 'id', none of which is known"):
        Source(Counted(lambda _: {"name": "a", "id": 3}))[0]
    with pytest.raises(TypeError, match=r"is the text 'so it goes'; give a list: \[Text\(text, tokenizer\)"):
        Source(Counted(lambda _: ("so it goes", 1)))[0]


def test_torchs_own_data_sets() -> None:
    tensors = TensorDataset(torch.rand(5, 3, 4, 4), torch.arange(5))
    assert Source(Subset(tensors, [3, 1]))[0].equal(tensors[3][0][None])
    assert Source(tensors)[4].shape == (1, 3, 4, 4)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter([torch.rand(3, 4, 4)])


@pytest.mark.parametrize("given", [Stream(), iter([1]), (x for x in "ab"), itertools.count()])
def test_streams_are_refused_with_the_way_out(given: Any) -> None:
    with pytest.raises(TypeError, match=r"inputs: expected what has a length and numbers, got .*; give a list of the"):
        Source(given)


def test_loaders_are_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"a DataLoader of batches; give its data set: loader\.dataset"):
        Source(DataLoader(TensorDataset(torch.rand(5, 3))))


@pytest.mark.parametrize("given", [[], deque(), TensorDataset(torch.rand(0, 3))])
def test_nothing_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=f"inputs: expected at least one input, got an empty {type(given).__name__}"):
        Source(given)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (object(), TypeError, r"inputs\[1\]: x: expected an image, a tensor .* got object"),
        (torch.rand(2, 3, 4, 4), ValueError, r"inputs\[1\]: x: expected one input, got a batch of 2"),
        (torch.rand(1, 0), ValueError, r"inputs\[1\]: x: expected an input with values in it, got shape \(1, 0\)"),
        ("no such file.png", FileNotFoundError, r"inputs\[1\]: there is no file 'no such file\.png'"),
        (str(Path(__file__).parent), ValueError, r"inputs\[1\]: .* is a folder; give it alone, as inputs"),
    ],
)
def test_a_wrong_one_in_a_list_is_named_at_once(wrong: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Source([torch.rand(1, 3, 4, 4), wrong])


def test_others_are_added_and_put_in_the_place_of_one() -> None:
    data = Counted(lambda number: (torch.full((3, 4, 4), number), 1))
    source = Source(data)
    source[5]
    other = torch.rand(1, 3, 4, 4)
    source.replace(5, other)
    assert source.add(other) == 1000
    assert (source[5] is other, source[1000] is other, len(source), data.read) == (True, True, 1001, [5])
    assert (source.label(5), source.is_own(5), source.is_own(6), source.unchanged) == (None, False, True, False)
    with pytest.raises(IndexError, match="input: expected 0 to 1000, got 1001"):
        source[1001]


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ((torch.rand(3, 4, 4), 1), "data[7][0][None]"),
        (torch.rand(3, 4, 4), "data[7][None]"),
        ((PIL.Image.new("L", (2, 2)), 1), "data[7][0]"),
        ({"image": torch.rand(3, 4, 4)}, "data[7]['image'][None]"),
        ({"input_ids": [1, 2]}, None),
    ],
)
def test_the_expression_gives_the_input(item: Any, text: str | None) -> None:
    data = Counted(lambda _: item)
    source = Source(data)
    assert source.expression(7, "data") == text
    if text is not None:
        made = eval(text, {"data": data})
        assert made.equal(source[7]) if isinstance(made, torch.Tensor) else made is source[7]
