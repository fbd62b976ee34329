"""One worker for the process: one waiting place per pane, the newest question wins.

A callback never computes: it leaves a job at its place and returns. The worker takes quick jobs first, gives long ones
a step between them, and ends when it has been idle for a while, since a live thread that has run torch slows the
user's own passes.
"""

from __future__ import annotations

import atexit
import contextvars
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import partial

from nbexplain.core.explanation import Explanation
from nbexplain.core.hooks import Cancelled, Stop
from nbexplain.core.memory import options

_YOUNG = 0.25  # seconds a stale job may always run: cancelling on every change would starve a dragged slider
_RECENT = 0.5  # seconds within which a picture must have appeared for an older stale job to be cancelled
_PICTURE_EVERY = 0.1  # seconds between two pictures of a long job (hosts limit message rates)
_LINGER = 1.0  # seconds that an idle worker waits before it ends
_AT_EXIT = 5.0  # seconds that the interpreter waits for a pass when it ends


@dataclass(eq=False)
class Job:
    """One question of one pane.

    Attributes
    ----------
    owner, place
        The session, and the waiting place within the process: a new job for a place replaces the old one.
    work
        Makes the iterator of better and better explanations; called in the worker.
    flag
        The flag of the twin that will run, read by its hooks.
    quick
        Whether it goes before the long ones.
    show
        Called with each picture worth showing, and whether it is the answer.
    fail
        Called with what the work or `show` raised; None when it was stopped.
    """

    owner: Hashable
    place: Hashable
    work: Callable[[], Iterator[Explanation]]
    flag: Stop
    quick: bool
    show: Callable[[Explanation, bool], None]
    fail: Callable[[Exception | None], None]
    stop: threading.Event = field(default_factory=threading.Event)
    stale: bool = False
    started: float = 0.0
    pictured: float = 0.0
    _steps: Iterator[Explanation] | None = None

    def step(self) -> bool:
        """Compute up to the next picture and show it. True when there is nothing left to do."""
        now = time.monotonic()
        self.started = self.started or now
        self.flag.event = self.stop
        try:
            if self._steps is None:
                self._steps = self.work()
            if self.stop.is_set():
                raise Cancelled
            explanation = next(self._steps, None)
        except Cancelled:
            self._end()
            self.fail(None)
            return True
        except Exception as error:  # whatever a model raises is this question's answer
            self._end()
            self.fail(error)
            return True
        finally:
            self.flag.event = None
        now = time.monotonic()
        if explanation is None or explanation.progress >= 1:
            self._end()
            if explanation is not None:
                self._picture(explanation, now, answered=True)
            return True
        if now - self.pictured >= _PICTURE_EVERY:
            self._picture(explanation, now, answered=False)
        return False

    def _picture(self, explanation: Explanation, now: float, *, answered: bool) -> None:
        """Show a picture; what a pane raises is told as what the work raises is, and raised, since it is no answer."""
        self.pictured = now
        try:
            self.show(explanation, answered)
        except Exception as error:
            self._end()
            self.fail(error)
            raise

    def _end(self) -> None:
        """Close the generator, in the thread that ran it; its `finally` clauses run."""
        steps, self._steps = self._steps, None
        if steps is not None and hasattr(steps, "close"):
            steps.close()

    def abandon(self) -> None:
        """Give up a job that is not running at the moment."""
        self._end()
        self.fail(None)


class Runner:
    """The waiting places, the worker, and small chores to be done in the worker later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._serial = threading.RLock()  # one step at a time, in whichever thread
        self._waiting: OrderedDict[Hashable, Job] = OrderedDict()
        self._long: list[Job] = []
        self._running: Job | None = None
        self._chores: dict[Hashable, tuple[float, Hashable, Callable[[], None], bool]] = {}
        self._problem_listeners: list[tuple[Hashable, Callable[[Exception], None]]] = []
        self._thread: threading.Thread | None = None
        self._ending = False  # whether the worker ends as soon as there is nothing left to do
        self._chore_of: Hashable = None
        self._pictured = 0.0
        self._long_turn = False
        self._after_long = False  # whether a step of a long job was the last thing that was done

    # From any thread

    def submit(self, job: Job, *, now: bool = False) -> None:
        """Leave a job at its place. With `now`, or with `options.run == "sync"`, it is computed here and at once."""
        if now or options.run == "sync":
            self.stop(place=job.place)
            while not self._step(job):
                pass
            return
        with self._changed:
            self._waiting.pop(job.place, None)
            self._waiting[job.place] = job
            for old in self._started():
                if old.place == job.place:
                    old.stale = True
                    if self._may_cancel(old):
                        old.stop.set()
            self._wake()

    def stop(self, *, owner: Hashable = None, place: Hashable = None) -> None:
        """Drop what waits and cancel what runs for an owner, which is told, or for a place that asks no more."""
        with self._changed:
            for key, job in list(self._waiting.items()):
                if job.owner == owner or job.place == place:
                    del self._waiting[key]
                    if job.owner == owner:  # what ran before it at its place no longer tells, and its pane would wait
                        self.later((job, "stopped"), 0, partial(job.fail, None), owner=job.owner)
            for job in self._started():
                if job.owner == owner or job.place == place:
                    job.stop.set()
            self._changed.notify_all()

    def later(
        self, key: Hashable, delay: float, chore: Callable[[], None], *, owner: Hashable, idle: bool = False
    ) -> None:
        """Do something small in the worker, after `delay` seconds; a new chore under the same key replaces it.

        With `idle` it waits until no quick question does, and takes turns with the steps of long ones. With
        `options.run == "sync"` it is done here and at once.
        """
        if options.run == "sync":
            with self._serial:
                chore()
            return
        with self._changed:
            self._chores[key] = (time.monotonic() + delay, owner, chore, idle)
            self._wake()

    def drop(self, key: Hashable) -> bool:
        """Do a chore no more that has not been begun; whether there was one."""
        with self._changed:
            found = self._chores.pop(key, None) is not None
            self._changed.notify_all()
        return found

    def on_problem(self, owner: Hashable, listener: Callable[[Exception], None]) -> Callable[[], None]:
        """Call `listener` in the worker with what a pane of `owner` raised there. Returns what ends this."""
        entry = owner, listener
        self._problem_listeners.append(entry)
        return lambda: self._problem_listeners.remove(entry)

    def forget(self, owner: Hashable) -> None:
        """Stop everything of an owner that closes."""
        self.stop(owner=owner)
        with self._changed:
            self._chores = {k: c for k, c in self._chores.items() if c[1] != owner}
        self.let_end(owner=owner)

    def let_end(self, *, owner: Hashable = None, place: Hashable = None) -> None:
        """Wait a moment for a run that was stopped, so that it shows nothing any more where panes are closed now."""
        if threading.current_thread() is self._thread:
            return

        def ended() -> bool:
            job = self._running
            if job is not None:
                return job.owner != owner and job.place != place
            return owner is None or self._chore_of != owner

        with self._changed:
            self._changed.wait_for(ended, _LINGER)

    def end(self) -> None:
        """Stop everything and wait for the worker: an interpreter that ends beside a running pass aborts."""
        with self._changed:
            self._waiting.clear()
            self._chores.clear()
            for job in self._started():
                job.stop.set()
            self._ending = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_AT_EXIT)

    def wait(self, owner: Hashable, timeout: float | None = None) -> bool:
        """Wait until nothing waits or runs for `owner`, chores included; False if the time ran out first."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("wait() was called in the worker itself, which would never end")
        with self._changed:
            return self._changed.wait_for(lambda: not self.busy(owner), timeout)

    def settle(self, owner: Hashable, timeout: float) -> None:
        """Wait a moment for the quick answers of `owner`; what takes longer goes on without this."""
        if options.run == "sync" or threading.current_thread() is self._thread:
            return
        with self._changed:
            self._changed.wait_for(lambda: not self._quick(owner), timeout)

    def _quick(self, owner: Hashable) -> bool:
        running = [self._running] if self._running is not None else []
        return any(job.owner == owner and job.quick for job in (*self._waiting.values(), *running))

    def busy(self, owner: Hashable) -> bool:
        """Whether anything waits or runs for `owner`, small chores included."""
        if any(job.owner == owner for job in (*self._waiting.values(), *self._started())):
            return True
        return self._chore_of == owner or any(chore_of == owner for _, chore_of, *_ in self._chores.values())

    # In the worker

    def _wake(self) -> None:
        if self._thread is None:
            # in a copy of the caller's context: some kernels look up their parent message there
            run = contextvars.copy_context().run
            self._thread = threading.Thread(target=run, args=(self._loop,), name="nbexplain", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _loop(self) -> None:
        idle_since = time.monotonic()
        while True:
            with self._changed:
                chore, due = self._due_chore()
                if chore is None and self._after_long and not self._quick_waits():
                    chore, _ = self._due_chore(idle=True)
                self._after_long = False
                job = self._take() if chore is None else None
                if chore is None and job is None:
                    chore, due_idle = self._due_chore(idle=True)
                    due = min((at for at in (due, due_idle) if at is not None), default=None)
                if chore is None and job is None:
                    pause = (idle_since + _LINGER if due is None else due) - time.monotonic()
                    if due is None and (pause <= 0 or self._ending):
                        self._thread = None
                        return
                    self._changed.wait(max(pause, 0))
                    continue
            done = True
            try:
                if chore is not None:
                    with self._serial:
                        chore()
                elif job is not None:
                    done = self._step(job)
            except Exception as error:  # from a pane, not from a model: the worker must outlive it
                self._tell(error, self._chore_of if job is None else job.owner)
            finally:
                with self._changed:
                    self._running = self._chore_of = None
                    self._after_long = job is not None and not job.quick
                    if job is not None and not done:
                        self._long.append(job)
                    self._changed.notify_all()
            idle_since = time.monotonic()

    def _tell(self, error: Exception, owner: Hashable) -> None:
        """What a pane raised: a person must see it, where tracebacks go and on its page."""
        told: list[BaseException] = [error]
        with self._serial:
            for of, listener in list(self._problem_listeners):
                if of == owner:
                    try:
                        listener(error)
                    except Exception as another:  # from a page that is closing, say
                        told.append(another)
        for one in told:
            args = type(one), one, one.__traceback__, threading.current_thread()
            threading.excepthook(threading.ExceptHookArgs(args))

    def _take(self) -> Job | None:
        """The next job: quick ones that wait, but after each of them a step for a long one."""
        quick = next((job for job in self._waiting.values() if job.quick), None)
        if quick is None or (self._long and self._long_turn):
            new = next((job for job in self._waiting.values() if not job.quick), None)
            job = new if new is not None and not self._has_long(new.place) else None
            if job is None and self._long:
                self._long_turn = False
                self._running = self._long.pop(0)
                return self._running
            if job is None:
                job = quick
        else:
            job = quick
        if job is not None:
            self._long_turn = True
            del self._waiting[job.place]
            self._running = job
        return job

    def _quick_waits(self) -> bool:
        return any(job.quick for job in self._waiting.values())

    def _has_long(self, place: Hashable) -> bool:
        return any(job.place == place for job in self._long)

    def _step(self, job: Job) -> bool:
        with self._serial:
            before = job.pictured
            done = job.step()
            if done or job.pictured != before:
                self._pictured = time.monotonic()
            if not done and job.stale and self._may_cancel(job):
                job.abandon()
                return True
        return done

    def _may_cancel(self, job: Job) -> bool:
        now = time.monotonic()
        return now - job.started > _YOUNG and now - self._pictured < _RECENT

    def _due_chore(self, *, idle: bool = False) -> tuple[Callable[[], None] | None, float | None]:
        """The next chore if its time has come, else that time; those for an idle worker apart."""
        keys = [key for key, chore in self._chores.items() if chore[3] == idle]
        if not keys:
            return None, None
        key = min(keys, key=lambda k: self._chores[k][0])
        due, owner, chore, _ = self._chores[key]
        if due > time.monotonic():
            return None, due
        del self._chores[key]
        self._chore_of = owner
        return chore, None

    def _started(self) -> list[Job]:
        return self._long if self._running is None else [*self._long, self._running]


runner = Runner()
atexit.register(runner.end)
