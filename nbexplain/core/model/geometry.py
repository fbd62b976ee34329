"""Geometry: which axes of a layer's output are channels, which are places, and where in the input each cell lies.

Asked of the network. Of two slices along an axis of an output, the gradients with respect to something whose places are
known (the input, or a layer before it) have their energy at different places if that axis runs over places, and at the
same places if it runs over channels. Single tokens then tell how a row of tokens lies on the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core.model.token_grid import Layout, fitted_grid, sampled

ROLES = ("n", "c", "z", "y", "x", "t", ".")
LETTERS = "n (input), c (channels), z, y, x (depth, rows, columns), t (tokens or time), . (neither)"

_2D = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.InstanceNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.Dropout2d)
_3D = (nn.Conv3d, nn.ConvTranspose3d, nn.BatchNorm3d, nn.InstanceNorm3d, nn.MaxPool3d, nn.AvgPool3d, nn.Dropout3d)
_POOLED_2D, _POOLED_3D = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d), (nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool3d)
_PLAIN: dict[type[nn.Module], tuple[str, ...]] = {
    **dict.fromkeys((*_2D, *_POOLED_2D), ("n", "c", "y", "x")),
    **dict.fromkeys((*_3D, *_POOLED_3D), ("n", "c", "z", "y", "x")),
}

_MOVES = 0.1  # of a side: below that, two slices are at the same place
_MOVES_ALIKE = 0.2  # the same where two axes are equally long, so that nothing else tells them apart
_WHOLE = 0.02  # cells: so far from a whole number of them a token that holds one place may be
_SHARE = 0.35  # of the axis that moves most; channels move a little too, by chance
_INWARD = 16  # slices from an end that may come from nowhere
_TRIES = 4  # layers of one shape that are asked, and things whose places are known that they are asked about


@dataclass(frozen=True)
class Geometry:
    """What the axes of one output mean.

    Attributes
    ----------
    axes
        The role of each axis; see `LETTERS`.
    grid
        Sizes of the places that span the input: (depth, rows, columns), (rows, columns) or (places,); None without.
    prefix, suffix
        Tokens before and behind the grid (class tokens, registers).
    order
        Sides of the grid in the order in which its tokens run over them, the last one fastest: (1, 0) for column after
        column, (1, 2, 0) where the frames of each patch follow each other. `()` for row after row.
    note
        Why there is no grid where one might be expected, or `""`.
    """

    axes: tuple[str, ...]
    grid: tuple[int, ...] | None = None
    prefix: int = 0
    suffix: int = 0
    order: tuple[int, ...] = ()
    note: str = ""

    def arranged(self, output: Tensor) -> Tensor:
        """An output (N, …) as (N, channels, *grid); without a grid as (N, channels, places)."""
        cells = self.cells(output)
        if self.grid is None:
            return cells
        order = self.order or tuple(range(len(self.grid)))
        laid = cells.reshape(*cells.shape[:2], *(self.grid[side] for side in order))
        return laid.permute(0, 1, *(2 + order.index(side) for side in range(len(order))))

    def steps(self) -> tuple[int, ...]:
        """How many tokens on the next cell lies, along each side of the grid."""
        grid = self.grid or ()
        order = self.order or tuple(range(len(grid)))
        return tuple(math.prod(grid[one] for one in order[order.index(side) + 1 :]) for side in range(len(grid)))

    def cells(self, output: Tensor) -> Tensor:
        """An output (N, …) as (N, channels, places), without the tokens before and behind the grid."""
        order = {role: [axis for axis, one in enumerate(self.axes) if one == role] for role in ROLES}
        places = [*order["z"], *order["y"], *order["x"], *order["t"], *order["."]]
        if order["t"]:
            along = order["t"][0]
            output = output.narrow(along, self.prefix, output.shape[along] - self.prefix - self.suffix)
        wide = math.prod(output.shape[axis] for axis in order["c"])
        moved = output.permute(*order["n"], *order["c"], *places)
        return moved.reshape(len(moved), wide, math.prod(output.shape[axis] for axis in places))

    def over_channels(self, values: Tensor, shape: Sequence[int]) -> Tensor:
        """Values (N, channels) as they stand beside an output of this shape, ready to be broadcast."""
        sizes = [1] * len(shape)
        sizes[self.axes.index("n")] = len(values)
        for axis, role in enumerate(self.axes):
            if role == "c":
                sizes[axis] = shape[axis]
        return values.reshape(sizes) if self.axes.index("n") == 0 else _inputs_at(values, self.axes, sizes)


def _inputs_at(values: Tensor, axes: Sequence[str], sizes: Sequence[int]) -> Tensor:
    """The same where the inputs do not stand in the first axis."""
    at = axes.index("n")
    rest = [size for axis, size in enumerate(sizes) if axis != at]
    return values.reshape(len(values), *rest).movedim(0, at)


def parsed(name: str, axes: str, shape: Sequence[int]) -> tuple[str, ...]:
    """The roles in the user's `"n t c"` for an output of this shape.

    Raises
    ------
    TypeError, ValueError
        If they are none, or do not fit the shape.
    """
    if not isinstance(axes, str):
        raise TypeError(f"axes: expected letters such as 'n t c' for {name!r}, got {axes!r}")
    roles = tuple(axes.split())
    if set(roles) - set(ROLES) or any(roles.count(one) > 1 for one in roles if one not in ("c", ".")):
        raise ValueError(f"axes: expected letters for {name!r}, each of {LETTERS}, got {axes!r}")
    if len(roles) != len(shape):
        raise ValueError(
            f"axes: {axes!r} names {len(roles)} axes, but the output of {name!r} has {len(shape)}: {tuple(shape)}"
        )
    if "n" not in roles or shape[roles.index("n")] != 1:
        raise ValueError(f"axes: {axes!r} must name n, an axis of size 1, in the output of {name!r}: {tuple(shape)}")
    return roles


def inputs_axis(shape: Sequence[int]) -> int | None:
    """The axis of the inputs, of which there is one: the first, or the second of (steps, inputs, channels)."""
    if len(shape) > 1 and shape[0] == 1:
        return 0
    return 1 if len(shape) == 3 and shape[1] == 1 else None


def has_input_axis(shape: Sequence[int]) -> bool:
    """Whether there is such an axis, and another one."""
    return len(shape) > 1 and inputs_axis(shape) is not None


def channels(geometry: Geometry, shape: Sequence[int]) -> int:
    """Number of channels of an output; 1 where none of its axes runs over channels."""
    return math.prod(size for size, role in zip(shape, geometry.axes, strict=False) if role == "c")


def by_convention(shape: Sequence[int]) -> tuple[str, ...]:
    """Roles where nothing is known of places: channels come first, and last in (inputs, tokens, channels)."""
    at = inputs_axis(shape)
    roles = ["n" if axis == at else "." for axis in range(len(shape))]
    roles[-1 if len(shape) == 3 else 1] = "c"
    return tuple(roles)


def is_unmistakable(geometry: Geometry, shape: Sequence[int]) -> bool:
    """Whether no other order of the axes gives this shape: no other axis is as long as that of the channels."""
    wide = [size for size, role in zip(shape, geometry.axes, strict=True) if role == "c"]
    return len(wide) == 1 and list(shape).count(wide[0]) == 1


def plain(module: nn.Module, shape: Sequence[int]) -> Geometry | None:
    """The geometry of an output that leaves no doubt, by its size or the type of the module; else None."""
    at = inputs_axis(shape)
    if at is None:
        return None
    rest = [axis for axis in range(len(shape)) if axis != at]
    if len(rest) <= 1 or math.prod(shape) == max(shape):
        widest = max(rest, key=lambda axis: shape[axis], default=None)
        return Geometry(tuple("n" if a == at else "c" if a == widest else "." for a in range(len(shape))))
    roles = _PLAIN.get(type(module))
    if roles is None or len(roles) != len(shape) or at != 0:
        return None
    return Geometry(roles, _grid(shape[2:]))


def _grid(sizes: Sequence[int]) -> tuple[int, ...] | None:
    return tuple(sizes) if math.prod(sizes) > 1 else None


Known = tuple[Tensor, Geometry]  # something of the pass, and where its places are


class Asking:
    """Asks one recorded pass.

    Parameters
    ----------
    source
        What the explained input is in the graph: the input, or its embedding; None where no gradient reaches it.
    geometry
        Of the source; None where the network has to be asked for it as well.
    nodes
        How many nodes a graph has, whose layers keep them in the first axis; their neighbours may be anywhere. 0 of
        other inputs.
    """

    def __init__(self, source: Tensor | None, geometry: Geometry | None, nodes: int = 0) -> None:
        self._nodes = nodes
        self.source = source
        self.geometry = geometry
        self._known: list[Known] = [] if source is None or geometry is None else [(source, geometry)]
        self._layouts: dict[int, Geometry] = {}  # by the number of tokens
        self._in_order = True  # the model has not put its tokens into another order

    def learn(self, output: Tensor, geometry: Geometry) -> None:
        """Use an output whose places are known for what comes after it."""
        if geometry.grid is not None and math.prod(geometry.grid) >= 4 and output.requires_grad:
            self._known.append((output, geometry))
            if "t" in geometry.axes:
                self._layouts.setdefault(output.shape[geometry.axes.index("t")], geometry)

    def learn_source(self, outputs: Sequence[Tensor]) -> None:
        """Find out which axis of a source (1, a, b) runs over places, from the first outputs that tell.

        By convention (1, channels, places), where none does; the longer one, where none mixes what stands along either,
        as where a network treats each variable of a series alike.
        """
        if self.source is None or self.geometry is not None:
            return
        shape = self.source.shape
        both = Geometry(("n", "y", "x"), (shape[1], shape[2]))
        place, apart = 2, False
        for output in outputs:
            moved = self._moves(output, (self.source, both))
            if moved is None:
                continue
            along = [max(abs(move[axis]) for move in moved.values()) for axis in (0, 1)]
            top = max(along)
            still = [axis for axis, move in moved.items() if max(map(abs, move)) < _SHARE * top]
            if still and top > 2 * _MOVES and min(along) < _SHARE * top:
                place, apart = 1 + along.index(max(along)), False
                break
            apart = apart or min(along) > 2 * _MOVES
        if apart and shape[1] > shape[2]:
            place = 1
        self.geometry = Geometry(("n", "t", "c") if place == 1 else ("n", "c", "t"), _grid([shape[place]]))
        if self.geometry.grid is not None:
            self._known.insert(0, (self.source, self.geometry))

    def ask(self, output: Tensor) -> Geometry | None:
        """What the axes of an output (1, …) mean, or None where it is not clear."""
        if self._nodes and tuple(output.shape[:2]) == (1, self._nodes) and output.ndim == 3:
            return Geometry(("n", "t", "c"), (self._nodes,))
        if inputs_axis(output.shape) is None or not output.requires_grad:
            return None
        tried: set[tuple[int, ...]] = set()
        for known in [*reversed(self._known)]:
            grid = known[1].grid
            if grid in tried or known[0] is output:
                continue
            moved = self._moves(output, known)
            if moved is None:  # it does not come from there
                continue
            assert grid is not None
            tried.add(grid)
            found = self._read(output, moved, known)
            if found is not None or len(tried) == _TRIES:
                return found
        return None

    def puts_in_order(self, output: Tensor, geometry: Geometry) -> bool:
        """Whether tokens lie as a grid of rows and columns says, or have been mixed too much to tell.

        They do not where the model has put them into another order on the way, such as that of windows. From then on
        no row of tokens is taken for a grid.
        """
        grid, axis = geometry.grid or (), geometry.axes.index("t")
        if len(grid) != 2 or min(grid) < 2 or not output.requires_grad:
            return True
        below, beside = geometry.steps()
        middle = geometry.prefix + (grid[0] - 1) // 2 * below + (grid[1] - 1) // 2 * beside
        signs = torch.randint(0, 2, output.shape, generator=torch.Generator().manual_seed(1)).to(output) * 2 - 1

        def centre(token: int, known: Known) -> list[float] | None:
            seed = torch.zeros_like(output)
            seed.select(axis, token).copy_(signs.select(axis, token))
            return _centre(output, seed, known)

        for known in reversed(self._known):
            if len(known[1].grid or ()) == 2 and known[0] is not output:
                found = [centre(token, known) for token in (middle, middle + below, middle + beside)]
                centres = [one for one in found if one is not None]
                if len(centres) == 3:
                    break
        else:
            return True
        first, *others = centres
        moved = [[(one - at) * size for at, one, size in zip(first, other, grid, strict=True)] for other in others]
        held = not any(all(abs(step) < 0.5 for step in steps) for steps in moved)  # else two hold the same mix
        if not (held and any(_is_whole(steps) for steps in moved)):
            return True  # each token holds a mix of several places
        (down, aside), (back, right) = moved
        # more than a cell at once, but alike: the mean of one window, and that of the next
        self._in_order = max(abs(aside), abs(back), abs(down - right)) < 0.5 <= min(down, right)
        return self._in_order

    def contradicts(self, output: Tensor, geometry: Geometry) -> bool:
        """Whether the places of an output run along other sides than its geometry says, or backwards."""
        sides = [axis for role in "zyx" for axis, one in enumerate(geometry.axes) if one == role]
        alike = (one for one in reversed(self._known) if len(one[1].grid or ()) == len(sides) and one[0] is not output)
        known = next(alike, None)
        if known is None or not output.requires_grad:
            return False
        moved = self._moves(output, known) or {}
        for side, axis in enumerate(sides):
            move = moved.get(axis, [0.0])
            most = max(range(len(move)), key=lambda i: abs(move[i]))
            if abs(move[most]) >= _MOVES_ALIKE and (most != side or move[most] < 0):
                return True
        return False

    def told(self, output: Tensor, roles: tuple[str, ...]) -> Geometry:
        """The geometry of an output whose axes the user has named."""
        if "t" not in roles:
            return Geometry(roles, _grid([output.shape[roles.index(one)] for one in ("z", "y", "x") if one in roles]))
        axis = roles.index("t")
        for known in reversed(self._known):
            if (laid := self._laid_out(output, axis, known)) is not None:
                return Geometry(roles, *laid)
        length = output.shape[axis]
        if self.geometry is not None and len(self.geometry.grid or ()) == 1:
            return Geometry(roles, (length,))
        return Geometry(roles, note=f"how its {length} tokens lie on the input is not clear")

    # How it is asked

    def _moves(self, output: Tensor, known: Known) -> dict[int, list[float]] | None:
        """How far the gradient's centre moves along each side of what is known, for each axis longer than 1."""
        at = inputs_axis(output.shape)
        signs = torch.randint(0, 2, output.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
        signs = signs.to(output)
        moves: dict[int, list[float]] = {}
        for axis, size in enumerate(output.shape):
            if axis == at or size == 1:
                continue
            low = size // 5 if size >= 5 else 0
            centres = []
            for end, step in ((low, 1), (size - 1 - low, -1)):
                centre: list[float] | None = [math.nan]
                for index in range(end, end + step * min(_INWARD, (size - 2 * low) // 2), step):
                    seed = torch.zeros_like(output)
                    seed.select(axis, index).copy_(signs.select(axis, index))
                    centre = _centre(output, seed, known)
                    if centre is None:
                        return None
                    if not any(map(math.isnan, centre)):
                        break  # else a class token, a register or a padded place, which comes from nowhere
                assert centre is not None
                centres.append(centre)
            if any(math.isnan(one) for centre in centres for one in centre):
                moves[axis] = [0.0] * len(centres[0])  # one end says nothing: a class token, a padded place
            else:
                moves[axis] = [after - before for before, after in zip(*centres, strict=True)]
        return moves

    def _read(self, output: Tensor, moved: dict[int, list[float]], known: Known) -> Geometry | None:
        sides = {axis: max(range(len(move)), key=lambda i: abs(move[i])) for axis, move in moved.items()}
        far = {axis: abs(moved[axis][side]) for axis, side in sides.items()}
        top = max(far.values(), default=0.0)
        alike = len({output.shape[axis] for axis in moved}) < len(moved)  # no other layer of this shape would tell
        if top < (_MOVES_ALIKE if alike else _MOVES):
            return None
        places = [axis for axis, distance in far.items() if distance >= max(_MOVES, _SHARE * top)]
        names = _sides_of(known[1])
        roles = ["."] * output.ndim
        at = inputs_axis(output.shape)
        assert at is not None
        roles[at] = "n"
        laid: Layout | None
        if len(places) == 1:
            laid = self._laid_out(output, places[0], known)
            if laid is None:
                return None
            roles[places[0]] = "t"
        else:
            if len({sides[axis] for axis in places}) < len(places) or any(moved[a][sides[a]] < 0 for a in places):
                return None  # two axes over the same side: windows, or the weights of an attention
            if len(places) == len(moved) and not all(_is_straight(moved[axis], sides[axis]) for axis in places):
                return None  # no axis is left for channels: one of them may be those, and have moved by chance
            for axis in places:
                roles[axis] = names[sides[axis]]
            sizes = {names[sides[axis]]: output.shape[axis] for axis in places}
            laid = (tuple(sizes.get(name, 1) for name in names), 0, 0, ())
        wide = [axis for axis in moved if axis not in places]
        for axis in wide or [axis for axis, role in enumerate(roles) if role == "."][:1]:
            roles[axis] = "c"
        return Geometry(tuple(roles), *laid)

    def _laid_out(self, output: Tensor, axis: int, known: Known) -> Layout | None:
        """How the tokens along an axis lie, or None where no grid explains it."""
        length = output.shape[axis]
        if not self._in_order and len(known[1].grid or ()) == 2:
            return None
        if (layout := self._layouts.get(length)) is not None and layout.grid is not None:
            return layout.grid, layout.prefix, layout.suffix, layout.order
        tokens = sampled(length)
        centres = np.full((len(tokens), len(known[1].grid or ())), np.nan)
        signs = torch.randint(0, 2, output.shape, generator=torch.Generator().manual_seed(1)).to(output) * 2 - 1
        for row, token in enumerate(tokens):
            seed = torch.zeros_like(output)
            seed.select(axis, token).copy_(signs.select(axis, token))
            centre = _centre(output, seed, known)
            if centre is not None:
                centres[row] = centre
        return fitted_grid(length, tokens, centres, known[1].grid, known[1].order)


def _is_whole(steps: Sequence[float]) -> bool:
    """Whether a step from one token to another leads to another cell, and to the middle of it."""
    off = [abs(step - round(step)) if math.isfinite(step) else math.inf for step in steps]
    return max(off) <= _WHOLE and any(round(step) for step in steps)


def _is_straight(move: Sequence[float], side: int) -> bool:
    """Whether an axis runs far along one side, and hardly along the others."""
    others = [abs(distance) for other, distance in enumerate(move) if other != side]
    return move[side] >= 3 * _MOVES and max(others, default=0.0) < _SHARE * move[side]


def _centre(output: Tensor, seed: Tensor, known: Known) -> list[float] | None:
    """Where in what is known the gradient's energy lies, as shares of its sides; NaN without energy.

    None if the output does not come from there.
    """
    with torch.enable_grad():  # of a number: with a seed for each value torch imports sympy first, a third of a second
        asked = (output * seed).sum()
    try:
        (gradient,) = torch.autograd.grad(asked, known[0], retain_graph=True, allow_unused=True)
    except Exception:  # a backward pass that the model itself makes impossible tells nothing
        return None
    if gradient is None:
        return None
    energy = known[1].arranged(gradient.abs().double() ** 2).sum((0, 1)).cpu()
    total = float(energy.sum())
    if not (math.isfinite(total) and total > 0):
        return [math.nan] * energy.ndim
    centre = []
    for side, size in enumerate(energy.shape):
        along = energy.sum([other for other in range(energy.ndim) if other != side]) if energy.ndim > 1 else energy
        centre.append(float((along * (torch.arange(size) + 0.5)).sum()) / size / total)
    return centre


def _sides_of(geometry: Geometry) -> tuple[str, ...]:
    return ("z", "y", "x")[-len(geometry.grid or ()) :] if len(geometry.grid or ()) > 1 else ("t",)
