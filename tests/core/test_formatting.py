"""Numbers in words."""

from nbexplain.core.formatting import counted, told_apart, with_error


def test_a_number_has_the_decimals_of_its_error() -> None:
    given = [(0.6388, 0.0404), (14.0, 0.67), (-5.129, 0.7), (1234.56, 120.0), (-0.00004, 0.01), (0.0258, 0.0996)]
    assert [with_error(*each) for each in given] == [
        "0.639 ± 0.040", "14.00 ± 0.67", "−5.13 ± 0.70", "1,235 ± 120", "0.000 ± 0.010", "0.03 ± 0.10",
    ]  # fmt: skip
    assert with_error(0.0, 0.0) == "0 ± 0"
    assert with_error(-4e300, 1.2e299) == "−4e+300 ± 1.2e+299"
    assert with_error(3e-9, 1.2e-9) == "3e−09 ± 1.2e−09"


def test_a_number_whose_error_is_not_known_stands_alone() -> None:
    assert [with_error(value, float("nan")) for value in (0.37249, -0.00511)] == ["0.372", "−0.00511"]


def test_one_is_no_plural() -> None:
    assert [counted(count, "row") for count in (0, 1, 2, 1234)] == ["0 rows", "1 row", "2 rows", "1,234 rows"]
    assert [counted(1, "row", of) for of in (1, 2)] == ["1 row", "1 of 2 rows"]


def test_equal_names_get_their_places() -> None:
    assert told_apart(["a", "b"]) == ("a", "b")
    assert told_apart(["crane", "b", "crane"]) == ("crane (0)", "b", "crane (2)")
    names = told_apart(["a", "a", "a (0)"])
    assert len(set(names)) == 3
    assert names[1] == "a (1)"
