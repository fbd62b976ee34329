"""One control per feature of a row, to see what becomes of the answer (twin of ``js/src/row_editor.ts``)."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import traitlets

from nbexplain.widgets.controls import null_for_nan
from nbexplain.widgets.wire import Bundled


def _nan_for_null(values: Any, _widget: object) -> Any:
    # one and the same NaN, so that two lists that hold it compare as equal
    return [math.nan if value is None else value for value in values] if isinstance(values, list) else values


class RowEditor(Bundled):
    """A control for each feature of a row; the browser writes ``values`` at every step of a hand.

    ``features`` says of each column

    - ``name``, ``cuts`` of it to less and less room, of which the page takes the longest that fits, and ``kind``:
      ``"number"``, ``"category"`` or ``"boolean"``, which is 0 or 1;
    - of a number ``low`` and ``high``, what the slider reaches (another number can be typed, and is marked), its
      ``step``, and ``integer``; of one that is a time ``time``, what it is the days of (``"date"``, ``"datetime"``,
      ``"time"``), of one with a ``unit`` that, and ``texts``, if whole numbers from ``low`` on are called by these;
    - of a category its ``choices``: a value is the position of one of them; where they are some of many, ``places`` are
      the positions, ``count`` is how many there are, and a ``note`` says so;
    - ``constant``: it can be seen, not changed; ``missing``: it may be NaN.

    ``row`` is the row as it was given, ``values`` what it is changed to; both are checked against ``features``, which
    are therefore set first. A value that is missing is NaN, and null on its way. ``values`` belongs to the browser and
    is not echoed. Kernel code sets it only on the user's behalf, and then that stands: what the browser had said before
    it knew is not heard. ``written`` counts these times, ``seen`` is the last that the browser shows. Where a hand is
    on a control, it shows them when the hand lets go. Another ``order`` (positions in ``features``, empty: as they are)
    waits until the focus is elsewhere. ``weights`` are the attributions of the features now, in any unit, drawn as
    bars.

    ``on_values`` is called with the new values when the browser has changed them, on the thread that delivers widget
    messages, and must not raise.
    """

    _bundle = "row_editor"

    title = traitlets.Unicode("").tag(sync=True)
    features = traitlets.List(traitlets.Dict()).tag(sync=True)
    row = traitlets.List(traitlets.Float()).tag(sync=True, to_json=null_for_nan)
    order = traitlets.List(traitlets.Int()).tag(sync=True)
    weights = traitlets.List(traitlets.Float()).tag(sync=True, to_json=null_for_nan)
    notice = traitlets.Unicode("").tag(sync=True)
    values = traitlets.List(traitlets.Float()).tag(
        sync=True, echo_update=False, to_json=null_for_nan, from_json=_nan_for_null
    )
    written = traitlets.Int(0).tag(sync=True)
    seen = traitlets.Int(0).tag(sync=True, echo_update=False)

    def __init__(self, **traits: Any) -> None:
        self.on_values: Callable[[list[float]], None] | None = None
        self._hearing: int | None = None  # the thread that is at it
        super().__init__(**traits)

    def show_row(
        self,
        row: Sequence[float],
        features: Sequence[dict[str, Any]] | None = None,
        values: Sequence[float] | None = None,
    ) -> None:
        """Show another row in one message.

        Parameters
        ----------
        row
            One number per feature: the position of a category, NaN where the value is missing.
        features
            Where the columns are others than before; their order and weights are forgotten.
        values
            What the row is changed to; by default it is unchanged.

        Raises
        ------
        TraitError
            If the row and the features do not fit.
        """
        columns = self.features if features is None else _checked_features(features)
        given = _checked_row("row", list(row), columns)
        changed = given if values is None else _checked_row("values", list(values), columns)
        with self.hold_sync():
            if features is not None:
                self.order, self.weights, self.features = [], [], columns
            self.row = given
            self.values = changed

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Hear what the browser has changed."""
        before = self.values
        if sync_data.get("seen", self.seen) < self.written:
            sync_data = {name: value for name, value in sync_data.items() if name != "values"}
        self._hearing = threading.get_ident()
        try:
            super().set_state(sync_data)
        finally:
            self._hearing = None
        if self.values != before and self.on_values is not None:
            self.on_values(list(self.values))

    def notify_change(self, change: Any) -> None:
        """Say which of the kernel's values these are, in the same message."""
        if change["name"] != "values" or self._hearing == threading.get_ident():
            super().notify_change(change)
            return
        with self.hold_sync():
            self.written += 1
            super().notify_change(change)

    @traitlets.default("values")
    def _as_given(self) -> list[float]:
        return list(self.row)

    @traitlets.validate("features")
    def _check_features(self, proposal: Any) -> list[dict[str, Any]]:
        return _checked_features(proposal["value"])

    @traitlets.validate("row", "values")
    def _check_row(self, proposal: Any) -> list[float]:
        # in a constructor traits are checked in any order
        return _checked_row(proposal["trait"].name, proposal["value"], _checked_features(self.features))

    @traitlets.validate("order")
    def _check_order(self, proposal: Any) -> list[int]:
        order: list[int] = proposal["value"]
        if order and sorted(order) != list(range(len(self.features))):
            raise traitlets.TraitError(
                f"order: expected each of the positions 0 to {len(self.features) - 1} once, got {order}."
            )
        return order

    @traitlets.validate("weights")
    def _check_weights(self, proposal: Any) -> list[float]:
        weights: list[float] = proposal["value"]
        if len(weights) not in (0, len(self.features)):
            raise traitlets.TraitError(
                f"weights: expected none or {len(self.features)}, one per feature, got {len(weights)}."
            )
        return weights


def _checked_features(features: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    for place, feature in enumerate(features):
        kind, ends = feature.get("kind"), [feature.get("low"), feature.get("high")]
        finite = [end for end in ends if isinstance(end, int | float) and math.isfinite(end)]
        if not isinstance(feature.get("name"), str):
            problem = f"expected a name (str), got {feature.get('name')!r}"
        elif kind not in ("number", "category", "boolean"):
            problem = f"expected the kind 'number', 'category' or 'boolean', got {kind!r}"
        elif kind == "number" and (len(finite) < 2 or finite[0] > finite[1]):
            problem = f"expected low ≤ high, two finite numbers, got {ends[0]!r} and {ends[1]!r}"
        elif kind != "number" and not feature.get("choices"):
            problem = "expected choices (a list of str), got none"
        else:
            continue
        raise traitlets.TraitError(f"features[{place}]: {problem}.")
    return list(features)


def _checked_row(name: str, row: list[float], features: Sequence[dict[str, Any]]) -> list[float]:
    if len(row) != len(features):
        raise traitlets.TraitError(f"{name}: expected {len(features)} numbers, one per feature, got {len(row)}.")
    for value, feature in zip(row, features):
        count = feature.get("count", len(feature.get("choices", ())))
        if math.isnan(value) and feature.get("missing"):
            continue
        if not math.isfinite(value):
            problem = "a finite number" + (" or NaN" if feature.get("missing") else ", it may not be missing")
        elif feature["kind"] != "number" and value not in range(count):
            problem = f"the position of one of its {count} choices"
        else:
            continue
        raise traitlets.TraitError(f"{name}: expected {problem} for {feature['name']!r}, got {value}.")
    return row
