"""The store of what is kept, and its budget."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nbexplain import options
from nbexplain.core import memory
from nbexplain.core.memory import Options, Store


@pytest.fixture
def store() -> Store:
    options.memory_budget = 100
    return Store()


def test_the_least_recently_used_goes_first(store: Store) -> None:
    for key in "abc":
        store.put(key, key.upper(), 30)
    assert store.get("a") == "A"
    store.put("d", "D", 30)
    assert [store.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    assert store.bytes == 90


def test_as_many_go_as_must(store: Store) -> None:
    for key in "abc":
        store.put(key, key, 30)
    store.put("d", "d", 65)
    assert [store.get(key) for key in "abcd"] == [None, None, "c", "d"]


def test_replacing_counts_once(store: Store) -> None:
    for _ in range(5):
        store.put("a", 1, 60)
    assert store.bytes == 60


def test_what_is_larger_than_the_budget_is_not_kept_and_drives_nothing_out(store: Store) -> None:
    store.put("a", 1, 60)
    store.put("b", 2, 101)
    assert (store.get("a"), store.get("b"), store.bytes) == (1, None, 60)
    store.put("a", 3, 101)  # an old value under this key would be a wrong one
    assert (store.get("a"), store.bytes) == (None, 0)


def test_a_smaller_budget_holds_from_the_next_entry_on(store: Store) -> None:
    for key in "abc":
        store.put(key, key, 30)
    options.memory_budget = 50
    store.put("d", "d", 10)
    assert store.bytes <= 50
    assert store.get("d") == "d"


def test_an_owner_is_dropped_with_all_that_is_its_own(store: Store) -> None:
    mine, other = object(), object()
    store.put((mine, "a"), 1, 10)
    store.put((mine, "b"), 2, 10)
    store.put((other, "a"), 3, 10)
    store.put("plain", 4, 10)
    store.drop_owner(mine)
    store.drop("unknown")
    assert (store.get((mine, "a")), store.get((other, "a")), store.get("plain"), store.bytes) == (None, 3, 4, 20)


def test_what_holds_a_part_is_dropped_wherever_it_stands_in_the_key(store: Store) -> None:
    mine, other = object(), object()
    for number, key in enumerate([(mine, "a"), (mine, ("x", "a", 1)), (mine, ("x", ("y", "a"))), (mine, "b")]):
        store.put(key, number, 10)
    store.put((other, "a"), 4, 10)
    store.drop_holding(mine, "a")
    assert (store.get((mine, "b")), store.get((other, "a")), store.bytes) == (3, 4, 20)


def test_several_threads_keep_the_count_right(store: Store) -> None:
    def work(name: int) -> None:
        for n in range(500):
            store.put((name, n % 7), n, n % 23)
            store.get((name, (n + 1) % 7))
            if n % 50 == 0:
                store.drop_owner(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.bytes == sum(nbytes for _, nbytes in store._entries.values())
    assert 0 <= store.bytes <= 100


def test_the_default_is_a_quarter_of_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_free_memory", lambda: 400 * 2**20)
    assert Options().memory_budget == 100 * 2**20
    monkeypatch.setattr(memory, "_free_memory", lambda: 64 * 2**30)
    assert Options().memory_budget == 512 * 2**20


MB = 2**20
UNLIMITED = 9223372036854771712  # what version 1 says


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8,000 MB free and no cgroup yet."""
    monkeypatch.setattr(memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "cgroup")
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(f"MemTotal: 9000000 kB\nMemAvailable: {8000 * 1024} kB\n")
    return tmp_path


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"memory.{name}").write_text(f"{content}\n")


def member(machine: Path, *lines: str) -> None:
    (machine / "proc" / "self" / "cgroup").write_text("\n".join(lines) + "\n")


def version_2(folder: Path, limit: object, current: int, cached: int = 0) -> None:
    write(folder, max=limit, current=current, stat=f"anon 1\nfile 2\ninactive_file {cached}")


def version_1(folder: Path, limit: int, usage: int, cached: int = 0) -> None:
    stat = f"cache 5\ninactive_file 7\ntotal_inactive_file {cached}"
    write(folder, limit_in_bytes=limit, usage_in_bytes=usage, stat=stat)


def test_free_memory_of_a_machine_without_cgroups(machine: Path) -> None:
    assert memory._free_memory() == 8000 * MB
    (machine / "proc" / "meminfo").unlink()
    assert Options().memory_budget == 512 * MB


def test_free_memory_in_a_container_of_version_2(machine: Path) -> None:
    member(machine, "0::/")
    version_2(machine / "cgroup", 1000 * MB, 300 * MB, cached=50 * MB)
    assert memory._free_memory() == 750 * MB
    version_2(machine / "cgroup", "max", 300 * MB)
    assert memory._free_memory() == 8000 * MB


def test_the_tightest_of_nested_groups_counts(machine: Path) -> None:
    member(machine, "0::/user.slice/session")
    version_2(machine / "cgroup" / "user.slice", 2000 * MB, 1900 * MB)
    version_2(machine / "cgroup" / "user.slice" / "session", 1000 * MB, 300 * MB)
    assert memory._free_memory() == 100 * MB
    version_2(machine / "cgroup" / "user.slice", 2000 * MB, 1000 * MB)
    assert memory._free_memory() == 700 * MB


def test_free_memory_in_groups_of_version_1(machine: Path) -> None:
    member(machine, "5:devices:/", "4:hugetlb,memory:/jobs/1", "0::/")
    version_1(machine / "cgroup" / "memory", UNLIMITED, 20)
    version_1(machine / "cgroup" / "memory" / "jobs", 600 * MB, 400 * MB, cached=30 * MB)
    version_1(machine / "cgroup" / "memory" / "jobs" / "1", UNLIMITED, 400 * MB)
    assert memory._free_memory() == 230 * MB


def test_a_container_that_is_told_the_path_on_its_host(machine: Path) -> None:
    member(machine, "4:memory:/kubepods/pod7/container8")
    version_1(machine / "cgroup" / "memory", 1000 * MB, 350 * MB)
    assert memory._free_memory() == 650 * MB


def test_a_group_that_is_over_its_limit_has_nothing_left(machine: Path) -> None:
    member(machine, "0::/")
    version_2(machine / "cgroup", 100 * MB, 120 * MB)
    assert memory._free_memory() == 0
    assert Options().memory_budget == 0
