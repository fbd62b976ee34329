"""Numbers in words."""

from nbexplain.core.formatting import counted, told_apart


def test_one_is_no_plural() -> None:
    assert [counted(count, "row") for count in (0, 1, 2, 1234)] == ["0 rows", "1 row", "2 rows", "1,234 rows"]
    assert [counted(1, "row", of) for of in (1, 2)] == ["1 row", "1 of 2 rows"]


def test_equal_names_get_their_places() -> None:
    assert told_apart(["a", "b"]) == ("a", "b")
    assert told_apart(["crane", "b", "crane"]) == ("crane (0)", "b", "crane (2)")
    names = told_apart(["a", "a", "a (0)"])
    assert len(set(names)) == 3
    assert names[1] == "a (1)"
