"""A picture with a map over it (twin of ``js/src/image_pane.ts``)."""

from __future__ import annotations

import traitlets

from nbexplain.widgets.controls import Controls
from nbexplain.widgets.pane_link import PaneLink
from nbexplain.widgets.wire import Array, Bundled, reference

COLORMAPS = ["auto", "viridis", "magma", "cividis", "gray", "RdBu", "PuOr", "berlin"]


class ImagePane(Bundled):
    """A picture with a map of numbers over it, coloured, enlarged, zoomed and read out in the browser.

    ``frame`` is a part of the picture to be framed, such as a receptive field: ``[left, top, right, bottom]`` in pixels
    of the picture as the network saw it, right and bottom excluded. It may reach beyond the picture, and is drawn as
    far as it lies inside. ``frame_note`` says in words what is framed. With ``pick`` a click on the map of a layer's
    grid chooses a cell in the shared selection; without it, and with ``aim``, a click chooses at which place of a map
    of scores, of so many rows and columns, the class is explained. Panes of one ``link`` share zoom, pointer and colour
    limits.

    ``segments`` is a label map (y, x) of superpixels 0 … n − 1 over the picture as the network saw it, whose meta are
    ``key`` and ``count`` (n); uint8 up to n = 255, else float32. Where there is one, the overlay's meta are
    ``on="features"`` and ``segments``, that key, and its values (1, n) or (2, n): weights, and their standard errors
    (NaN: not known). Of any other overlay nothing is drawn but the superpixels' ``borders``. ``top`` of the weights are
    painted, those of the largest |weight| (0: all), and with ``hide_rest`` the other superpixels are covered.

    Of a picture that is sent as the channels of an image (``planes`` in its meta, see `image_channels`) the pane shows
    ``image_channel``, −1 for their mean.

    Pictures (z, y, x[, 3]) and overlays ([channel,] z, y, x), whose meta ``axes`` name the z, are shown slice by slice:
    ``slice`` is the number of the slice, of the picture or else of the overlay, from 0; -1 is the one in the middle. It
    moves in the page alone, for all panes of one ``link``. The kernel does not hear of it.

    The traits below ``frame_note`` belong to the browser: it writes them when a control is let go, and kernel code
    should only set them as initial values or on the user's behalf.
    """

    _bundle = "image_pane"

    picture = reference(Array)
    overlay = reference(Array)
    detail = reference(Array)  # one channel of the overlay in full precision
    segments = reference(Array)
    controls = reference(Controls)
    follow_channel = traitlets.Bool(False).tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)
    link = reference(PaneLink)
    pick = traitlets.Bool(False).tag(sync=True)
    aim = traitlets.List(traitlets.Int()).tag(sync=True)  # [rows, columns]; empty: none
    frame = traitlets.List(traitlets.Float()).tag(sync=True)  # empty: none
    frame_note = traitlets.Unicode("").tag(sync=True)

    opacity = traitlets.Float(0.75, min=0, max=1).tag(sync=True, echo_update=False)
    colormap = traitlets.Enum(COLORMAPS, default_value="auto").tag(sync=True, echo_update=False)
    sign = traitlets.Enum(["both", "positive", "negative", "absolute"], default_value="both").tag(
        sync=True, echo_update=False
    )
    reduction = traitlets.Enum(["sum", "mean |·|", "max |·|"], default_value="sum").tag(sync=True, echo_update=False)
    clip = traitlets.Float(0.0, min=0, max=100).tag(sync=True, echo_update=False)  # 0: automatic
    limits = traitlets.List(traitlets.Float()).tag(sync=True, echo_update=False)  # empty: automatic
    interpolation = traitlets.Enum(["nearest", "bilinear"], default_value="bilinear").tag(sync=True, echo_update=False)
    fade = traitlets.Bool(True).tag(sync=True, echo_update=False)
    mode = traitlets.Enum(["overlay", "map", "picture"], default_value="overlay").tag(sync=True, echo_update=False)

    slice = traitlets.Int(-1, min=-1).tag(sync=True, echo_update=False)

    borders = traitlets.Bool(True).tag(sync=True, echo_update=False)
    top = traitlets.Int(0, min=0).tag(sync=True, echo_update=False)
    hide_rest = traitlets.Bool(False).tag(sync=True, echo_update=False)
    image_channel = traitlets.Int(-1, min=-1).tag(sync=True, echo_update=False)

    @traitlets.validate("frame")
    def _check_frame(self, proposal: traitlets.Bunch) -> list[float]:
        frame: list[float] = proposal["value"]
        if frame and (len(frame) != 4 or not (frame[0] < frame[2] and frame[1] < frame[3])):
            raise ValueError(
                f"frame: expected [] or [left, top, right, bottom] with left < right, top < bottom, got {frame}."
            )
        return frame
