"""Networks for pictures as people write them by hand, small: each arranges channels and places in a way of its own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 3


class LayerNorm2d(nn.LayerNorm):
    """A layer norm over the channels of (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """A depthwise convolution, then linear layers on channels that are moved last."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + self.mlp(y).permute(0, 3, 1, 2)


class ConvNeXtLike(nn.Module):
    """Layer norms on (N, C, H, W), the last one after the pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 4, 4), LayerNorm2d(8))
        self.block1 = ConvNeXtBlock(8)
        self.down = nn.Sequential(LayerNorm2d(8), nn.Conv2d(8, 16, 2, 2))
        self.block2 = ConvNeXtBlock(16)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.norm = LayerNorm2d(16)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.down(self.block1(self.stem(x))))
        return self.head(self.norm(self.pool(x)).flatten(1))


class WindowBlock(nn.Module):
    """Attention inside windows, which are folded into the batch axis, on (N, H, W, C)."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        n, h, w, c = x.shape
        s = self.side
        y = F.pad(self.norm1(x), (0, 0, 0, -w % s, 0, -h % s))
        rows, columns = y.shape[1] // s, y.shape[2] // s
        y = y.reshape(n, rows, s, columns, s, c).transpose(2, 3).reshape(-1, s * s, c)
        y = self.attention(y, y, y, need_weights=False)[0]
        y = y.reshape(n, rows, columns, s, s, c).transpose(2, 3).reshape(n, rows * s, columns * s, c)[:, :h, :w]
        x = x + y
        return x + self.mlp(self.norm2(x))


class WindowAttention(nn.Module):
    """Swin as torchvision and timm write it: channels last between the stages."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.block1, self.block2 = WindowBlock(8, 4), WindowBlock(8, 4)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        return self.head(self.norm(self.block2(self.block1(x))).mean((1, 2)))


class Stage(nn.Module):
    """(N, H, W, C) in and out."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tanh(self.fc(x))


class ChannelsLast(nn.Module):
    """Stages whose channels are last, of which there are as many as rows."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.stage, self.head = nn.Conv2d(3, 16, 4, 4, 1), Stage(16), nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stage(self.patch(x).permute(0, 2, 3, 1)).mean((1, 2)))


def convolved(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))


class UNet(nn.Module):
    """A segmentation: every cell of the output has scores of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.bottleneck = convolved(3, 8), convolved(8, 12), convolved(12, 16)
        self.up2, self.up1 = convolved(28, 12), convolved(20, 8)
        self.out = nn.Conv2d(8, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.down1(x)
        two = self.down2(F.max_pool2d(one, 2))
        x = self.bottleneck(F.max_pool2d(two, 2))
        x = self.up2(torch.cat([F.interpolate(x, two.shape[2:]), two], 1))
        return self.out(self.up1(torch.cat([F.interpolate(x, one.shape[2:]), one], 1)))


class Mixed(nn.Module):
    """Branches side by side, concatenated."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch1 = nn.Conv2d(channels, 4, 1)
        self.branch3 = nn.Sequential(nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1))
        self.branch_pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(channels, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(torch.cat([self.branch1(x), self.branch3(x), self.branch_pool(x)], 1), inplace=True)


class Inception(nn.Module):
    """The last module that runs before the pooling sees a part of the channels only."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2)
        self.mixed1, self.mixed2 = Mixed(8), Mixed(14)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(14, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mixed2(F.max_pool2d(self.mixed1(self.stem(x)), 3, 2))
        return self.head(self.drop(F.adaptive_avg_pool2d(x, 1)).flatten(1))


class SqueezeExcite(nn.Module):
    """Weighs channels with what is pooled of all of them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pool, self.reduce, self.expand = nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, 4, 1), nn.Conv2d(4, width, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.expand(self.reduce(self.pool(x)).relu()))


class SENet(nn.Module):
    """The gate finishes after the convolution that it weighs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = convolved(3, 12)
        self.down = nn.Conv2d(12, 12, 3, 2, 1)
        self.excite = SqueezeExcite(12)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.excite(self.down(self.body(x))).mean((2, 3)))


class Mixer(nn.Module):
    """Linear layers across tokens and across channels in turn: (N, T, C) and (N, C, T)."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 12, 15, 15)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(12), nn.LayerNorm(12), nn.LayerNorm(12)
        self.across_tokens = nn.Sequential(nn.Linear(places, 16), nn.GELU(), nn.Linear(16, places))
        self.across_channels = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).mT
        x = x + self.across_tokens(self.norm1(x).mT).mT
        x = x + self.across_channels(self.norm2(x))
        return self.head(self.norm3(x).mean(1))


def spectrogram_cnn() -> nn.Module:
    """Frequencies are pooled, times are not: as many channels as rows are left."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, (4, 1), 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES)
    )


class ViT(nn.Module):
    """Patches of 16×16 with `extra` tokens before them, or after them; the head reads the mean of all, or the first."""

    def __init__(self, extra: int = 1, *, last: bool = False, mean: bool = True) -> None:
        super().__init__()
        self.patch, self.extra = nn.Conv2d(3, 16, 16, 16), nn.Parameter(torch.randn(1, extra, 16))
        self.last, self.mean = last, mean
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True) for _ in range(2))
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).mT
        extra = self.extra.expand(len(x), -1, -1)
        x = torch.cat([x, extra] if self.last else [extra, x], 1)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(1) if self.mean else x[:, -1 if self.last else 0])
