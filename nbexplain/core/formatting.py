"""Numbers in words, as status line, charts and figures write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def counted(count: int, thing: str, of: int | None = None) -> str:
    """`1 row`, `2 rows`, or `1 of 9 rows` where there are more."""
    more = of is not None and count < of
    return f"{count:,} of {of:,} {thing}s" if more else f"{count:,} {thing}{'s' * (count != 1)}"


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Names each of which is there once: of equal ones with their places behind them, such as `crane (134)`."""
    times = Counter(names)
    if len(times) == len(names):
        return tuple(names)
    return told_apart([f"{name} ({place})" if times[name] > 1 else name for place, name in enumerate(names)])
