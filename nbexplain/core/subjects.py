"""Subjects: one for each of any number of inputs, made when it is asked for; few are kept."""

from __future__ import annotations

import threading
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, overload

import torch
from torch import Tensor

from nbexplain.core.memory import STORE, options
from nbexplain.core.subject import Subject
from nbexplain.inputs import Array, Image
from nbexplain.inputs.source import Source

_LIVE = 32  # subjects that are kept, so that going back to an input costs no pass
_SHARE = 4  # inputs that were read may take a quarter of the memory budget, so that they never drive out all the passes
_CHANGED = "the input is another one each time it is read, as with a random transform: answers may be of different ones"


class Subjects(Sequence[Subject]):
    """A subject for each input of a source.

    What stays of an input that nobody looks at is what the user gave. Its tensor is kept as long as the memory budget
    allows; an input that must be made once more and comes out differently says so in its `notes`.

    Parameters
    ----------
    source
        What the user gave.
    wrap
        What the user gave → an input.
    make
        An input → a subject.
    """

    def __init__(self, source: Source, wrap: Callable[[Any], Array], make: Callable[[Array], Subject]) -> None:
        self.source = source
        self.inputs: Sequence[Array] = Inputs(self)
        self._wrap, self._make = wrap, make
        self._live: OrderedDict[int, Subject] = OrderedDict()
        self._kept: OrderedDict[int, int] = OrderedDict()  # bytes of the inputs that were handed to the store
        self._kept_bytes = 0
        self._prints: dict[int, int] = {}
        self._key = object()
        self._lock = threading.RLock()
        weakref.finalize(self, STORE.drop_owner, self._key)

    def __len__(self) -> int:
        return len(self.source)

    @overload
    def __getitem__(self, number: int) -> Subject: ...
    @overload
    def __getitem__(self, number: slice) -> list[Subject]: ...
    def __getitem__(self, number: int | slice) -> Subject | list[Subject]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        number = _in_range(number, len(self))
        with self._lock:
            subject = self._live.get(number)
            if subject is None:
                subject = self._live[number] = self._make(self.input(number))
            self._live.move_to_end(number)
            self._let_go()
            return subject

    def live(self) -> list[Subject]:
        """Those that are kept."""
        with self._lock:
            return list(self._live.values())

    def input(self, number: int) -> Array:
        """One input, without a subject.

        Raises
        ------
        TypeError, ValueError
            If it cannot be taken, naming its number.
        """
        with self._lock:
            if number in self._live:
                return self._live[number].input
            taken: Array | None = STORE.get((self._key, number))
            if taken is None:
                return self._read(number)
            self._kept.move_to_end(number)
            return taken

    def add(self, x: Any, taken: Array) -> int:
        """One more input, with what was made of it; returns its number."""
        with self._lock:
            number = self.source.add(x)
            self._keep(number, x, taken)
            return number

    def replace(self, number: int, x: Any, taken: Array) -> None:
        """Another input in the place of one."""
        with self._lock:
            self.source.replace(number, x)
            if (old := self._live.pop(number, None)) is not None:
                old.close()
            self._prints.pop(number, None)
            self._keep(number, x, taken)

    def close(self) -> None:
        """Give back what is kept."""
        self.forget()

    def forget(self) -> None:
        """Make every input anew when it is asked for next: another part of it is explained."""
        with self._lock:
            self._prints.clear()
            for subject in self._live.values():
                subject.close()
            self._live.clear()
            self._kept.clear()
            self._kept_bytes = 0
            STORE.drop_owner(self._key)

    def _read(self, number: int) -> Array:
        try:
            x = self.source[number]
            taken = self._wrap(x)
        except Exception as error:  # a data set's and a transform's own
            if len(self) == 1:
                raise
            kind = type(error) if type(error) in (TypeError, ValueError) else ValueError
            name = "" if kind is type(error) else f"{type(error).__name__}: "
            raise kind(f"input {number}: {name}{error}") from error
        self._keep(number, x, taken)
        return taken

    def _keep(self, number: int, x: Any, taken: Array) -> None:
        """Hand an input to the store; the least recently read ones make room for it."""
        if taken is x and not self.source.lazy:
            return  # the user keeps it
        if self.source.lazy or not (isinstance(x, Tensor) and x.data_ptr() == taken.tensor.data_ptr()):
            seen = _fingerprint(taken.tensor)
            if self._prints.setdefault(number, seen) != seen:
                taken.notes = (*taken.notes, _CHANGED)
        size = _bytes(taken)
        STORE.put((self._key, number), taken, size)
        self._kept_bytes += size - self._kept.pop(number, 0)
        self._kept[number] = size
        while len(self._kept) > 1 and self._kept_bytes > options.memory_budget // _SHARE:
            oldest, freed = self._kept.popitem(last=False)
            self._kept_bytes -= freed
            STORE.drop((self._key, oldest))

    def _let_go(self) -> None:
        """Of the subjects, and of the inputs that they hold, no more than a few."""
        held = sum(_bytes(subject.input) for subject in self._live.values())
        while len(self._live) > 1 and (len(self._live) > _LIVE or held > options.memory_budget // _SHARE):
            held -= _bytes(self._live.popitem(last=False)[1].input)


class Inputs(Sequence[Array]):
    """The inputs, each made when it is asked for."""

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = weakref.proxy(subjects)

    def __len__(self) -> int:
        return len(self._subjects)

    @overload
    def __getitem__(self, number: int) -> Array: ...
    @overload
    def __getitem__(self, number: slice) -> list[Array]: ...
    def __getitem__(self, number: int | slice) -> Array | list[Array]:
        if isinstance(number, slice):
            return [self._subjects.input(one) for one in range(*number.indices(len(self)))]
        found: Array = self._subjects.input(_in_range(number, len(self)))
        return found


def inputs_of(subjects: Sequence[Subject]) -> Callable[[int], Array]:
    """Number → input, without making subjects that need not be."""
    if isinstance(subjects, Subjects):
        return subjects.input
    return lambda number: subjects[number].input


def _in_range(number: int, count: int) -> int:
    if not -count <= number < count:
        raise IndexError(f"input: expected 0 to {count - 1}, got {number}")
    return number % count


def _bytes(taken: Array) -> int:
    """About what an input takes: its tensors, and of a picture also what is drawn."""
    tensor = taken.tensor
    size = tensor.numel() * tensor.element_size()
    if isinstance(taken, Image):
        size += 4 * tensor.shape[-1] * tensor.shape[-2]
    return size + (taken.parts.nbytes if taken.parts is not None else 0)


def _fingerprint(tensor: Tensor) -> int:
    """A number that is another one for other values."""
    with torch.inference_mode(False), torch.no_grad():
        plain = (torch.view_as_real(tensor) if tensor.is_complex() else tensor).cpu().contiguous()
        return zlib.crc32(plain.view(torch.uint8).numpy().data)
