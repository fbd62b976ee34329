"""A small residual network, written to be read, and the way pictures go in."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from nbexplain.examples.drawing import SIZE


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al. 2015, arXiv:1512.03385).

    Parameters
    ----------
    channels_in, channels_out : int
    stride : int
        2 halves height and width.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.relu2 = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) → (N, channels_out, H / stride, W / stride)."""
        y = self.relu1(self.bn1(self.conv1(x)))
        z: Tensor = self.relu2(self.bn2(self.conv2(y)) + self.shortcut(x))
        return z


class SceneNet(nn.Module):
    """Colour pictures in, one logit per class out.

    A stem and four residual stages; the map of the last stage has 1/8 of the height and width of the picture. Global
    average pooling and a linear head follow, so that a class activation map is exact: the logit is the mean of the
    map over all places, plus a bias.

    Parameters
    ----------
    classes : int
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(3, 24, 5, stride=2, padding=2, bias=False),
                bn=nn.BatchNorm2d(24),
                relu=nn.ReLU(inplace=True),
                pool=nn.MaxPool2d(3, stride=2, padding=1),
            )
        )
        self.layer1 = ResidualBlock(24, 32)
        self.layer2 = ResidualBlock(32, 64, stride=2)
        self.layer3 = ResidualBlock(64, 80)
        self.layer4 = ResidualBlock(80, 96)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(96, classes)

    def features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) → the last map (N, 96, H / 8, W / 8)."""
        last: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return last

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) → logits (N, classes)."""
        scores: Tensor = self.head(torch.flatten(self.pool(self.features(x)), 1))
        return scores


def normalise(pictures: Tensor) -> Tensor:
    """Pictures as the network takes them: values 0 … 255 to mean 0 and standard deviation 1, roughly."""
    return (pictures.float() / 255 - 0.45) / 0.27


def preprocess(picture: Image.Image | NDArray[np.uint8]) -> Tensor:
    """Turn any picture into an input of `SceneNet`.

    The shorter side is resized to `SIZE` pixels and the middle square is kept.

    Parameters
    ----------
    picture : PIL.Image.Image or uint8 array (H, W, 3) or (H, W)

    Returns
    -------
    float32 tensor (3, SIZE, SIZE)
    """
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image = image.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    if image.size != (SIZE, SIZE):
        image = image.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return normalise(torch.from_numpy(np.array(image)).permute(2, 0, 1))
