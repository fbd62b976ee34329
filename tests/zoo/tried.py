"""A model that is kept, made once, with what is found by hand and what nbexplain says of it."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn

from nbexplain import METHODS, Explanation, explain, list_layers
from nbexplain.core.layers import Layer
from tests.zoo import by_hand
from tests.zoo.entry import Entry, Number

CHANNEL = 1
REGIONS: dict[str, Any] = {"superpixels": 4, "segmentation": "grid"}
PARAMS: dict[str, dict[str, Any]] = {
    "occlusion": {"window": 16, "stride": 16, "fill": "zero"},
    "lime": {**REGIONS, "samples": 30},
    "exact_shap": {"superpixels": 4},
    "kernel_shap": {**REGIONS, "samples": 30},
    "permutation_shap": {**REGIONS, "permutations": 2},
    "partition_shap": {**REGIONS, "evaluations": 30},
    "leave_one_out": REGIONS,
    "without": {**REGIONS, "features": (0, 2)},
    "gradient_shap": {"baseline": "zero", "samples": 4},
    "deep_shap": {"baseline": "zero"},
}
KEYS = sorted(key for key, found in METHODS.items() if found.kinds != ("table",))


class Tried:
    """A model with its input, made once, and what was found by hand."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.model: nn.Module = entry.model()
        self.given = entry.given()  # by the user
        self.x = entry.plain(self.given)  # to the model
        self.scores = by_hand.scores(entry, self.model, self.x)  # (K, …); a first call, at which some set themselves up
        self.tables: dict[bytes, Any] = {}

    @functools.cached_property
    def asked(self) -> dict[str, Any]:
        """What `explain` is told, but the method."""
        return {**({} if self.entry.target is None else {"target": self.entry.target}), **self.ways}

    @functools.cached_property
    def ways(self) -> dict[str, Any]:
        """The same without the target."""
        return self.entry.asked()

    @functools.cached_property
    def rows(self) -> Any:
        """The table of layers."""
        return list_layers(self.model, self.given, **self.ways)

    def row(self, name: str) -> Layer:
        """A layer in the table; a module that is called once may be named with its call."""
        found = [row for row in self.rows if row.name in (name, name.partition("@")[0])]
        assert found, f"{name} is not in the table of layers"
        return found[-1]

    @functools.cache  # noqa: B019  lives as long as the tests
    def recorded(self, layer: str) -> tuple[Tensor, Tensor, Tensor]:
        """What a layer returned, the score and its gradient there."""
        return by_hand.recorded(self.entry, self.model, self.x, layer)

    def cells(self, layer: str) -> tuple[Tensor, Tensor]:
        """Activations and gradients of a layer, (C, *grid)."""
        output, _, slope = self.recorded(layer)
        return self.entry.cells(output), self.entry.cells(slope)

    @functools.cached_property
    def layer(self) -> str:
        """One of the layers that a researcher begins with: the suggested one, if it is among them."""
        suggested = self.rows.suggested
        if suggested is not None:
            output = self.recorded(suggested)[0]
            for name in self.entry.layers:
                wanted = self.recorded(name)[0]
                if output.shape == wanted.shape and torch.equal(output, wanted):
                    return name
        return self.entry.layers[0]

    @functools.cached_property
    def score(self) -> Number:
        """How the number that is explained is found in scores."""
        return self.entry.score(self.scores, self.entry.target)

    def question(self, key: str) -> dict[str, Any]:
        """What a method is asked, so that it takes few passes."""
        method, entry = METHODS[key], self.entry
        asked = dict(PARAMS.get(key, {}))
        if "target" in method.needs and entry.target is not None:
            asked["target"] = entry.target
        if "layer" in method.needs:
            asked["layer"] = self.row(self.layer).name
        if "channel" in method.needs and "channel" not in method.optional:
            asked["channel"] = CHANNEL
        return {**asked, **self.ways}

    @functools.cache  # noqa: B019
    def outcome(self, key: str) -> Explanation | str:
        """What a method answers, or why it refuses."""
        x = [self.given] if METHODS[key].over_inputs else self.given
        try:
            return explain(self.model, x, key, **self.question(key))
        except (ValueError, TypeError) as error:
            return str(error)


@functools.cache
def tried(entry: Entry) -> Tried:
    return Tried(entry)
