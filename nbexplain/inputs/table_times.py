"""Times as numbers of days, so that one can lie between two others; and back again."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np

DAY = {"D": 1, "h": 24, "m": 1440, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_MICROSECONDS = DAY["us"]
_EPOCH = date(1970, 1, 1)
_DATES = (-719_161.0, 2_932_896.0)  # Python's, from year 1 to 9999, less a day by which a time zone may move them
_SECONDS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200)  # between ticks within a day
_DAY = 86_400  # seconds
_TENS = [times * 10**power for power in range(8) for times in (1, 2, 5)]


def time_of(kind: type, values: Sequence[Any]) -> str:
    """What objects of this kind are times of, as in `Column`; `""` where they are none."""
    if kind.__name__ == "Period":
        freqs = {value.freqstr for value in values}
        return f"period {freqs.pop()}" if len(freqs) == 1 else ""
    if issubclass(kind, datetime):
        zoned = {value.tzinfo is not None for value in values}
        return "" if len(zoned) > 1 else "datetime UTC" if zoned.pop() else "datetime"
    if issubclass(kind, np.datetime64):
        return "datetime"
    if issubclass(kind, (timedelta, np.timedelta64)):
        return "duration"
    return "date" if issubclass(kind, date) else "time" if issubclass(kind, time) else ""


def days_of(what: str, value: Any, per_day: int, zone: tzinfo | None = None) -> tuple[int, float]:
    """A value of the user's in ticks, so many a day, and in days; a string that tells no zone is a time in `zone`.

    Raises
    ------
    TypeError, ValueError
        If it is no such time.
    """
    if what.startswith("period"):
        period = value
        if not hasattr(value, "ordinal"):
            import pandas

            period = pandas.Period(value, freq=what.partition(" ")[2])
        if period.freqstr != what.partition(" ")[2]:
            raise ValueError(f"its frequency is {period.freqstr}")
        return period.ordinal, float(period.ordinal)
    if what == "duration":
        span = value.to_timedelta64() if hasattr(value, "to_timedelta64") else value
        if not isinstance(span, (timedelta, np.timedelta64)):
            raise TypeError("it is no duration")
        return _ticks(np.timedelta64(span), per_day)
    if what == "time":
        clock = time.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(clock, time):
            raise TypeError("it is no time of the day")
        passed = ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000 + clock.microsecond
        return _ticks(np.timedelta64(passed, "us"), per_day)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
        if what == "datetime UTC" and value.tzinfo is None:
            value = _placed(value, zone or UTC)
    if isinstance(value, datetime):
        if (value.tzinfo is not None) != (what == "datetime UTC"):
            raise ValueError("it has a time zone" if value.tzinfo is not None else "it has no time zone")
        if hasattr(value, "to_datetime64"):  # pandas' own, which knows nanoseconds
            value = value.to_datetime64()
        elif value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
    if not isinstance(value, (date, np.datetime64)):
        raise TypeError("it is no date")
    moment: Any = np.datetime64(value)
    if np.datetime_data(moment)[0] not in DAY:  # months, weeks …
        moment = moment.astype("datetime64[D]")
    return _ticks(moment - moment.dtype.type(0, np.datetime_data(moment)[0]), per_day)


def limits_of(what: str, per_day: int) -> tuple[float, float]:
    """From where to where times can lie that have so many ticks a day."""
    if what == "time":
        return 0.0, 1 - 1 / _MICROSECONDS
    most = 2.0**63 / per_day - 1  # an int64 holds the ticks, also where a time zone moves them
    return (max(-most, _DATES[0]), min(most, _DATES[1])) if what.startswith("date") else (-most, most)


def _placed(clock: datetime, zone: tzinfo) -> datetime:
    """What the clocks of a zone show, as a time there.

    Raises
    ------
    ValueError
        If they never show it, as in the hour that is left out in spring, or twice, as in autumn.
    """
    localize = getattr(zone, "localize", None)  # pytz's, which replaced would be the mean solar time
    both = (
        [localize(clock, is_dst=summer) for summer in (True, False)]
        if localize
        else [clock.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    )
    there = [time for time in both if exists(time)]
    if not there:
        raise ValueError(f"there is no such time in {zone}, where the clocks were put forward then")
    if there[0].utcoffset() != there[-1].utcoffset():
        first, second = (repr(time.isoformat(" ")) for time in there)
        raise ValueError(f"the clocks of {zone} show it twice; say which, {first} or {second}")
    return there[0]


def exists(moment: datetime) -> bool:
    """Whether the clocks of its zone show a time."""
    zone = moment.tzinfo
    there = moment if zone is None else moment.astimezone(UTC).astimezone(zone)
    return there.replace(tzinfo=None) == moment.replace(tzinfo=None)


def identity(value: Any) -> Hashable:
    """Equal for values that a model cannot tell apart: 11:00+01:00 and 12:00+02:00 are equal, and are two."""
    if isinstance(value, datetime) and type(value).__name__ != "NaTType":
        return False, value.isoformat(), value.fold, value.tzinfo
    return isinstance(value, (bool, np.bool_)), isinstance(value, (float, np.floating)), value  # so are True, 1 and 1.0


def kept_as_times(array: np.ndarray) -> np.ndarray:
    """An array whose `tolist` gives times; of nanoseconds, and of what no `datetime` holds, it would give numbers."""
    if array.dtype.kind not in "mM" or not any(isinstance(one, int) for one in array.ravel().tolist()):
        return array
    short = array.astype(f"{array.dtype.kind}8[us]")
    alike = np.array_equal(short[~np.isnat(array)], array[~np.isnat(array)])
    if alike and not any(isinstance(one, int) for one in short.ravel().tolist()):
        return short
    made = np.empty(array.size, dtype=object)
    made[:] = list(array.ravel())
    return made.reshape(array.shape)


def is_time(value: Any) -> bool:
    """Whether it is a date, a time of a day that is told, or a duration."""
    return isinstance(value, (date, timedelta, np.datetime64, np.timedelta64))


def same_time(value: Any) -> Hashable:
    """Equal for equal times, whatever holds them: a date is its midnight; what is none, or missing, stays."""
    if not is_time(value) or value != value:  # NaT
        held: Hashable = value
        return held
    if isinstance(value, (timedelta, np.timedelta64)):
        return "duration", days_of("duration", value, DAY["ns"])[0]
    what = "datetime" if getattr(value, "tzinfo", None) is None else "datetime UTC"
    return what, days_of(what, value, DAY["ns"])[0]


def date_named(value: date | np.datetime64) -> str:
    """What a date or a time is called, as a class is; a midnight as its day."""
    day, _, clock = str(value).replace("T", " ").partition(" ")
    return f"{day} {clock}" if clock.strip("0:.") else day


def _ticks(span: np.timedelta64, per_day: int) -> tuple[int, float]:
    unit, count = np.datetime_data(span)
    if unit not in DAY:
        span, unit, count = span.astype("timedelta64[D]"), "D", 1
    own = DAY[unit]
    ticks = int(span.astype(np.int64)) * count * per_day
    return ticks // own, ticks // own / per_day


def like(kind: Any, number: float, what: str = "") -> Any:
    """An object of a kind, of a number that none of the user's objects had; of a time, `what` as in `Column`."""
    if kind is None or kind is float or kind is bool:
        return number
    if kind is int or issubclass(kind, np.integer):
        return kind(number) if number == math.floor(number) else number
    if issubclass(kind, Decimal):
        return kind(repr(number))
    if kind.__name__ == "Timestamp":
        return kind(round(number * _MICROSECONDS), unit="us", tz="UTC" if what == "datetime UTC" else None)
    if issubclass(kind, datetime):
        return datetime(1970, 1, 1, tzinfo=UTC if what == "datetime UTC" else None) + timedelta(
            microseconds=round(number * _MICROSECONDS)
        )
    if issubclass(kind, (np.datetime64, np.timedelta64)):
        return kind(round(number * _MICROSECONDS), "us")
    if kind.__name__ == "Period":
        return kind(ordinal=round(number), freq=what.partition(" ")[2])
    if issubclass(kind, date):
        return date.fromordinal(_EPOCH.toordinal() + round(number))
    if kind.__name__ == "Timedelta":
        return kind(round(number * _MICROSECONDS), unit="us")
    if issubclass(kind, timedelta):
        return timedelta(microseconds=round(number * _MICROSECONDS))
    if issubclass(kind, time):
        return (datetime(1970, 1, 1) + timedelta(microseconds=round(number % 1 * _MICROSECONDS))).time()
    return kind(number)


def plain_time(value: Any) -> Any:
    """A time as it is written, ISO 8601; a duration, or a Decimal, as a number (of days); all else as it is."""
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, (timedelta, np.timedelta64)):
        return days_of("duration", value, DAY["ns"])[1]
    if isinstance(value, (date, time)):
        return value.isoformat()
    if type(value).__name__ == "Period":
        return str(value)
    return float(value) if isinstance(value, Decimal) else value


def time_written(what: str, number: float) -> str | float:
    """What `days_of` makes this number of days of, to the millisecond; a duration stays one."""
    if what == "duration":
        return number
    if what.startswith("period"):
        return time_said(what, number)
    moment = np.datetime64(round(number * DAY["ms"]), "ms")
    day, clock = str(moment).split("T")
    clock = clock.removesuffix(".000")
    if what == "datetime UTC":
        return f"{day}T{clock}+00:00"
    return day if what == "date" else clock if what == "time" else f"{day}T{clock}" if number % 1 else day


def time_said(what: str, value: float) -> str:
    """A time as it is read."""
    if what.startswith("period"):
        import pandas

        return str(pandas.Period(ordinal=round(value), freq=what.partition(" ")[2]))
    if what == "duration":
        for unit, size in (("d", 1.0), ("h", 24.0), ("min", 1440.0), ("s", 86_400.0)):
            if abs(value) * size >= 1 or unit == "s":
                return f"{value * size:.4g} {unit}".replace("-", "−")
    seconds = round(value * 86_400)
    day, clock = np.datetime64(seconds // 86_400, "D"), str(timedelta(seconds=seconds % 86_400)).rjust(8, "0")
    if what == "time":
        return clock
    if what == "date" or (seconds % 86_400 == 0 and what == "datetime"):
        return str(day)
    return f"{day} {clock.removesuffix(':00')}" + " UTC" * (what == "datetime UTC")


def time_ticks(
    what: str, low: float, high: float, room: float = math.inf, wide: Callable[[str], float] = len
) -> list[tuple[float, str]]:
    """At most five round times from `low` to `high` days, and what is written at each; `low` if none is round.

    A word says no more than tells it from the others: the year, the month, the day; within a day the clock, and the day
    where another begins.

    Parameters
    ----------
    room, wide
        How long the axis is, and how wide a word, in the same unit: there are as many as keep clear of each other.
    """
    scale = room / (high - low) if high > low else math.inf
    ticks: list[tuple[float, str]] = []
    for most in (5, 4, 3, 2, 1):
        places = next((places for places in _round_times(what, low, high, most)), [])
        ticks = list(zip(places, _words_at(what, places))) if places else [(low, time_said(what, low))]
        if all((b - a) * scale > (wide(one) + wide(other)) * 0.55 for (a, one), (b, other) in pairwise(ticks)):
            break
    return ticks


def _round_times(what: str, low: float, high: float, most: int) -> Iterator[list[float]]:
    """Round times from low to high, ever fewer, at most so many."""
    if what.startswith("period"):
        kind = what.partition(" ")[2].partition("-")[0]
        year = {"M": 12, "Q": 4}.get(kind, 1)
        start = -_EPOCH.year * year * (kind in ("M", "Q", "Y"))  # so that decades begin at 1980
        steps = [step for step in (1, 3, 6) if step < year] + [year * times for times in _TENS]
        each = (_every(step, low, high, most, start) for step in steps)
    else:
        days = [] if what == "time" else _TENS if what == "duration" else (1, 2, 7, 14)
        small = [times / 1e6 for times in _TENS[:18]] if what == "duration" else []
        seconds = [*small, *(() if what == "date" else _SECONDS), *(_DAY * count for count in days)]
        monday = 4 * _DAY  # 1970-01-05
        each = (
            [place / _DAY for place in _every(step, low * _DAY, high * _DAY, most, monday * (step % (7 * _DAY) == 0))]
            for step in seconds
        )
    yield from (places for places in each if 0 < len(places) <= most)
    if what.startswith("date"):
        for months in (1, 3, 6, *(12 * times for times in _TENS)):
            first, last = (float(_months(np.floor(end))) for end in (low, high))
            starts = np.array(_every(months, first, last, most + 1, -12 * _EPOCH.year), dtype=np.int64).astype(
                "datetime64[M]"
            )
            places = [day for day in starts.astype("datetime64[D]").astype(float).tolist() if low <= day <= high]
            if 0 < len(places) <= most:
                yield places


def _months(day: float) -> int:
    return int(np.datetime64(int(day), "D").astype("datetime64[M]").astype(np.int64))


def _every(step: float, low: float, high: float, most: int, start: float = 0.0) -> list[float]:
    """The multiples of a step, beside a start, from low to high; none where there are more than so many."""
    slack = 1e-9 * (high - low)
    first, last = math.ceil((low - slack - start) / step), math.floor((high + slack - start) / step)
    return [start + number * step for number in range(first, last + 1)] if last - first < most else []


def _words_at(what: str, places: Sequence[float]) -> list[str]:
    said = [time_said(what, place) for place in places]
    if what == "time":
        return [clock.removesuffix(":00") for clock in said] if all(s.endswith(":00") for s in said) else said
    if not what.startswith("date"):
        return said
    days = [one.partition(" ")[0] for one in said]
    if all(place % 1 == 0 for place in places):
        length = 6 if all(d.endswith("-01-01") for d in days) else 3 if all(d.endswith("-01") for d in days) else 0
        return [day[: len(day) - length] for day in days] if len(days) > 1 else days
    clocks = [one.partition(" ")[2] for one in said]
    words = [said[0]]
    for before, day, clock in zip(days, days[1:], clocks[1:]):
        new = day if clock in ("", "00:00 UTC") else f"{day} {clock}"
        words.append(new if day != before else clock.removesuffix(" UTC"))
    return words


def in_words(times: Sequence[tuple[str, str]]) -> str:
    """What the numbers of columns of times are: names and times, as in `Column`."""
    units = {"duration": "days", "time": "days since midnight"}
    found: dict[str, list[str]] = {}
    for name, what in times:
        unit = "the number of the period" if what.startswith("period") else units.get(what, "days since 1970-01-01")
        found.setdefault(unit, []).append(repr(name))
    return "times are taken as numbers: " + "; ".join(f"{unit} in {', '.join(names)}" for unit, names in found.items())
