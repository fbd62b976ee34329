"""How a convolution comes to one number: patch × kernel + bias (twin of ``js/src/cell_arithmetic.ts``)."""

from __future__ import annotations

import traitlets

from nbexplain.widgets.wire import Array, Bundled, reference


class CellArithmetic(Bundled):
    """One cell of one output channel of a convolution, number by number; the products are added up in the browser.

    ``numbers`` is a float32 ``(2, in_channels, kh, kw)`` array: the patch of the layer's input under the cell, and the
    kernel of the output channel. Its meta holds

    - ``bias`` (0 without one) and ``has_bias``;
    - ``activation``, what the layer returned for the cell;
    - ``padding``, the ``[ky, kx]`` of the patch that lie outside of the layer's input; the patch holds what it is
      padded with there;
    - ``in_names``, what the input channels are called (``[]``: by number), and ``first_channel``, the number of the
      first of them: not 0 where a grouped convolution looks at a part of its input;
    - ``title`` and ``key``.

    While there is a ``notice`` (why there are no numbers), nothing else is shown.
    """

    _bundle = "cell_arithmetic"

    numbers = reference(Array)
    title = traitlets.Unicode("").tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)
