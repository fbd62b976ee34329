"""Where the inputs come from: one, a list, a folder of images, a data set. Each is read when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.array import EXPECTED, Array, _one
from nbexplain.inputs.image_shapes import is_picture, is_pil
from nbexplain.inputs.raw import is_there, of_table, of_text
from nbexplain.inputs.table_same import refuse_other

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".avif"}
_INPUTS = ("image", "img", "picture", "pixel_values", "x", "input", "inputs", "data", "features")
_LABELS = ("label", "labels", "target", "targets", "y", "fine_label", "class")


class Source:
    """What the user gave as inputs, by number.

    Parameters
    ----------
    given
        One input; a list or another sequence of inputs; the path of a folder, whose images are taken sorted by name;
        or a data set with `__len__` and `__getitem__`, such as torch's: of its items (x, y) the x, of dicts the value
        of a usual key (`"image"`, `"pixel_values"` …). A data set's tensors have no batch axis; they get one.
    name
        What the argument is called, in errors.

    Attributes
    ----------
    origin
        What was given.
    lazy
        Whether its items are made or opened when they are asked for, so that each look at one costs something.
    data_set, folder
        Whether it is one.

    Raises
    ------
    TypeError, ValueError
        If these are no inputs; of a list, if one of them cannot be any.
    """

    def __init__(self, given: Any, name: str = "inputs") -> None:
        _refuse_streams(given, name)
        self.origin = given
        self.data_set = _is_data_set(given)
        self.folder = isinstance(given, (str, Path)) and is_there(given) and Path(given).is_dir()
        listed = isinstance(given, list)
        if listed and not all(isinstance(x, str) for x in given) and (said := of_table(given, name)):
            raise TypeError(f"{name}: {said}")
        self.lazy = self.data_set or self.folder or (several(given) and not listed)
        if self.folder:
            self._items: Any = _images_of(Path(given))
        elif self.lazy:
            self._items = given
        else:
            self._items = list(given) if listed else [given]
        self._count = len(self._items)
        if not self._count:
            raise ValueError(f"{name}: expected at least one input, got an empty {type(given).__name__}")
        self._others: dict[int, Any] = {}  # what was added, or put in the place of another
        self._labels: dict[int, int] = {}
        if listed and self._count > 1:
            for number, x in enumerate(self._items):
                _check(x, f"{name}[{number}]")
                refuse_other(self._items[0], x, f"{name}[{number}]")

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Any:
        """One input as it is handed in: read now, where it is a data set's."""
        if not 0 <= number < self._count:
            raise IndexError(f"input: expected 0 to {self._count - 1}, got {number}")
        if number in self._others:
            return self._others[number]
        item = self._items[number]
        if not self.data_set:
            return item
        x, label = _parted(item)
        if label is not None:
            self._labels[number] = label
        return x

    def label(self, number: int) -> int | None:
        """The class that the data set names, of an item that was read; else None."""
        return self._labels.get(number)

    def is_own(self, number: int) -> bool:
        """Whether it is still the item of what was given, and no other was put in its place."""
        return number not in self._others and number < len(self._items)

    @property
    def unchanged(self) -> bool:
        """Whether nothing was added or put in the place of another."""
        return not self._others

    def expression(self, number: int, name: str) -> str | None:
        """How code gets this input out of what was given, where that has a name; None where it cannot be said."""
        if not self.is_own(number):
            return None
        text = f"{name}[{number}]"
        if not self.data_set:
            return text
        item = self._items[number]
        if isinstance(item, Mapping):
            key = next((key for key in _INPUTS if key in item), None)
            if key is None or "input_ids" in item:
                return None
            item, text = item[key], f"{text}[{key!r}]"
        elif isinstance(item, (tuple, list)):
            item, text = item[0], f"{text}[0]"
        if isinstance(item, (tuple, list)):
            return None
        return f"{text}[None]" if isinstance(_batched(item), Tensor) else text

    def add(self, x: Any) -> int:
        """Put one more at the end; returns its number."""
        self._others[self._count] = x
        self._count += 1
        return self._count - 1

    def replace(self, number: int, x: Any) -> None:
        """Put another in the place of one."""
        self._others[number] = x
        self._labels.pop(number, None)


def several(given: Any) -> bool:
    """Whether this stands for any number of inputs: a list, a folder, a data set."""
    if isinstance(given, (str, Path)):
        return is_there(given) and Path(given).is_dir()
    return (isinstance(given, Sequence) and not isinstance(given, (bytes, tuple))) or _is_data_set(given)


def _refuse_streams(given: Any, name: str) -> None:
    kind = type(given)
    wanted = f"{name}: expected what has a length and numbers"
    take = "give a list of the first n: list(itertools.islice(inputs, n))"
    if isinstance(given, torch.utils.data.IterableDataset):
        raise TypeError(f"{wanted}, got the IterableDataset {kind.__name__}; {take}")
    if isinstance(given, torch.utils.data.DataLoader):
        raise TypeError(f"{wanted}, got a DataLoader of batches; give its data set: loader.dataset")
    if hasattr(kind, "__next__") and hasattr(kind, "__iter__"):
        raise TypeError(f"{wanted}, got {kind.__name__}; {take}")


def _is_data_set(given: Any) -> bool:
    """Whether it has a length and numbered items, and is neither an input itself nor a plain sequence."""
    if isinstance(given, torch.utils.data.Dataset):
        if not hasattr(given, "__len__"):
            raise TypeError(f"inputs: expected a data set with __len__, got {type(given).__name__}, which has none")
        return True
    if isinstance(given, (Array, Tensor, np.ndarray, Mapping, Sequence)) or of_table(given):
        return False
    kind = type(given)
    numbered = hasattr(kind, "__len__") and hasattr(kind, "__getitem__")
    return numbered and not any(hasattr(kind, name) for name in ("keys", "__array__", "iloc"))


def _images_of(folder: Path) -> list[Path]:
    """The image files of a folder, sorted by name; none is opened."""
    with os.scandir(folder) as entries:
        names = sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
    images = [folder / name for name, is_dir in names if not is_dir and Path(name).suffix.lower() in _SUFFIXES]
    if not images:
        folders = [name for name, is_dir in names if is_dir]
        more = f"; it holds the folders {', '.join(map(repr, folders[:5]))}: give one of them" if folders else ""
        raise ValueError(
            f"inputs: there are no images in the folder {str(folder)!r} ({len(names) - len(folders)} other files){more}"
        )
    return images


def _parted(item: Any) -> tuple[Any, int | None]:
    """The input of a data set's item, and its class where it has one."""
    if isinstance(item, Mapping):
        label = next((_class(item[key]) for key in _LABELS if key in item), None)
        key = next((key for key in _INPUTS if key in item), None)
        if key is not None and "input_ids" not in item:
            return _batched(item[key]), label
        tensors = {k: v for k, v in item.items() if k not in _LABELS and isinstance(v, (Tensor, np.ndarray, list))}
        if not tensors:
            raise TypeError(
                f"the data set's item is a dict of {', '.join(map(repr, item))}, none of which is known as an input "
                f"({', '.join(_INPUTS)}); give a list of inputs, or a data set whose items are (x, y)"
            )
        return {name: _batched(value) for name, value in tensors.items()}, label
    if isinstance(item, (tuple, list)) and item:
        return _batched(item[0]), _class(item[1]) if len(item) > 1 else None
    return _batched(item), None


def _class(label: Any) -> int | None:
    one = (isinstance(label, Tensor) and label.numel() == 1) or (isinstance(label, np.ndarray) and label.size == 1)
    label = label.item() if one else label
    return int(label) if isinstance(label, Integral) and not isinstance(label, bool) else None


def _batched(x: Any) -> Any:
    """A data set's tensors have no batch axis: a loader would put it in front."""
    if isinstance(x, (tuple, list)) and x and isinstance(x[0], (Tensor, np.ndarray)):
        return tuple(_batched(part) for part in x)
    if isinstance(x, list):
        x = torch.tensor(x)
    if isinstance(x, np.ndarray):
        if is_picture(x):
            return x
        x = torch.from_numpy(x)
    if isinstance(x, Tensor):
        return x[None]
    if isinstance(x, str) and not (is_there(x) and Path(x).is_file()):
        raise TypeError(
            f"the data set's item is the text {x[:40]!r}; give a list: [Text(text, tokenizer) for text in …]"
        )
    return x


def _check(x: Any, name: str) -> None:
    """Refuse what cannot be an input by its type or shape alone, without reading it."""
    try:
        if isinstance(x, (str, Path)):
            if not is_there(x):
                raise FileNotFoundError(of_text(str(x)))
            if Path(x).is_dir():
                raise ValueError(f"{str(x)!r} is a folder; give it alone, as inputs")
        elif isinstance(x, (Tensor, np.ndarray)):
            shape = tuple(x.shape)
            if 0 in shape or len(shape) > 3:
                _one(torch.empty(()).expand(shape))  # of this shape, and without its memory
        elif said := of_table(x, name):
            raise TypeError(said)
        elif not (isinstance(x, (Array, Mapping, tuple, list)) or is_pil(x)):
            raise TypeError(f"x: expected {EXPECTED}, got {type(x).__name__}")
    except (TypeError, ValueError, FileNotFoundError) as error:
        raise type(error)(f"{name}: {error}") from None
