"""shap's own code, executed a second time for us alone.

Its loops run unchanged, but in modules that nobody else sees: random numbers come from a generator of ours instead of
numpy's global one, what numba would take seconds to compile runs as plain Python, and a game (see `shap_game`) stands
where a model and a masker would. The shap that the user imports is never written to.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Protocol

import numpy as np

_AGAIN = 5


def package() -> Any:
    """shap as the user imports it.

    The worker imports it while cells run. For each cell IPython adds builtins and takes them away again, and numba, on
    which shap is built, goes through all builtins once: where the two meet, the import is tried again.
    """
    for _ in range(_AGAIN):
        try:
            return importlib.import_module("shap")
        except RuntimeError as error:
            if "changed size during iteration" not in str(error):
                raise
    return importlib.import_module("shap")


class _Seeded(np.random.RandomState):
    """Draws of one run: it is seeded once, and goes on where shap would begin again."""

    def seed(self, *_: Any) -> None:
        pass


class _Numpy:
    """numpy with random numbers of our own."""

    def __init__(self, seed: int) -> None:
        self.random = _Seeded(seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


class _Warnings:
    """Keeps what shap warns of, since the filters of `warnings` are the whole process's."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, message: Any, *_: Any, **__: Any) -> None:
        text = " ".join(str(message).split())
        if text not in self.said:
            self.said.append(text)


def own(name: str, seed: int = 0) -> Any:
    """A second copy of one of shap's modules, made in less than a millisecond.

    Parameters
    ----------
    name
        Its name in shap, such as `"explainers._kernel"`.
    seed
        Of its random numbers.
    """
    package()
    spec = importlib.util.find_spec(f"shap.{name}")
    assert spec is not None, f"shap has no {name}"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    space = vars(module)
    space.update({key: value.py_func for key, value in space.items() if hasattr(value, "py_func")})
    space.update(np=_Numpy(seed), warnings=_Warnings(), MaskedModel=Masked)
    return module


class Asked(Protocol):
    """What is explained: a game, see `shap_game`; `order` are the places of its players, for shap to shuffle."""

    players: np.ndarray
    order: np.ndarray

    def __call__(self, keep: np.ndarray) -> np.ndarray:
        """The scores (n,) for rows of `keep` (n, players)."""


class Masked:
    """Stands where shap puts a model and a masker together: rows of which features are shown → scores of a game."""

    delta_mask_noop_value = 2147483647  # as in shap's

    def __init__(self, _model: Any, masker: Any, *_: Any) -> None:
        self._game: Asked = masker.game
        self.mask_shapes = [(len(self._game.players),)]

    def __len__(self) -> int:
        return len(self._game.players)

    def varying_inputs(self) -> np.ndarray:
        """The players in an order that shap's shuffling is kept in, so that a next call goes on from there."""
        return self._game.order

    def __call__(self, masks: np.ndarray, **_: Any) -> np.ndarray:
        return self._game(_from_changes(masks, len(self)) if masks.ndim == 1 else masks)


class GameMasker:
    """What an explainer of shap's is given as its masker."""

    def __init__(self, game: Asked) -> None:
        self.game = game


def _from_changes(changes: np.ndarray, players: int) -> np.ndarray:
    """Rows (n, players) from shap's short form: which player changes next, −1 − player where more follow."""
    rows, now = [], np.zeros(players, dtype=bool)
    for change in changes.tolist():
        if change != Masked.delta_mask_noop_value:
            player = change if change >= 0 else -1 - change
            now[player] = not now[player]
        if change >= 0:
            rows.append(now.copy())
    return np.array(rows)
