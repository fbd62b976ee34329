"""A number for each feature as bars with whiskers: weights, mean |SHAP|, importance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nbexplain.widgets.boxes import bars
from nbexplain.widgets.chart_style import ACCENT, PLAIN, around_zero, captioned, key, number
from nbexplain.widgets.feature_rows import ERROR, FeatureRows, caption, checked, uncertain
from nbexplain.widgets.feature_words import LONGEST_LABEL, even, full, isolated, label, labels, largest, plus
from nbexplain.widgets.text_width import fitted, letters_beside

PALE = "#9aa5ad"


class FeatureBars:
    """Horizontal bars of the features with the largest |value|, and beside them those of a second series.

    `figure` is what is put on the page: the chart, and its words below.

    Written in the worker only; `on_choose(feature)` is called on the thread that delivers widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None] | None = None) -> None:
        self._order: list[int] = []
        self._marked: int | None = None
        self._on_choose = on_choose
        self._rows = FeatureRows(self._clicked)
        self._signs = [key(ACCENT, "above 0"), key(PLAIN, "below 0")]
        self._series = [key(PLAIN, ""), key(PALE, "")]
        below, self._caption = caption(*self._signs, *self._series)
        self.figure = captioned(self._rows.chart, *below)

    def show(
        self,
        names: Sequence[str],
        values: Sequence[float] | np.ndarray,
        errors: Sequence[float] | np.ndarray | None = None,
        shown_values: Sequence[str] | None = None,
        top: int = 10,
        signed: bool = True,
        quantity: str = "",
        beside: tuple[str, Sequence[float] | np.ndarray] | None = None,
        series: str = "",
        conditions: Sequence[str] | None = None,
        beside_errors: Sequence[float] | np.ndarray | None = None,
        nothing: str = "all values are 0",
    ) -> None:
        """Show other values.

        Parameters
        ----------
        names
            One for each feature.
        values
            (F,); NaN where there is none.
        errors
            Standard errors of the values, (F,): whiskers reach 1.96 of them to each side.
        shown_values
            What the row holds, in words, if the values are about a row.
        top
            How many features are shown.
        signed
            Whether positive and negative values have different colours.
        quantity
            What the values are.
        beside
            The name and the values of a second series, (F,), in the same units.
        series
            The name of the first beside it, if that is not the quantity.
        conditions
            What is weighed of each feature where that is not its value, such as `"0.2 < size ≤ 0.4"`.
        beside_errors
            Standard errors of the second series, (F,): it then has whiskers and numbers as the first has, and counts
            as much for which features are the largest.
        nothing
            What it means that all values are 0, and their errors too where these are known.

        Raises
        ------
        ValueError
            If there are not as many of anything as names, or `top` is less than 1.
        """
        count = len(names)
        numbers = checked("values", values, count)
        deviations = None if errors is None else checked("errors", errors, count)
        others = None if beside is None else checked("beside", beside[1], count)
        theirs = None if beside_errors is None else checked("beside_errors", beside_errors, count)
        if shown_values is not None and len(shown_values) != count:
            raise ValueError(f"shown_values: expected one for each of {count} features, got {len(shown_values)}")
        if top < 1:
            raise ValueError(f"top: expected at least 1, got {top}")
        both = others is not None and theirs is not None
        weighed_by = np.stack([numbers, others] if others is not None and both else [numbers])
        order = largest(np.fmax.reduce(np.abs(weighed_by)))[:top]
        values_, rows = numbers[order], np.arange(len(order), dtype=float)
        shown = [None if shown_values is None else shown_values[i] for i in order]
        second = np.zeros(0) if others is None else others[order]
        written = (plus if signed else even)([*values_.tolist(), *(second.tolist() if both else ())])
        texts = written[: len(order)]
        colours = [ACCENT if signed and others is None and value > 0 else PLAIN for value in values_]
        weighed = None if conditions is None else [conditions[i] for i in order]
        about = [full(names[i], each) for i, each in zip(order, shown)]
        about = about if weighed is None else [isolated(each) for each in weighed]
        tips = [f"{each}: {text}" for each, text in zip(about, texts)]
        half, middle = (0.36, rows) if others is None else (0.2, rows - 0.2)
        x, y = bars(np.zeros(len(order)), np.nan_to_num(values_), middle, half)
        errors_ = np.full(len(order), np.nan) if deviations is None else deviations[order]
        if beside is not None:
            x2, y2 = bars(np.zeros(len(order)), np.nan_to_num(second), rows + 0.18, 0.16)
            x, y, colours = np.concatenate([x, x2]), np.concatenate([y, y2]), colours + [PALE] * len(order)
            named = isolated(" ".join(beside[0].split()))
            tips += [f"{full(names[i], s)}, {named}: {number(v)}" for i, s, v in zip(order, shown, second)]
            middle, values_ = np.append(middle, rows + 0.18), np.append(values_, second)
            errors_ = np.append(errors_, np.full(len(order), np.nan) if theirs is None else theirs[order])
        spread = np.nan_to_num(ERROR * errors_)
        reach = np.concatenate([values_ - spread, values_ + spread])
        with_errors = np.isfinite(errors_)
        whiskers = uncertain(values_, errors_)
        told = len(values_) if both else len(order)  # the values that are given with errors
        everywhere = bool((with_errors | ~np.isfinite(values_))[:told].all())
        self._order = order
        most = min(LONGEST_LABEL, letters_beside(written))
        self._rows.name(labels([names[i] for i in order], shown, most, weighed), written, lines=1 + both)
        low, high = around_zero(reach)
        axis = quantity + f" ± {ERROR} SE" * whiskers
        self._rows.measure(low, high, axis.strip(), zero=True)
        self._rows.boxes.draw(x, y, colours, tips)
        self.mark(self._marked)
        self._rows.whiskers(middle, values_, errors_ if whiskers else None, tips)
        self._rows.write(middle[: len(written)], np.full(len(written), high), written)
        none = "all values are 0" if uncertain(numbers, deviations) else nothing
        self._explain(names, series or quantity, None if beside is None else beside[0], signed, weighed_by, none)
        known = "" if everywhere else ", where they are known"
        self._caption.value += f" · whiskers: ± {ERROR} standard errors (SE){known}" * whiskers

    def mark(self, feature: int | None) -> None:
        """Outline the bars of one feature, now and whatever is shown later."""
        self._marked, count = feature, len(self._order)
        self._rows.boxes.outline([bar for bar in range(2 * count) if self._order[bar % count] == feature])

    def _explain(
        self, names: Sequence[str], series: str, beside: str | None, signed: bool, numbers: np.ndarray, nothing: str
    ) -> None:
        """What the colours mean, what is largest of `numbers` (series, F), and what is not on the chart."""
        for each in self._signs:
            each.layout.display = None if signed and beside is None and (numbers < 0).any() else "none"
        keys = [fitted(name, 40) for name in (series or "values", beside or "")]
        for each, name in zip(self._series, keys):
            each.layout.display = "none" if beside is None else None
            each.children[1].value = name
        count, said = len(names), []
        if count and np.isfinite(numbers[:, first := self._order[0]]).any():
            which = int(np.nanargmax(np.abs(numbers[:, first])))
            of = "" if beside is None else f" ({isolated(keys[which])})"
            said = [f"largest: {label(names[first], most=40)}, {number(numbers[which, first])}{of}"]
        said = [nothing] if said and not np.nan_to_num(numbers).any() else said
        said += [f"{len(self._order):,} of {count:,} features"] * (count > len(self._order))
        unknown = int((~np.isfinite(numbers)).all(0).sum())
        said += [f"{unknown:,} without a value"] * bool(unknown)
        said += ["no features"] * (count == 0)
        self._caption.value = " · ".join(said)

    def _clicked(self, bar: int) -> None:
        order = self._order  # the worker may put another in its place meanwhile
        if self._on_choose is not None and bar < 2 * len(order):
            self._on_choose(order[bar % len(order)])
