"""The same cell run again closes what it made before; nothing else does."""

from __future__ import annotations

import gc
import weakref

import pytest

from nbexplain.widgets import cells


class Thing:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Notebook:
    """Says which cell runs, and for which time."""

    def __init__(self) -> None:
        self.current = ("", "")
        self.runs = 0

    def run(self, cell: str) -> None:
        self.runs += 1
        self.current = (cell, f"run {self.runs}")

    def make(self) -> Thing:
        cells.close_earlier()
        thing = Thing()
        cells.remember(thing)
        return thing


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    notebook = Notebook()
    monkeypatch.setattr(cells, "_current", lambda: notebook.current)
    monkeypatch.setattr(cells, "_made", {})
    return notebook


def test_running_a_cell_again_closes_what_it_made(notebook):
    notebook.run("a")
    first, second = notebook.make(), notebook.make()
    assert (first.closed, second.closed) == (0, 0)
    notebook.run("a")
    third = notebook.make()
    assert (first.closed, second.closed, third.closed) == (1, 1, 0)
    notebook.make()
    assert (first.closed, second.closed, third.closed) == (1, 1, 0)


def test_other_cells_keep_theirs(notebook):
    notebook.run("a")
    first = notebook.make()
    notebook.run("b")
    second = notebook.make()
    notebook.run("a")
    notebook.make()
    assert (first.closed, second.closed) == (1, 0)


def test_outside_a_notebook_nothing_is_closed(notebook):
    first = notebook.make()
    notebook.make()
    assert first.closed == 0
    assert cells._made == {}


def test_nothing_is_kept_alive(notebook):
    notebook.run("a")
    gone = weakref.ref(notebook.make())
    gc.collect()
    assert gone() is None
    notebook.run("a")
    notebook.make()


def test_the_kernel_says_which_cell_runs(monkeypatch: pytest.MonkeyPatch):
    import IPython.core.getipython

    class Kernel:
        def get_parent(self, channel: str) -> dict:
            assert channel == "shell"
            return {"metadata": {"cellId": "cell-7"}, "header": {"msg_id": "abc"}}

    class Shell:
        kernel = Kernel()

    monkeypatch.setattr(IPython.core.getipython, "get_ipython", lambda: Shell())
    assert cells._current() == ("cell-7", "abc")
    monkeypatch.setattr(IPython.core.getipython, "get_ipython", lambda: None)
    assert cells._current() == ("", "")
