"""The store of what is kept, and its budget."""

from __future__ import annotations

import threading

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
