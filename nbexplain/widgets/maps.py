"""Which part shows an attribution: over the picture, in the running text, or as bars of the columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets.attribution_map import AttributionMap
from nbexplain.widgets.feature_map import FeatureMap
from nbexplain.widgets.models import SessionModels
from nbexplain.widgets.pane_link import PaneLink
from nbexplain.widgets.token_map import TokenMap


def map_of(
    session: Session,
    models: SessionModels,
    answered: Callable[[Place, Answer], None],
    link: PaneLink | None = None,
    among: Sequence[Any] = (),
    **own: Any,
) -> AttributionMap | TokenMap | FeatureMap:
    """The part `"map"` for the session's kind of inputs. Parameters as for `AttributionMap`."""
    if session.facts.kind == "text":
        return TokenMap(session, answered, among, **own)
    if session.facts.kind == "table":
        return FeatureMap(session, answered, among=among, **own)
    return AttributionMap(session, models, answered, link, among, **own)
