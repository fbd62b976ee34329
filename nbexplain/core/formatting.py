"""Numbers in words, as status line, charts and figures write them."""

from __future__ import annotations


def counted(count: int, thing: str, of: int | None = None) -> str:
    """`1 row`, `2 rows`, or `1 of 9 rows` where there are more."""
    more = of is not None and count < of
    return f"{count:,} of {of:,} {thing}s" if more else f"{count:,} {thing}{'s' * (count != 1)}"
