"""Numbers in words."""

from nbexplain.core.formatting import counted


def test_one_is_no_plural() -> None:
    assert [counted(count, "row") for count in (0, 1, 2, 1234)] == ["0 rows", "1 row", "2 rows", "1,234 rows"]
    assert [counted(1, "row", of) for of in (1, 2)] == ["1 row", "1 of 2 rows"]
