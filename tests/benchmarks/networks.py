"""Networks of the sizes of ResNet-18 and ResNet-50, with torchvision's layer names and weights drawn at random."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # width, stride


class _Block(nn.Module):
    """A residual branch of convolutions, each (width, kernel, stride), added to what came in."""

    def __init__(self, channels: int, convolutions: tuple[tuple[int, int, int], ...]) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        stride, before = 1, channels
        for width, kernel, step in convolutions:
            parts += [nn.Conv2d(before, width, kernel, step, kernel // 2, bias=False), nn.BatchNorm2d(width)]
            parts += [nn.ReLU(inplace=True)]
            stride, before = stride * step, width
        self.branch = nn.Sequential(*parts[:-1])
        same = stride == 1 and before == channels
        self.downsample = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(channels, before, 1, stride, bias=False), nn.BatchNorm2d(before))
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.branch(x) + self.downsample(x))


class ResNet(nn.Module):
    """Pictures (N, 3, 224, 224) to 1,000 scores."""

    def __init__(self, depths: tuple[int, int, int, int], *, bottleneck: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        stages = []
        for depth, (width, first) in zip(depths, _STAGES):
            blocks = []
            for stride in (first, *[1] * (depth - 1)):
                if bottleneck:
                    blocks.append(_Block(channels, ((width, 1, 1), (width, 3, stride), (4 * width, 1, 1))))
                else:
                    blocks.append(_Block(channels, ((width, 3, stride), (width, 3, 1))))
                channels = 4 * width if bottleneck else width
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def resnet18() -> ResNet:
    """11.7 million weights, in eval mode."""
    torch.manual_seed(0)
    return ResNet((2, 2, 2, 2), bottleneck=False).eval()


def resnet50() -> ResNet:
    """25.6 million weights, in eval mode."""
    torch.manual_seed(0)
    return ResNet((3, 4, 6, 3), bottleneck=True).eval()
