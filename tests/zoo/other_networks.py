"""Small networks for volumes, signals, graphs, and several inputs or outputs, as people write them by hand."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.networks import CLASSES


class Volume(nn.Module):
    """(N, C, D, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv3d(1, 6, 3, padding=1), nn.Conv3d(6, 8, 3, 2, 1)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.conv2(F.relu(self.conv1(x)))).mean((2, 3, 4)))


class Recurrent(nn.Module):
    """The mean over all steps (N, T, C) of an LSTM or a GRU."""

    def __init__(self, kind: type[nn.RNNBase], features: int, width: int, **more: Any) -> None:
        super().__init__()
        self.rnn = kind(features, width, batch_first=True, **more)
        self.head = nn.Linear(width * (2 if more.get("bidirectional") else 1), CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0].mean(1))


class LastStep(nn.Module):
    """Convolutions along time, then an LSTM of which the last step alone is read."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 8, 5, 2, 2)
        self.act = nn.ReLU()
        self.rnn = nn.LSTM(8, 12, batch_first=True)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(self.act(self.conv(x)).mT)[0][:, -1])


class SignalTransformer(nn.Module):
    """Attention over time steps (N, T, F)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 24, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x)).mean(1))


def signal_cnn() -> nn.Module:
    """(N, C, L)."""
    return nn.Sequential(
        nn.Conv1d(2, 6, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(6, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, CLASSES),
    )  # fmt: skip


class Siamese(nn.Module):
    """Two pictures through one body."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
        self.head = nn.Linear(16, CLASSES)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.head(torch.cat([self.body(x).mean((2, 3)) for x in (a, b)], 1))


class GraphConvolution(nn.Module):
    """Each node gets the mean of its neighbours: (nodes, F) and edges (2, E)."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(features, width)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        adjacent = torch.eye(len(x))
        adjacent[edge_index[0], edge_index[1]] = 1
        return adjacent / adjacent.sum(1, keepdim=True) @ self.fc(x)


class GCN(nn.Module):
    """Scores for every node."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = GraphConvolution(5, 8), GraphConvolution(8, CLASSES)
        self.act = nn.ReLU()

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.conv2(self.act(self.conv1(x, edge_index)), edge_index)


class TwoTowers(nn.Module):
    """How well a picture goes with each of some prompts."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 12, 3, 2), nn.ReLU())
        self.embed = nn.Embedding(20, 12)
        self.places = nn.Embedding(4, 12)
        self.text = nn.TransformerEncoderLayer(12, 2, 24, batch_first=True)

    def forward(self, image: Tensor, prompts: Tensor) -> Tensor:
        features = F.normalize(self.image(image).mean((2, 3)), dim=1)
        words = self.embed(prompts) + self.places(torch.arange(prompts.shape[1]))[None]
        return 10 * features @ F.normalize(self.text(words).mean(1), dim=1).T


class Body(nn.Module):
    """Features, and what was pooled of them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.conv(x).relu()
        return maps, maps.mean((2, 3))


class MultiOutput(nn.Module):
    """The head reads the second of the tensors that the body returns."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = Body(), nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)[1])


class Detector(nn.Module):
    """A list of dicts with boxes, labels and scores, as torchvision's detectors answer: one box for each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 5, 4, 2), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.classes, self.boxes = nn.Conv2d(8, CLASSES, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        answers = []
        for image in images:
            features = self.body(image[None])
            scores, labels = self.classes(features).sigmoid()[0].flatten(1).max(0)
            rows, columns = features.shape[2:]
            y, x = torch.meshgrid(torch.arange(rows) * 8.0, torch.arange(columns) * 8.0, indexing="ij")
            corner = torch.stack([x, y], 2).reshape(-1, 2)
            size = 6 + 2 * self.boxes(features)[0].flatten(1).T.sigmoid()[:, 2:]
            order = scores.argsort(descending=True)[:5]
            boxes = torch.cat([corner, corner + size], 1)
            answers.append({"boxes": boxes[order], "labels": labels[order] + 1, "scores": scores[order]})
        return answers
