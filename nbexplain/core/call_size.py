"""How many inputs a model gets in one call: as many as are quick, and few where a call has to be waited for."""

from __future__ import annotations

import sys

_QUICK = 0.1  # seconds: while a call takes less, the next ones may be longer
_WAIT = 0.2  # seconds that the inputs of one call may take, beside what each call takes by itself
_LONG = 1.0  # seconds that the first call may take
_FELT = 0.02  # seconds: what a shorter call takes by itself is not worth saving, nor can it be told from chance


class CallSize:
    """The size of the next call of a model that can be stopped between two calls only.

    Some models take as long for one input as for a thousand, others so long for each: two calls of two sizes tell.

    Parameters
    ----------
    many
        No more, as the processor's own memory may be too small for what the model makes of them, unless a call is
        long and most of it is what it takes by itself.

    Attributes
    ----------
    size
        Of the next call; 0 before the first.
    most
        How many the model takes, as far as it has refused more.
    """

    def __init__(self, many: int) -> None:
        self.size = 0
        self.most = sys.maxsize
        self._many = many
        self._last = 0, 0.0  # calls: how many inputs, and seconds of the quickest
        self._each: float | None = None  # what one more of them takes

    def begin(self, most: int, each: float, count: int) -> None:
        """Find the size of a first call, if `count` inputs took `each` seconds each before."""
        self._last = count, each * count
        many = max(int(_LONG / max(each, 1e-9)), 2)  # of one alone it is not seen what the next takes
        self.size = min(most, many)

    def took(self, size: int, seconds: float) -> None:
        """What a call of so many took."""
        count, before = self._last
        quickest = min(seconds, before) if size == count else 0.0  # of several, as one may be long by chance
        self._last = size, quickest or seconds
        if size != count:
            self._each = max((seconds - before) / (size - count), 0.0)
        together = size * (seconds / size if self._each is None else self._each)
        enough = max(_WAIT, seconds - together)  # what a call takes by itself is waited for in any case
        if seconds < _QUICK or together < enough / 2:
            self.size = (4 if 8 * together < enough else 2) * size
            if quickest < _FELT or together > quickest / 2:
                self.size = max(size, min(self.size, self._many))
        elif together > 2 * enough:
            self.size = max(size // 2, 1)
        else:
            self.size = size


class Calls:
    """The calls of one step of a method, each of a size between a least and a most.

    Attributes
    ----------
    most
        How many inputs a call may grow to.
    """

    def __init__(self, sizes: CallSize, least: int, most: int) -> None:
        self._sizes, self._least, self.most = sizes, least, most

    @property
    def size(self) -> int:
        """How many inputs the next call takes."""
        return min(max(self._sizes.size, self._least), self.most)

    def took(self, size: int, seconds: float) -> None:
        """What a call of so many took: the next ones may be longer or shorter."""
        if size >= self.size and self.most > 1:
            self._sizes.took(size, seconds)
