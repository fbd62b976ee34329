"""Words are coloured where they stand in their text; where they cannot be written, they are bars with names."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import nbexplain
from nbexplain import Text
from nbexplain.figures import board, figure, png
from nbexplain.figures.passage import runs_of
from nbexplain.figures.spans import Words
from tests.figures.pages import answer, drawn, texts


def of_words(text: Text, values: Any, **more: Any) -> nbexplain.Explanation:
    """An explanation of the words of a text."""
    masker = text.masker("word", "remove")
    return answer(values, ("feature",), on="features", features=masker.features, names=masker.names, **more)


def grounds(page: Figure) -> list[tuple[int, ...]]:
    """The colours behind the words, in their order."""
    patches = [part for part in page.artists if isinstance(part, Rectangle)]
    return [tuple(round(255 * part) for part in patch.get_facecolor()[:3]) for patch in patches]


def written(page: Figure, size: float = 10) -> list[str]:
    """What is written in the size of the running text."""
    return [text.get_text() for text in page.texts if text.get_fontsize() == size]


def test_the_title_tells_the_tokens_that_are_explained_as_on_screen() -> None:
    text = Text("Never dull, but odd!")
    for over, said in (("map", "odd over all tokens"), ((0,), f"odd at 0 “{text.tokens[0]}”")):
        found = of_words(text, [1.0, -2, 0, 0.5], target=nbexplain.Region(0, over))
        assert said in texts(figure(found, x=text, classes=["odd"]))


def test_each_word_has_the_colour_of_its_weight() -> None:
    text = Text("Never dull, but odd!")
    page = figure(of_words(text, [2.0, -1.0, 0.5, -2.0]), x=text)
    colours = matplotlib.colormaps["RdBu_r"]((np.array([2.0, -1.0, 0.5, -2.0]) + 2) / 4, bytes=True)[:, :3]
    assert np.abs(np.array(grounds(page)) - colours).max() <= 6
    assert written(page) == ["Never", "dull", ",", "but", "odd", "!"]
    inks = {t.get_text(): t.get_color() for t in page.texts}
    assert (inks["Never"], inks["but"]) == ("#ffffff", "#000000")  # on dark red, on pale red


def test_unsigned_weights_begin_at_the_colour_of_the_page() -> None:
    text = Text("one two")
    weak, strong = grounds(figure(of_words(text, [0.0, 3.0], signed=False), x=text))
    assert min(weak) > 240  # white, as the page
    assert np.abs(np.array(strong) - matplotlib.colormaps["PuOr_r"](1.0, bytes=True)[:3]).max() <= 2


def test_a_ground_lies_behind_its_word() -> None:
    text = Text("aaa bbbb cc")
    page = figure(of_words(text, [1.0, 1.0, 1.0]), x=text)
    drawn(page)
    renderer = page.canvas.get_renderer()  # type: ignore[attr-defined]
    words = [part for part in page.texts if part.get_text() in ("aaa", "bbbb", "cc")]
    for word, patch in zip(words, [p for p in page.artists if isinstance(p, Rectangle)], strict=True):
        inner, outer = word.get_window_extent(renderer), patch.get_window_extent(renderer)
        assert outer.x0 <= inner.x0 + 1
        assert outer.x1 >= inner.x1 - 3
        assert outer.y0 <= inner.y0 <= inner.y1 <= outer.y1
    extents = [word.get_window_extent(renderer) for word in words]
    gaps = [72 / page.dpi * (after.x0 - before.x1) for before, after in itertools.pairwise(extents)]
    assert gaps == pytest.approx([3.2, 3.2], abs=1.5)  # a space, in points


@pytest.mark.parametrize("width", [40, 100, 300])
@pytest.mark.parametrize("text", ["one two  three\nfour", "x" * 60, "这部电影不好看。但是", " \n\n a ", "a-b, c"])
def test_lines_keep_every_letter_and_fit(text: str, width: float) -> None:
    runs = runs_of(Words(text, np.arange(len(text)) // 3), width)
    assert "".join(run.text for run in runs).replace(" ", "") == "".join(text.split())
    assert all(run.left + run.width <= width + 1e-6 for run in runs)
    assert [run.line for run in runs] == sorted(run.line for run in runs)


def test_a_line_of_the_text_is_a_line_of_the_figure() -> None:
    runs = runs_of(Words("a\n\nb c", np.zeros(6, int)), 300)
    assert [(run.line, run.text) for run in runs] == [(0, "a"), (2, "b c")]


def test_a_sentence_is_one_ground_in_each_line() -> None:
    text = Text("It was long and wide and high. No.")
    masker = text.masker("sentence", "remove")
    about: dict[str, Any] = {"on": "features", "features": masker.features, "names": masker.names}
    page = figure(answer([1.0, -1.0], ("feature",), **about), x=text, width=2)
    assert len(set(grounds(page))) == 2
    assert len(grounds(page)) == 3  # the first one goes over two lines
    assert written(page)[-1] == "No."


def test_a_long_text_is_cut_and_it_says_so() -> None:
    text = Text("word " * 1000)
    page = figure(of_words(text, np.linspace(-1, 1, 1000)), x=text)
    assert "the first 24 of " in texts(page)
    assert page.get_figheight() < 9
    assert len(png(of_words(text, np.linspace(-1, 1, 1000)), x=text, max_bytes=145_000)) <= 145_000


def test_it_is_the_answer_of_lime() -> None:
    text = Text("The plot is silly, but the acting is wonderful.")

    def wonderful(texts: list[str]) -> np.ndarray:
        return np.array([["silly" not in each, "wonderful" in each] for each in texts], float)

    page = figure(nbexplain.explain(wonderful, text, "lime", target=1), x=text, classes=["a", "b"])
    colours = dict(zip([word for word in written(page) if word not in ",."], grounds(page), strict=True))
    red, green, blue = colours["wonderful"]
    assert red > 90
    assert max(green, blue) < 60
    assert min(colours["silly"]) > 180
    assert "LIME · b" in texts(page)
    assert "weight of a word" in texts(page)


def names_of_bars(page: Figure) -> list[str]:
    return written(page, 8)[len([line for line in written(page, 8) if " · " in line]) :]


def test_without_the_text_words_are_bars() -> None:
    text = Text("Never dull, but odd!")
    page = figure(of_words(text, [0.5, -1.0, 0.1, -2.0]))
    assert not grounds(page)
    assert [line for line in texts(page).splitlines() if line in text.text] == ["odd", "dull", "Never", "but"]


def test_a_text_from_right_to_left_is_listed() -> None:
    text = Text("هذا الفيلم جيد")
    page = figure(of_words(text, [0.5, 1.0, -2.0]), x=text)
    assert not grounds(page)
    assert "the text runs from right to left: its words are listed, largest first" in texts(page)
    lines = texts(page).splitlines()
    assert [lines.index(word) for word in ("جيد", "الفيلم", "هذا")] == sorted(
        lines.index(word) for word in text.text.split()
    )


def test_letters_that_no_font_has_are_never_boxes(recwarn: pytest.WarningsRecorder) -> None:
    text = Text("\U00010000\U00010001 \U00010002")  # a script of which hardly any machine has the letters
    page = figure(of_words(text, [0.5, 1.0]), x=text)
    drawn(page)
    said = texts(page)
    assert "□" not in said
    assert "no font here has the letters of this text" in said
    assert said.index("no. 2") < said.index("no. 1")
    assert not [warning for warning in recwarn if "lyph" in str(warning.message)]


def test_a_single_sign_is_a_box_with_a_word() -> None:
    text = Text("It was good \U00010000 and it was long as well")
    assert "□: no font here has this sign" in texts(figure(of_words(text, np.ones(11)), x=text))


def test_another_text_is_refused() -> None:
    text = Text("one two three")
    explanation = of_words(text, [1, 2, 3])
    with pytest.raises(ValueError, match="x: a text of 2 tokens, but the explanation is of 3 tokens"):
        figure(explanation, x=Text("one two"))
    with pytest.raises(ValueError, match="x: it holds 'four' where the explanation is of 'three'"):
        figure(explanation, x=Text("one two four"))
    with pytest.raises(TypeError, match=r"x: expected nbexplain\.Image, Volume, Text or Tabular, .*got str"):
        figure(explanation, x="one two three")
    with pytest.raises(ValueError, match="x: 1 xs for 2 explanations"):
        board([explanation] * 2, x=[text])


def test_a_board_takes_a_text_for_each() -> None:
    one, two = Text("one word"), Text("another")
    page = board([of_words(one, [1, 2]), of_words(two, [1])], x=[one, two])
    assert written(page) == ["one", "word", "another"]
