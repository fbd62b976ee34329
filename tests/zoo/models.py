"""The models that nbexplain is tried with: as people bring them, small, with random weights."""

from __future__ import annotations

from tests.zoo import hand_written, hugging_face, keras_models
from tests.zoo.entry import Entry

MODELS: list[Entry] = [*hugging_face.MODELS, *keras_models.MODELS, *hand_written.MODELS]
