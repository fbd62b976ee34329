"""Price: how many passes an answer takes, and for how long, told before its first picture."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.predictor import Predictor
from nbexplain.core.question import Passes, Price
from nbexplain.core.registry import Method
from nbexplain.core.subject import Subject
from nbexplain.inputs import Tabular

_LONG = 0.05  # seconds: passes that take so long together tell what each costs
_WAIT = 0.5  # seconds that what is tried may take, unless two passes take longer
_LITTLE = 0.7  # of the time of each, where a call takes nearly as long for twice as many
_LONG_WAIT = 60  # seconds: before such a wait is told, what it is told by is timed once more
_MORE = 8  # times as many are tried next
_MANY = 10  # passes of which one more may be timed
_PART = 50  # so small a part of the passes of a network may be such that are tried
_MOST = 4096  # rows of a batch that is tried


def price_of(subject: Subject, chosen: Method, target: Any, params: Mapping[str, Any], least: float) -> Price | None:
    """What an answer costs where nothing is known yet; None if that is under `least` seconds, or not known.

    Where a single pass does not tell, as with forests that take as long for one row as for a thousand, some are
    tried together, more and more, for a twentieth of a second, and on as long as more of them take little longer; few
    where each is slow. What a busy machine may have slowed is timed once more, as is the first pass of all, in which a
    ScriptModule is compiled.

    Parameters
    ----------
    target
        What is explained, as `ask` takes it.
    params
        Those of the method, all checked.
    """
    if chosen.price is None:
        return None
    subject.scores()  # which tells the pace of one pass
    asked = subject.target(target) if "target" in chosen.needs else None
    counted = chosen.price(subject, asked, params)
    passes = counted if isinstance(counted, Passes) else Passes(counted)
    if not passes:
        return None
    outside = isinstance(subject.twin.module, Predictor)
    together = outside  # a call may take as long for one row as for many
    (each, count), most = subject.pace, min(passes if together else passes // _PART, _MOST)
    if count == 1 and not together and passes >= _MANY and each * passes >= least:
        each = min(each, _timed(subject, 1))  # the first of all may have compiled something
    tried = 0
    while (each * count < _LONG or together) and tried + count < most and each * passes >= least:
        more = _MORE if together and tried else 2  # where so many took no longer, more of them will not either
        count = min(_MORE * count, max(int(_WAIT / each), more * count), most - tried)
        tried += count
        before, each = each, _timed(subject, count)
        together = each < _LITTLE * before  # it takes little longer for more of them
    if tried and each * count < _WAIT and each * passes >= least and (outside or each * passes >= _LONG_WAIT):
        each = min(each, _timed(subject, count))  # the machine may have been busy just then
    seconds = each * passes + passes.seconds
    if passes.calls and outside:
        seconds += passes.calls * max(_timed(subject, 1) - each, 0.0)
    return Price(int(passes), seconds, passes.at_most) if seconds >= least else None


def _timed(subject: Subject, count: int) -> float:
    """Seconds of each of so many passes, run together."""
    subject.takes_batches()  # which is tried once, and would count
    rows, own = _rows(subject, count), subject.input.tensor.expand(count, *subject.input.tensor.shape[1:])
    begun = time.perf_counter()
    try:
        subject.evaluate(own if rows is None else rows, hold=False)
    except (RuntimeError, ValueError):  # a row that the model does not take may be none of those that are asked
        if rows is None:
            raise
        begun = time.perf_counter()
        subject.evaluate(own, hold=False)
    return (time.perf_counter() - begun) / count


def _rows(subject: Subject, count: int) -> Tensor | None:
    """Rows (n, F) of the background, such as the answer will be made of; None without one, or if values are missing."""
    given = subject.input
    if not isinstance(given, Tabular) or given.background is None:
        return None
    rows = given.background[np.arange(count) % len(given.background)]
    return torch.from_numpy(given.placed(rows)) if np.isfinite(rows).all() else None
