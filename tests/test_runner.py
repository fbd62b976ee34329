"""The worker: whose turn it is, what is dropped, what is cancelled, and that it outlives everything."""

from __future__ import annotations

import contextvars
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbexplain import Explanation, options
from nbexplain import runner as runner_module
from nbexplain.core.hooks import Cancelled, Stop
from nbexplain.runner import Job, Runner

LONG = 20.0  # seconds that nothing here should ever take
FOREVER = 1e9


def picture(progress: float = 1.0, value: float = 0.0) -> Explanation:
    return Explanation(values=np.array([value]), axes=("feature",), progress=progress)


class Log:
    """What a runner did, in order; waits for it without sleeping."""

    def __init__(self) -> None:
        self.runner = Runner()
        self.events: list[tuple[str, Any]] = []
        self.flag = Stop()

    def job(
        self,
        name: str,
        work: Callable[[Job], Iterator[Explanation]] | None = None,
        *,
        place: str = "",
        owner: str = "session",
        quick: bool = True,
        show: Callable[[Explanation, bool], None] | None = None,
    ) -> Job:
        def shown(explanation: Explanation, answered: bool) -> None:
            self.events.append((name, "answer" if answered else explanation.progress))

        def failed(error: Exception | None) -> None:
            self.events.append((name, "stopped" if error is None else repr(error)))

        def begin() -> Iterator[Explanation]:
            if work is None:
                yield picture()
            else:
                yield from work(job)

        job = Job(
            owner=owner,
            place=place or name,
            work=begin,
            flag=self.flag,
            quick=quick,
            show=show or shown,
            fail=failed,
        )
        return job

    def ask(self, *args: Any, now: bool = False, **named: Any) -> Job:
        job = self.job(*args, **named)
        self.runner.submit(job, now=now)
        return job

    def held(self) -> tuple[threading.Event, threading.Event]:
        """Keep the worker in a job; (it is there, let it go)."""
        there, go = threading.Event(), threading.Event()

        def work(_job: Job) -> Iterator[Explanation]:
            there.set()
            assert go.wait(LONG)
            yield picture()

        self.ask("held", work, owner="another session")
        assert there.wait(LONG)
        return there, go

    def finish(self) -> list[tuple[str, Any]]:
        for owner in ("session", "another session"):
            assert self.runner.wait(owner, LONG)
        return [event for event in self.events if event[0] != "held"]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setattr(runner_module, "_PICTURE_EVERY", 0.0)
    monkeypatch.setattr(runner_module, "_YOUNG", FOREVER)
    return Log()


def steps(count: int, between: Callable[[int], None] = lambda n: None) -> Callable[[Job], Iterator[Explanation]]:
    def work(_job: Job) -> Iterator[Explanation]:
        for n in range(1, count + 1):
            between(n)
            yield picture(n / count)

    return work


def test_the_newest_question_of_a_place_wins(log: Log) -> None:
    _, go = log.held()
    for name in ("first", "second", "third"):
        log.ask(name, place="pane")
    log.ask("other", place="another pane")
    go.set()
    assert log.finish() == [("third", "answer"), ("other", "answer")]


def test_quick_questions_are_answered_between_the_steps_of_a_long_one(log: Log) -> None:
    def between(n: int) -> None:
        if n == 2:
            for name in ("a", "b", "c"):
                log.ask(name)

    log.ask("long", steps(5, between), quick=False)
    assert log.finish() == [
        ("long", 0.2),
        ("long", 0.4),
        ("a", "answer"),
        ("long", 0.6),
        ("b", "answer"),
        ("long", 0.8),
        ("c", "answer"),
        ("long", "answer"),
    ]


def test_long_ones_take_turns(log: Log) -> None:
    _, go = log.held()
    log.ask("one", steps(3), quick=False)
    log.ask("two", steps(3), quick=False)
    go.set()
    events = log.finish()
    assert [e for e in events if e[0] == "one"] == [("one", 1 / 3), ("one", 2 / 3), ("one", "answer")]
    assert [e for e in events if e[0] == "two"] == [("two", 1 / 3), ("two", 2 / 3), ("two", "answer")]
    assert events.index(("two", 1 / 3)) < events.index(("one", "answer"))


def test_quick_questions_go_before_long_ones_that_wait(log: Log) -> None:
    _, go = log.held()
    log.ask("long", steps(2), quick=False)
    log.ask("quick")
    go.set()
    assert log.finish()[0] == ("quick", "answer")


def test_a_young_job_finishes_though_its_question_is_stale(log: Log) -> None:
    def between(n: int) -> None:
        if n == 2:
            log.ask("new", steps(2), place="pane", quick=False)

    log.ask("old", steps(4, between), place="pane", quick=False)
    assert log.finish() == [
        ("old", 0.25),
        ("old", 0.5),
        ("old", 0.75),
        ("old", "answer"),
        ("new", 0.5),
        ("new", "answer"),
    ]


def test_an_older_stale_job_is_cancelled(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_YOUNG", -1.0)
    monkeypatch.setattr(runner_module, "_RECENT", FOREVER)

    def between(n: int) -> None:
        if n == 2:
            log.ask("new", steps(2), place="pane", quick=False)
            log.flag.check()  # as a hook in the model does

    log.ask("old", steps(4, between), place="pane", quick=False)
    assert log.finish() == [("old", 0.25), ("old", "stopped"), ("new", 0.5), ("new", "answer")]


def test_an_older_stale_job_finishes_where_no_picture_has_appeared_lately(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a slow method under a dragged slider would show nothing otherwise
    monkeypatch.setattr(runner_module, "_YOUNG", -1.0)
    monkeypatch.setattr(runner_module, "_RECENT", -1.0)

    def between(n: int) -> None:
        if n == 2:
            log.ask("new", place="pane", quick=False)
            log.flag.check()

    log.ask("old", steps(3, between), place="pane", quick=False)
    assert log.finish() == [("old", 1 / 3), ("old", 2 / 3), ("old", "answer"), ("new", "answer")]


def test_stop_cancels_what_runs_and_drops_what_waits(log: Log) -> None:
    there, ended = threading.Event(), []

    def work(job: Job) -> Iterator[Explanation]:
        try:
            yield picture(0.5)
            there.set()
            assert job.stop.wait(LONG)
            log.flag.check()
            raise AssertionError("it should have been cancelled")
        finally:
            ended.append(threading.current_thread().name)

    log.ask("long", work, quick=False)
    assert there.wait(LONG)
    log.ask("waits")
    log.ask("not mine", owner="another session")
    log.runner.stop(owner="session")
    assert log.finish() == [("long", 0.5), ("long", "stopped"), ("waits", "stopped"), ("not mine", "answer")]
    assert ended == ["nbexplain"]  # closed by the thread that ran it
    log.ask("next")
    assert log.finish()[-1] == ("next", "answer")


def test_stop_of_one_place_leaves_the_others(log: Log) -> None:
    _, go = log.held()
    log.ask("mine", place="pane")
    log.ask("other", place="another pane")
    log.runner.stop(place="pane")
    go.set()
    assert log.finish() == [("other", "answer")]


def test_the_flag_is_raised_only_while_its_job_runs(log: Log) -> None:
    seen = []

    def work(job: Job) -> Iterator[Explanation]:
        seen.append(log.flag.event is job.stop)
        yield picture(0.5)
        seen.append(log.flag.event is job.stop)
        yield picture()

    log.ask("long", work, quick=False)
    log.finish()
    assert seen == [True, True]
    assert log.flag.event is None


def test_an_error_is_the_answer_and_the_next_question_works(log: Log) -> None:
    def work(_job: Job) -> Iterator[Explanation]:
        yield picture(0.5)
        raise ZeroDivisionError("boom")

    log.ask("bad", work, quick=False)
    log.ask("good")
    events = log.finish()
    assert [e for e in events if e[0] == "bad"] == [("bad", 0.5), ("bad", "ZeroDivisionError('boom')")]
    assert ("good", "answer") in events


@pytest.mark.parametrize("broken", ["show", "chore"])
def test_the_worker_outlives_a_pane_that_raises(log: Log, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: said.append(args.exc_value))

    def raises(*_: Any) -> None:
        raise KeyError("a pane")

    told: list[tuple[str, Exception]] = []
    for owner in ("session", "another session"):
        log.runner.on_problem(owner, lambda error, owner=owner: told.append((owner, error)))  # type: ignore[misc]
    if broken == "show":
        log.ask("bad", steps(2), quick=False, show=raises)
    else:
        done = threading.Event()
        log.runner.later("chore", 0, raises, owner="session")
        log.runner.later("mark", 0, done.set, owner="session")
        assert done.wait(LONG)
    log.finish()
    log.ask("good")
    # the question of a pane that cannot be drawn has failed, like one whose method raises
    assert log.finish() == [("bad", "KeyError('a pane')")] * (broken == "show") + [("good", "answer")]
    assert [repr(error) for error in said] == ["KeyError('a pane')"]  # nothing is swallowed
    assert told == [("session", said[0])]


def test_a_page_that_cannot_tell_of_a_problem_is_told_of_as_well(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: said.append(args.exc_value))

    def raises(problem: object = "a chore") -> None:
        raise KeyError(problem)

    end = log.runner.on_problem("session", raises)
    log.runner.later("chore", 0, raises, owner="session")
    log.finish()
    end()
    log.runner.later("chore", 0, raises, owner="session")
    log.finish()
    assert [repr(error) for error in said] == [
        "KeyError('a chore')",
        "KeyError(KeyError('a chore'))",
        "KeyError('a chore')",
    ]


@pytest.mark.parametrize("how", ["now", "sync"])
def test_now_and_sync_compute_in_place(log: Log, how: str) -> None:
    threads = []
    if how == "sync":
        options.run = "sync"
    log.ask("here", steps(2, lambda n: threads.append(threading.current_thread())), quick=False, now=how == "now")
    assert log.events == [("here", 0.5), ("here", "answer")]  # there is nothing to wait for
    assert threads == [threading.current_thread()] * 2


def test_wait(log: Log) -> None:
    _, go = log.held()
    log.ask("waits")
    assert log.runner.busy("session")
    assert not log.runner.wait("session", 0.01)
    assert log.runner.wait("nobody", 0.01)
    go.set()
    assert log.runner.wait("session", LONG)
    assert not log.runner.busy("session")


def test_wait_in_the_worker_is_refused(log: Log) -> None:
    caught: list[BaseException] = []

    def work(_job: Job) -> Iterator[Explanation]:
        try:
            log.runner.wait("session")
        except RuntimeError as error:
            caught.append(error)
        yield picture()

    log.ask("asks itself", work)
    log.finish()
    assert "never end" in str(caught[0])


def test_the_worker_ends_when_idle_and_starts_again(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_LINGER", 0.02)
    threads = []
    for _ in range(2):
        log.ask("job", steps(1, lambda n: threads.append(threading.current_thread())))
        log.finish()
        threads[-1].join(LONG)
        assert not threads[-1].is_alive()
    assert threads[0] is not threads[1]
    assert all(thread.daemon for thread in threads)


def test_chores(log: Log) -> None:
    _, go = log.held()
    done: list[tuple[str, str]] = []
    last = threading.Event()

    def note(what: str) -> Callable[[], None]:
        return lambda: done.append((what, threading.current_thread().name))

    log.runner.later("same key", 0, note("old"), owner="session")
    log.runner.later("same key", 0, note("new"), owner="session")
    log.runner.later("forgotten", 0, note("forgotten"), owner="gone")
    log.runner.forget("gone")
    log.runner.later("last", 0.02, last.set, owner="session")
    go.set()
    assert last.wait(LONG)
    assert done == [("new", "nbexplain")]


def test_pictures_appear_now_and_then_and_the_last_one_always(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_PICTURE_EVERY", FOREVER)
    log.ask("long", steps(6), quick=False)
    events = log.finish()
    assert events[-1] == ("long", "answer")
    assert len(events) <= 2  # the first one may appear as well


def test_a_chore_for_an_idle_worker_waits_for_quick_questions_and_takes_turns_with_long_ones(log: Log) -> None:
    _, go = log.held()
    left = [3]

    def chore() -> None:
        log.events.append(("chore", left[0]))
        left[0] -= 1
        if left[0]:
            log.runner.later("tiles", 0, chore, owner="session", idle=True)

    log.runner.later("tiles", 0, chore, owner="session", idle=True)
    log.ask("long", steps(3), quick=False)
    log.ask("one")
    log.ask("two")
    go.set()
    events = log.finish()
    names = [name for name, _ in events]
    assert names.count("chore") == 3
    assert names.index("chore") > max(names.index("one"), names.index("two"))
    longs = [at for at, name in enumerate(names) if name == "long"]
    assert names.index("chore") < longs[-1]  # it need not wait for the end of what takes long
    assert any(later - earlier > 1 for earlier, later in itertools.pairwise(longs))


def test_a_chore_for_an_idle_worker_goes_with_its_owner(log: Log) -> None:
    _, go = log.held()
    log.runner.later("tiles", 0, lambda: pytest.fail("it ran"), owner="session", idle=True)
    assert log.runner.busy("session")
    log.runner.forget("session")
    go.set()
    log.finish()


def test_the_worker_runs_in_the_callers_context(log: Log) -> None:
    parent = contextvars.ContextVar("parent", default="none")
    parent.set("a cell")
    seen = []
    log.ask("job", steps(1, lambda n: seen.append(parent.get())))
    log.finish()
    assert seen == ["a cell"]


def test_a_job_that_was_told_to_stop_before_it_began_does_nothing(log: Log) -> None:
    job = log.job("late", steps(1, lambda n: pytest.fail("it ran")))
    job.stop.set()
    log.runner.submit(job)
    assert log.finish() == [("late", "stopped")]


def test_cancelled_passes_through_a_models_own_except() -> None:
    flag = Stop()
    flag.event = threading.Event()
    flag.event.set()

    def model() -> None:
        try:
            flag.check()
        except Exception:
            pytest.fail("a model's own `except Exception` swallowed it")

    with pytest.raises(Cancelled):
        model()


def test_an_end_drops_what_waits_and_stops_what_runs(log: Log) -> None:
    begun = threading.Event()

    def endless(job: Job) -> Iterator[Explanation]:
        for _ in itertools.count():
            begun.set()
            if job.stop.is_set():
                raise Cancelled
            yield picture(0.5)

    log.ask("endless", endless, quick=False, show=lambda *_: None)
    assert begun.wait(LONG)
    log.runner.end()
    assert log.events == [("endless", "stopped")]
    assert log.runner._thread is None


def test_a_script_may_end_beside_a_running_pass(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np, torch\n"
        "from nbexplain import Tabular, TabularExplorer\n"
        "rows = np.random.default_rng(0).normal(size=(200, 3)).astype('float32')\n"
        "net = torch.nn.Sequential(torch.nn.Linear(3, 256), torch.nn.ReLU(), torch.nn.Linear(256, 2))\n"
        "TabularExplorer(net, Tabular(rows[0], background=rows))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
