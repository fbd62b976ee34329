"""Numbers in words, as status line, charts and figures write them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

HUGE = 1e15  # from here on whole numbers, too, are written with their power of ten
_MOST_DECIMALS = 6


def with_error(value: float, error: float) -> str:
    """A number and its standard error, both with as many decimals as two digits of the error need.

    Alone where its error is not known, as of the mean over a single row.
    """
    if math.isnan(error):
        return f"{value:.3g}".replace("-", "−")
    decimals = 1 - int(f"{error:.1e}".partition("e")[2]) if error > 0 and math.isfinite(error) else _MOST_DECIMALS + 1
    if decimals > _MOST_DECIMALS or max(abs(value), error) >= HUGE:
        return f"{value:.3g} ± {error:.2g}".replace("-", "−")
    decimals = max(decimals, 0)
    return f"{round(value, decimals) + 0.0:,.{decimals}f} ± {error:,.{decimals}f}".replace("-", "−")


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
