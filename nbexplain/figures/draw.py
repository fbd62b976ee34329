"""The pictures and charts on a figure. A box is (left, top, width, height) in points from the upper left corner."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox, TransformedBbox
from PIL import Image

from nbexplain.core.explanation import Explanation
from nbexplain.figures.colours import Scale, blend, colour, enlarge, hatch, scale_of
from nbexplain.figures.content import Content, Picture
from nbexplain.figures.text import GREY, INK, LINE_HEIGHT, text_width, wrap, write
from nbexplain.figures.words import rounded

SMALL = 7.5
PLAIN, POSITIVE, NEGATIVE = "#31688e", "#b2182b", "#2166ac"  # of viridis and RdBu
LINE, _FRAME = "#9a9a9a", 170
_UNDER_LINE, _OVER_LINE = (0, 0, 0, 0x40), (255, 255, 255, 0x99)  # of the borders between superpixels
_TALLEST = 1.4  # height of a picture, in widths
_GAP = 4.0
_SQUARES_ABOVE = 3.0  # points for each pixel: a picture is drawn in squares, and a map of its pixels as well

Box = tuple[float, float, float, float]


def body_height(content: Content, picture: Picture | None, width: float) -> float:
    """How high the picture or chart is at a width, in points."""
    if content.kind == "map":
        return map_size(content, picture, width)[1]
    if content.kind == "sheet":
        columns, _, pitch = _sheet(content, width)
        return ceil(len(content.values) / columns) * pitch
    heights = {"table": 0.75, "plane": 0.8, "curves": 0.65, "confusion": 0.6, "rates": 0.8, "residuals": 0.6}
    return width * heights.get(content.kind, 0.5)


def map_size(content: Content, picture: Picture | None, width: float) -> tuple[float, float]:
    """Width and height of a map and its picture; a tall one is narrower than its place."""
    rows, columns = picture.pixels.shape[:2] if picture else content.values.shape
    height = width * min(_TALLEST, rows / columns)
    return height * columns / rows, height


def place(figure: Figure, box: Box) -> Box:
    """A box as (left, bottom, width, height) in parts of the figure, its edges between whole pixels."""
    wide, high = (float(side) * figure.dpi for side in figure.get_size_inches())
    left, top, right, bottom = (round(x * figure.dpi / 72) for x in (box[0], box[1], box[0] + box[2], box[1] + box[3]))
    return left / wide, 1 - bottom / high, (right - left) / wide, (bottom - top) / high


def pixels_of(figure: Figure, box: Box) -> tuple[int, int]:
    """Height and width of a box in pixels, as `place` rounds them."""
    _, _, width, height = place(figure, box)
    wide, high = (float(side) * figure.dpi for side in figure.get_size_inches())
    return max(1, round(height * high)), max(1, round(width * wide))


def show(figure: Figure, box: Box, pixels: np.ndarray, *, cells: bool = False) -> None:
    """Put pixels (y, x, 3) into a box; without axes, which would take most of the time."""
    bounds = TransformedBbox(Bbox.from_bounds(*place(figure, box)), figure.transFigure)
    how = "nearest" if cells else "antialiased"
    image = BboxImage(bounds, origin="upper", interpolation=how, resample=True)
    image.set_data(pixels)
    figure.add_artist(image)


def draw_map(figure: Figure, box: Box, content: Content, scale: Scale, picture: Picture | None, opacity: float) -> None:
    """A map of cells, enlarged (interpolated) to the box, over the picture if there is one."""
    left, top, room, _ = box
    width, height = map_size(content, picture, room)
    box = (left + (room - width) / 2, top, width, height)
    down, across = pixels_of(figure, box)
    values = enlarge(content.values, down, across, smooth=not in_squares(content, width))
    below = _enlarged(picture, down, across, width) if picture else np.full((down, across, 3), 255, dtype=np.uint8)
    colours = colour(values, scale, fade=picture is not None)
    pixels = hatch(blend(below, colours, opacity if picture else 1.0), np.isnan(values))
    if content.labels is not None:
        pixels = with_borders(pixels, enlarge(content.labels, down, across, smooth=False))
    show(figure, box, pixels)


def with_borders(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Thin lines where labels (y, x) change: light ones on wider dark ones, one of which is seen on any colour."""
    line = np.zeros(labels.shape, dtype=bool)
    line[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    line[1:] |= labels[1:] != labels[:-1]
    wide = line.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            wide |= np.roll(line, step, axis)
    for where, stroke in ((wide, _UNDER_LINE), (line, _OVER_LINE)):
        colours = np.where(where[..., None], np.array(stroke, dtype=np.uint8), np.uint8(0))
        pixels = blend(pixels, colours, 1.0)
    return pixels


def in_squares(content: Content, width: float) -> bool:
    """Whether the cells of a map are drawn as they are: each belongs to one pixel, and these are large."""
    return content.per_pixel and width > _SQUARES_ABOVE * content.values.shape[1]


def _enlarged(picture: Picture, height: int, width: int, points: float) -> np.ndarray:
    squares = points > _SQUARES_ABOVE * picture.pixels.shape[1]
    how = Image.Resampling.NEAREST if squares else Image.Resampling.BICUBIC
    pixels = np.asarray(Image.fromarray(np.ascontiguousarray(picture.pixels)).resize((width, height), how))
    if picture.missing is None or not picture.missing.any():
        return pixels
    holes = enlarge(picture.missing.astype(np.float32), height, width, smooth=False) > 0
    return hatch(np.where(holes[..., None], np.uint8(255), pixels), holes)


def _sheet(content: Content, width: float) -> tuple[int, float, float]:
    """Columns, and width and pitch downwards of the thumbnails."""
    count, rows, across = content.values.shape
    aspect = min(_TALLEST, rows / across)
    few = ceil(sqrt(count * aspect))
    even = (columns for columns in (few, few + 1, few + 2) if count % columns == 0)  # without a gap in the last row
    columns = max(1, min(count, next(even, few), int(width // 32)))
    thumb = (width + _GAP) / columns - _GAP
    return columns, thumb, thumb * aspect + SMALL * LINE_HEIGHT + 2


def draw_sheet(figure: Figure, box: Box, content: Content, signed: bool, colormap: str | None) -> None:
    """Small maps in rows, each in limits of its own, with their numbers; one that is the same everywhere is crossed."""
    left, top, width, _ = box
    columns, thumb, pitch = _sheet(content, width)
    high = pitch - SMALL * LINE_HEIGHT - 2
    scale_up = figure.dpi / 72
    down, across = (max(3, round(side * scale_up)) for side in (high, thumb))
    plate = np.full((*pixels_of(figure, box), 3), 255, dtype=np.uint8)
    for index, values in enumerate(content.values):
        row, column = divmod(index, columns)
        x, y = column * (thumb + _GAP), row * pitch
        finite = values[np.isfinite(values)]
        tile = np.full((down, across, 3), 255, dtype=np.uint8)
        if finite.size and finite.max() > finite.min():
            cells = enlarge(values, down, across, smooth=False)
            scale = scale_of(values, signed=signed, colormap=colormap)
            tile = hatch(blend(tile, colour(cells, scale), 1.0), np.isnan(cells))
        else:
            _cross(tile)
        tile[[0, -1]] = tile[:, [0, -1]] = _FRAME
        at_x, at_y = round(x * scale_up), round(y * scale_up)
        plate[at_y : at_y + down, at_x : at_x + across] = tile[: len(plate) - at_y, : plate.shape[1] - at_x]
        write(figure, left + x + thumb / 2, top + y + high, [str(index)], SMALL - 1, colour=GREY, align="center")
    show(figure, box, plate)


def _cross(tile: np.ndarray) -> None:
    middle_y, middle_x = tile.shape[0] // 2, tile.shape[1] // 2
    arm = np.arange(-tile.shape[1] // 8, tile.shape[1] // 8 + 1)
    for direction in (arm, -arm):
        tile[np.clip(middle_y + direction, 0, len(tile) - 1), middle_x + arm] = _FRAME


def draw_table(figure: Figure, box: Box, content: Content, scale: Scale) -> None:
    """Rows and columns of cells, as they are; names stand beside the rows, if there is room."""
    left, top, width, height = box
    pitch = height / len(content.values)
    if content.names and pitch > SMALL - 1:
        names = [wrap(name, 0.4 * width, SMALL, most=1) for name in content.names]
        room = max(text_width("".join(name), SMALL) for name in names) + 5
        for number, name in enumerate(names):
            y = top + pitch * (number + 0.5) - 0.68 * SMALL
            write(figure, left + room - 5, y, name, SMALL, align="right")
        box = left + room, top, width - room, height
    cells = enlarge(content.values, *pixels_of(figure, box), smooth=False)
    white = np.full((*cells.shape, 3), 255, dtype=np.uint8)
    show(figure, box, hatch(blend(white, colour(cells, scale), 1.0), np.isnan(cells)))


def draw_chart(figure: Figure, box: Box, content: Content, explanation: Explanation) -> None:
    """Bars or a line over the number of the place, channel or feature; whiskers are standard errors."""
    left, top, width, height = box
    values, error, signed = content.values.astype(np.float64), explanation.standard_error, explanation.signed
    write(figure, left, top, wrap(explanation.quantity, width, SMALL, most=1), SMALL)
    line = SMALL * LINE_HEIGHT + 3
    top, height = top + line, height - line
    known = np.concatenate([part[np.isfinite(part)] for part in _reach(values, error)])
    low, high = min(0.0, float(known.min(initial=0))), max(0.0, float(known.max(initial=0)))
    if low == high:
        high = 1.0
    marks = [low, *([0.0] if low < 0 < high else []), high]
    margin = max(text_width(rounded(mark), SMALL) for mark in marks) + 5
    foot = 2 * SMALL * LINE_HEIGHT + 4
    axes = figure.add_axes(place(figure, (left + margin, top + 4, width - margin, height - foot - 4)))
    axes.set_axis_off()
    axes.set(xlim=(-0.6, len(values) - 0.4), ylim=(low, high))
    axes.axhline(0, color=LINE, linewidth=0.8, zorder=1, clip_on=False)
    places = np.arange(len(values))
    if content.kind == "line":
        axes.plot(places, values, color=PLAIN, linewidth=1.2, linestyle="-", marker="", zorder=2)
    else:
        thick = max(0.3, 0.8 * (width - margin) / (len(values) + 0.2))
        colours = [(POSITIVE if value >= 0 else NEGATIVE) if signed else PLAIN for value in values]
        axes.vlines(places, 0, values, colors=colours, linewidths=thick, linestyles="solid", capstyle="butt", zorder=2)
    if error is not None:
        axes.vlines(places, values - error, values + error, colors=INK, linewidths=0.8, linestyles="solid", zorder=3)
    for mark in marks:
        y = top + 4 + (height - foot - 4) * (high - mark) / (high - low)
        write(figure, left + margin - 5, y - 0.66 * SMALL, [rounded(mark)], SMALL, colour=GREY, align="right")
    for tick in ticks(len(values)):
        x = left + margin + (width - margin) * (tick + 0.6) / (len(values) + 0.2)
        write(figure, x, top + height - foot, [str(tick)], SMALL, colour=GREY, align="center")
    middle = left + margin + (width - margin) / 2
    write(figure, middle, top + height - foot / 2 - 2, [content.axes[0]], SMALL, colour=GREY, align="center")


def _reach(values: np.ndarray, error: np.ndarray | None) -> list[np.ndarray]:
    return [values] if error is None else [values, values - error, values + error]


def ticks(count: int) -> list[int]:
    """Round places to write numbers at: at most seven of 0 … count − 1."""
    step = next(s for power in range(12) for s in (10**power, 2 * 10**power, 5 * 10**power) if (count - 1) // s <= 6)
    return list(range(0, count, step))


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """At most so many round numbers from low to high."""
    places = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    return [float(mark) + 0.0 for mark in places if low - slack <= mark <= high + slack]


def draw_bar(figure: Figure, box: Box, scale: Scale, quantity: str, remark: str, numbers: bool = True) -> None:
    """The colour bar: above it what the numbers are and what was done to them, three numbers below it."""
    left, top, width, height = box
    line = SMALL * LINE_HEIGHT
    room = width - text_width(remark, SMALL) - 8
    write(figure, left, top, wrap(quantity, room, SMALL, most=1), SMALL)
    write(figure, left + width, top, [remark], SMALL, colour=GREY, align="right")
    steps = np.linspace(scale.low, scale.high, 256)
    show(figure, (left, top + line + 2, width, height - 2 * line - 4), colour(steps, scale)[None, :, :3], cells=True)
    span = scale.high - scale.low
    middle = scale.middle if scale.low < scale.middle < scale.high else scale.low + span / 2
    for value, align in ((scale.low, "left"), (middle, "center"), (scale.high, "right")):
        text = rounded(value) if numbers else {scale.low: "lowest", 0.0: "0", scale.high: "highest"}.get(value, "")
        x = left + width * (value - scale.low) / span
        write(figure, x, top + height - line, [text], SMALL, colour=GREY, align=align)
