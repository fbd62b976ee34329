"""What may be kept: the options of the process and one least-recently-used store for passes and answers."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_LARGEST_DEFAULT = 512 * 2**20


def _free_memory() -> int:
    """Bytes that this process may still take: the machine's, or what one of its cgroups has left where that is less."""
    free = 4 * _LARGEST_DEFAULT
    try:
        for line in (_PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux: the default's upper bound decides
    return max(min([free, *_left_in_cgroups()]), 0)


def _left_in_cgroups() -> Iterator[int]:
    """What the cgroup of this process and those above it have left, where they have a limit; of version 1 or 2."""
    try:
        memberships = (_PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        if not controllers:
            folder, names = _CGROUPS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            folder = _CGROUPS / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        for part in ("", *path.strip("/").split("/")):  # in a container the path is often the host's: only "" is there
            folder /= part
            yield from _left_in(folder, *names)


def _left_in(folder: Path, limit: str, taken: str, cached: str) -> Iterator[int]:
    """The limit of one cgroup less what is taken; files that are only cached do not count: the kernel gives them up."""
    try:
        most = (folder / limit).read_text().strip()
        if most != "max":
            lines = (folder / "memory.stat").read_text().splitlines()
            files = next((int(line.split()[1]) for line in lines if line.split()[0] == cached), 0)
            yield int(most) - int((folder / taken).read_text()) + files
    except OSError:
        return  # no such cgroup here, or one without a limit on memory


def _where_to_run() -> Literal["background", "sync"]:
    return "sync" if "google.colab" in sys.modules else "background"  # Colab shows nothing that another thread draws


@dataclass
class Options:
    """Settings of the process.

    Attributes
    ----------
    memory_budget
        Bytes that kept passes and answers of all sessions may take together, and that one chunk of inputs may take.
        The copy of a model's convolutions that batches run through takes up to a quarter of it besides.
    run
        `"background"` computes in a worker thread; `"sync"` computes where the question is asked (scripts, Colab).
    """

    memory_budget: int = field(default_factory=lambda: min(_free_memory() // 4, _LARGEST_DEFAULT))
    run: Literal["background", "sync"] = field(default_factory=_where_to_run)


options = Options()


class Store:
    """A least-recently-used store under `options.memory_budget`; safe from several threads."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._owned: dict[Hashable, set[Hashable]] = {}  # the keys of each owner: there may be thousands of owners
        self._lock = threading.RLock()  # an evicted value's finalizer may come back here
        self.bytes = 0

    def get(self, key: Hashable) -> Any | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: Hashable, value: Any, nbytes: int) -> None:
        """Keep `value`; older entries go first. A value larger than the whole budget is not kept."""
        with self._lock:
            self.drop(key)
            if nbytes > options.memory_budget:
                return
            self._entries[key] = (value, nbytes)
            self._owned.setdefault(_owner(key), set()).add(key)
            self.bytes += nbytes
            while self._entries and self.bytes > options.memory_budget:
                self.drop(next(iter(self._entries)))

    def drop(self, key: Hashable) -> None:
        with self._lock:
            entry = self._entries.pop(key, None)
            if entry is None:
                return
            self.bytes -= entry[1]
            keys = self._owned[_owner(key)]
            keys.discard(key)
            if not keys:
                del self._owned[_owner(key)]

    def drop_owner(self, owner: object) -> None:
        """Drop every entry whose key is a tuple that begins with `owner`."""
        with self._lock:
            for key in list(self._owned.get(owner, ())):
                self.drop(key)

    def drop_holding(self, owner: object, part: Hashable) -> None:
        """Drop those of an owner's entries of whose keys `part` is a part."""
        with self._lock:
            for key in [key for key in self._owned.get(owner, ()) if _holds(key, part)]:
                self.drop(key)


def _holds(key: Hashable, part: Hashable) -> bool:
    return part == key or (isinstance(key, tuple) and any(_holds(one, part) for one in key))


def _owner(key: Hashable) -> Hashable:
    return key[0] if isinstance(key, tuple) and key else None


STORE = Store()
