"""Models of Keras 3 on torch: channels last, and layers by their Keras name."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from tests.zoo.entry import Entry, channels_last, picture

FAMILY = "Keras 3"


def filled(model: Any) -> nn.Module:
    """Random weights drawn by torch: Keras would seed its initialisers with Python's random numbers."""
    for variable in model.trainable_variables:
        shape = tuple(variable.shape)
        wide = 1.5 / math.prod(shape[:-1]) ** 0.5 if len(shape) > 1 else 0.3
        variable.assign((variable.value if len(shape) == 1 else 0) + wide * torch.randn(shape))
    return model


def vgg(height: int, width: int) -> nn.Module:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((height, width, 3)),
            layers.Conv2D(8, 3, padding="same", activation="relu", name="block1_conv1"),
            layers.MaxPooling2D(name="block1_pool"),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="block2_conv1"),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="block2_conv2"),
            layers.MaxPooling2D(name="block2_pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(16, activation="relu", name="fc1"),
            layers.Dense(3, name="predictions"),
        ]
    )
    return filled(model)


def residual(height: int, width: int) -> nn.Module:
    import keras

    layers = keras.layers
    x = given = keras.Input((height, width, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="stem")(x)
    y = layers.BatchNormalization(name="conv1_bn")(x)
    y = layers.Activation("relu", name="conv1_relu")(y)
    y = layers.Conv2D(8, 3, padding="same", name="conv2")(y)
    x = layers.Add(name="add")([x, y])
    x = layers.Activation("relu", name="out_relu")(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dense(3, name="predictions")(x)
    return filled(keras.Model(given, x))


class KerasEntry(Entry):
    """An entry whose layers are found by their Keras name."""

    def found(self, model: nn.Module, name: str) -> nn.Module:
        keras_model: Any = model
        return keras_model.get_layer(name)


def channels_last_picture(height: int, width: int) -> Tensor:
    """(1, H, W, C)."""
    return picture(height, width).permute(0, 2, 3, 1).contiguous()


MODELS: list[Entry] = [
    KerasEntry(
        "VGG-like, 96×64", FAMILY, lambda: vgg(96, 64), lambda: channels_last_picture(96, 64),
        ("block2_pool", "block2_conv2"), 3, (24, 16), channels_last, picture=False,
    ),
    KerasEntry(
        "VGG-like, 66×56", FAMILY, lambda: vgg(66, 56), lambda: channels_last_picture(66, 56),
        ("block2_pool", "block2_conv2"), 3, (16, 14), channels_last, picture=False, brief=True,
    ),
    KerasEntry(
        "functional, 75×50", FAMILY, lambda: residual(75, 50), lambda: channels_last_picture(75, 50),
        ("out_relu",), 3, (38, 25), channels_last, picture=False, pooled=True,
    ),
]  # fmt: skip
