"""Images of any size, with the defaults of every method: an answer, or the reason why there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nbexplain import METHODS, explain
from tests.networks import seeded

FEW = {"lime": {"samples": 60}, "kernel_shap": {"samples": 60}, "permutation_shap": {"permutations": 2}}
FEW |= {"partition_shap": {"evaluations": 100}, "gradient_shap": {"samples": 4}}
MAPS = [key for key, method in METHODS.items() if method.on_picture and not method.reason_for("picture")]
OF_PARTS = [key for key in MAPS if "superpixels" in METHODS[key].parameters]


def network() -> nn.Module:
    layers = (nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return nn.Sequential(*layers).eval()


def asked(key: str, size: tuple[int, int]) -> np.ndarray:
    params = FEW.get(key, {})
    target = {"target": 1} if "target" in METHODS[key].needs else {}
    x = seeded(lambda: torch.rand(1, 1, *size), 3)
    return explain(seeded(network), x, key, **target, **params).values  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (60, 1), (8, 8)], ids=str)
@pytest.mark.parametrize("key", MAPS)
def test_every_method_answers_on_small_and_narrow_images(key: str, size: tuple[int, int]) -> None:
    values = asked(key, size)
    assert np.isfinite(values).all()
    assert len(np.unique(values)) > 4  # neither empty nor one number for all


@pytest.mark.parametrize("key", MAPS)
def test_one_pixel_is_explained_or_has_a_reason(key: str) -> None:
    if key in OF_PARTS:
        with pytest.raises(ValueError, match=r"superpixels: 2 regions for a picture of 1 pixel$"):
            asked(key, (1, 1))
    elif METHODS[key].grid:
        with pytest.raises(ValueError, match="needs a layer with a spatial grid"):
            asked(key, (1, 1))
    else:
        assert np.isfinite(asked(key, (1, 1))).all()


def test_one_pixel_is_hidden_whole() -> None:
    # score = 2x + 1; hidden behind zero it falls by 2x, behind its own mean it does not
    net = nn.Sequential(nn.Flatten(), nn.Linear(1, 1))
    net[1].weight.data.fill_(2), net[1].bias.data.fill_(1)
    x = torch.full((1, 1, 1, 1), 0.75)
    assert explain(net, x, "occlusion", target=0, fill="zero").values.tolist() == [[1.5]]
    assert explain(net, x, "occlusion", target=0).values.tolist() == [[0.0]]
