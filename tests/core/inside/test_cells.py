"""Receptive fields in closed form and by trying; arithmetic that adds up to what the layer returned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Subject, explain
from tests.networks import Plain, Tokens, picture, seeded


def edges(model: nn.Module, x: Tensor, layer: str, cell: tuple[int, int]) -> list[int]:
    """Left, top, right and bottom."""
    found = explain(model.eval(), x, "receptive_field", layer=layer, cell=cell)
    return [int(found.details[side]) for side in ("left", "top", "right", "bottom")]


def chain(*layers: tuple[int, int, int, int]) -> tuple[nn.Sequential, list[tuple[int, int, int]]]:
    """Convolutions (kernel, stride, padding, dilation), and size, step and begin of a field after each."""
    parts, fields = [], []
    size, step, begin = 1, 1, 0
    for kernel, stride, padding, dilation in layers:
        parts.append(nn.Conv2d(2, 2, kernel, stride, padding, dilation))
        size += (kernel - 1) * dilation * step
        begin -= padding * step
        step *= stride
        fields.append((size, step, begin))
    return seeded(lambda: nn.Sequential(*parts)), fields


@pytest.mark.parametrize("kind", [nn.Identity, nn.ReLU, lambda: nn.MaxPool2d(3, 1, 1)])
def test_convolutions_have_the_field_of_the_formula(kind: Any) -> None:
    model, fields = chain((3, 1, 1, 1), (5, 2, 2, 1), (3, 1, 2, 2), (2, 2, 0, 1))
    more = 2 if isinstance(kind(), nn.MaxPool2d) else 0
    x = picture(64, channels=2)
    last = nn.Sequential(model, kind())
    size, step, begin = fields[-1]
    for cell in ((7, 6), (8, 9)):
        low = [begin + step * at - more * step // 2 for at in cell]
        expected = [low[1], low[0], low[1] + size + more * step, low[0] + size + more * step]
        assert edges(last, x, "1" if more else "0", cell) == expected


@pytest.mark.parametrize("cell", [(0, 0), (0, 15), (15, 3), (8, 8)])
def test_at_the_border_it_reaches_into_the_padding(cell: tuple[int, int]) -> None:
    model, fields = chain((3, 1, 1, 1), (5, 2, 2, 1), (3, 1, 1, 1))
    size, step, begin = fields[-1]
    low = [begin + step * at for at in cell]
    found = explain(model, picture(32, channels=2), "receptive_field", layer="2", cell=cell)
    assert [found.details[side] for side in ("left", "top", "right", "bottom")] == [
        low[1], low[0], low[1] + size, low[0] + size,
    ]  # fmt: skip
    assert found.values.sum() == np.prod([min(at + size, 32) - max(at, 0) for at in low])
    beyond = any(at < 0 or at + size > 32 for at in low)
    assert any("beyond the picture" in note for note in found.warnings) == beyond


@pytest.mark.parametrize("cell", [(0, 0), (2, 3), (5, 5)])
def test_what_lies_outside_changes_nothing_and_its_edges_do(cell: tuple[int, int]) -> None:
    model, x = seeded(lambda: Plain(inplace=False)).double().eval(), picture().double()
    inside = torch.from_numpy(explain(model, x, "receptive_field", layer="conv2", cell=cell).values).bool()

    def at_cell(picture: Tensor) -> Tensor:
        with torch.no_grad():
            return model.conv2(model.pool(model.relu1(model.conv1(picture))))[0, :, cell[0], cell[1]]

    noise = seeded(lambda: torch.randn(40, *x.shape[1:]), 5).double()
    for one in noise:
        assert torch.equal(at_cell(torch.where(inside, x, one)), at_cell(x))
    rows, columns = (torch.nonzero(inside.any(axis)).flatten().tolist() for axis in (1, 0))
    for edge in (
        x.new_zeros(12, 12).bool().index_fill(0, torch.tensor(rows[0]), True),
        x.new_zeros(12, 12).bool().index_fill(0, torch.tensor(rows[-1]), True),
        x.new_zeros(12, 12).bool().index_fill(1, torch.tensor(columns[0]), True),
        x.new_zeros(12, 12).bool().index_fill(1, torch.tensor(columns[-1]), True),
    ):
        assert any(not torch.equal(at_cell(torch.where(edge, one, x)), at_cell(x)) for one in noise)


def test_attention_sees_the_whole_picture() -> None:
    found = explain(seeded(Tokens).eval(), picture(), "receptive_field", layer="mlp", cell=(0, 0))
    assert found.values.all()


def test_a_picture_that_is_wider_than_high() -> None:
    model, fields = chain((3, 2, 1, 1), (3, 1, 1, 1))
    x = seeded(lambda: torch.rand(1, 2, 9, 40))
    size, step, begin = fields[-1]
    left, top = begin + step * 10, begin + step * 2
    assert edges(model, x, "1", (2, 10)) == [left, top, left + size, top + size]


def test_where_every_field_is_cut_it_is_said_and_not_guessed() -> None:
    """Fields of 10 in a picture of 8: no cell tells how long they are."""
    model = seeded(lambda: nn.Sequential(*(nn.Conv2d(2, 2, 4, padding="same") for _ in range(3))))
    found = explain(model, picture(8, channels=2), "receptive_field", layer="2", cell=(0, 0))
    assert (found.details["left"], found.details["right"]) == (0, 7)
    assert found.details["cut"] == 1
    assert any("how far it goes on is not known" in note for note in found.warnings)


def test_a_model_that_removes_nan_is_said() -> None:
    class Cleaned(Plain):
        def features(self, x: Tensor) -> Tensor:
            return super().features(x.nan_to_num())

    with pytest.raises(ValueError, match="the receptive field at 'conv1' is not known, since the model removes NaN"):
        explain(seeded(Cleaned).eval(), picture(), "receptive_field", layer="conv1")


def test_not_a_number_in_the_picture_itself_does_not_matter() -> None:
    model, x = seeded(Plain).eval(), picture()
    clean = explain(model, x, "receptive_field", layer="conv2", cell=(2, 2)).values
    x[0, 0, 0, 0] = torch.nan
    np.testing.assert_array_equal(explain(model, x, "receptive_field", layer="conv2", cell=(2, 2)).values, clean)


CONVOLUTIONS = {
    "plain": lambda: nn.Conv2d(4, 6, 3, padding=1),
    "no bias": lambda: nn.Conv2d(4, 6, 3, padding=1, bias=False),
    "strided": lambda: nn.Conv2d(4, 6, (3, 5), stride=(2, 3), padding=(1, 2)),
    "dilated": lambda: nn.Conv2d(4, 6, 3, dilation=2, padding=2),
    "groups": lambda: nn.Conv2d(4, 6, 3, groups=2),
    "depthwise": lambda: nn.Conv2d(4, 4, 3, groups=4, padding=1),
    "1×1": lambda: nn.Conv2d(4, 6, 1),
    "same": lambda: nn.Conv2d(4, 6, (4, 3), padding="same"),
    "reflect": lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
    "circular": lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular"),
    "parametrized": lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 6, 3)),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("cell", [(0, 0), (2, 1)])
def test_it_adds_up_to_what_the_layer_returned(kind: str, cell: tuple[int, int]) -> None:
    conv = seeded(CONVOLUTIONS[kind]).double()
    first = seeded(lambda: nn.Conv2d(3, 4, 3, padding=1), 3).double()
    model = nn.Sequential(first, conv, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    x = picture().double()
    with torch.no_grad():
        returned = conv(first(x))[0]
    for channel in (0, 3):
        ours = explain(model, x, "cell_arithmetic", layer="1", channel=channel, cell=cell)
        patch, kernel, inside = ours.values
        total = (patch * kernel).sum() + ours.details["bias"]
        assert total == pytest.approx(float(returned[channel, cell[0], cell[1]]), abs=1e-14)
        assert ours.details["activation"] == pytest.approx(total, abs=1e-14)
        np.testing.assert_array_equal(kernel, conv.weight[channel].detach().numpy())
        assert ours.details["has a bias"] == (conv.bias is not None)
        assert ours.details["first channel"] == {"groups": channel // 3 * 2, "depthwise": channel}.get(kind, 0)
        if kind == "plain":
            assert inside[0].tolist() == ([[0, 0, 0], [0, 1, 1], [0, 1, 1]] if cell == (0, 0) else [[1] * 3] * 3)


def test_a_signal_has_one_row() -> None:
    conv = seeded(lambda: nn.Conv1d(2, 3, 5, stride=2, padding=2)).double()
    x = seeded(lambda: torch.rand(1, 2, 16)).double()
    ours = explain(nn.Sequential(conv, nn.Flatten()).eval(), x, "cell_arithmetic", layer="0", channel=1, cell=(0, 3))
    patch, kernel, _ = ours.values
    assert patch.shape == (2, 1, 5)
    np.testing.assert_array_equal(patch[:, 0], x[0, :, 4:9].numpy())
    assert (patch * kernel).sum() + ours.details["bias"] == pytest.approx(float(conv(x)[0, 1, 3]))


def test_other_layers_name_a_convolution() -> None:
    subject = Subject(seeded(Plain), picture())
    with pytest.raises(ValueError, match="layer: 'relu2' is a ReLU; only convolutions add up like this; nearest: "):
        explain(subject.twin.module, picture(), "cell_arithmetic", layer="relu2", channel=0)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ((6, 0), r"cell: \(6, 0\) is outside the 6×6 cells of 'conv2'"),
        ((0, -1), r"cell: \(0, -1\) is outside the 6×6 cells of 'conv2'"),
        ((1.5, 0), r"cell: expected \(row, column\), got \(1.5, 0\)"),
        (3, r"cell: expected \(row, column\), got 3"),
    ],
)
def test_a_cell_that_does_not_exist(cell: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        explain(seeded(Plain), picture(), "receptive_field", layer="conv2", cell=cell)


def test_a_method_without_cells_takes_none() -> None:
    with pytest.raises(ValueError, match=r"cell: grad_cam does not look at one cell, got \(0, 0\)"):
        explain(seeded(Plain), picture(), "grad_cam", layer="conv2", cell=(0, 0))
