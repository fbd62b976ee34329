"""What is right to say of Hugging Face's models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from torch import Tensor, nn

from nbexplain import Text
from tests.zoo import hugging_face_models as made
from tests.zoo.entry import (
    Entry,
    channels_first,
    channels_last,
    first_row,
    logits,
    of_largest_region,
    picture,
    tokens,
)

FAMILY = "Hugging Face"


def ids() -> dict[str, Tensor]:
    return {"input_ids": torch.tensor([[2, 17, 31, 5, 44, 9, 23, 12, 38, 7, 29, 3]])}


def masked_ids() -> dict[str, Tensor]:
    """As a tokenizer returns them."""
    return {**ids(), "attention_mask": torch.ones(1, 12, dtype=torch.long)}


def tokenizer() -> Any:
    """Words and their ids, as a fast tokenizer of Hugging Face."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "film", "that", "nobody", "will", "forget", "soon", "."]
    words_only = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    words_only.pre_tokenizer = Whitespace()
    words_only.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]"}
    return hf.PreTrainedTokenizerFast(tokenizer_object=words_only, **special)


def text() -> Text:
    return Text("a film that nobody will forget soon .", tokenizer())


def tokenized(given: Text) -> dict[str, Tensor]:
    """What the tokenizer itself makes of it."""
    return dict(tokenizer()(given.text, return_tensors="pt", return_token_type_ids=False))


def wave() -> Tensor:
    return torch.sin(torch.arange(800) / 7)[None] * torch.linspace(0, 1, 800) + picture(1, 800, 1)[0, 0]


def pair(**more: Any) -> Callable[[], dict[str, Any]]:
    """A picture and two prompts."""
    prompts = torch.tensor([[1, 5, 6, 2], [1, 7, 8, 2]])
    size = (48, 32) if more else (32, 32)
    return lambda: {"pixel_values": picture(*size), "input_ids": prompts, **more}


def of_image(
    name: str,
    make: Callable[[], nn.Module],
    size: tuple[int, int],
    layers: tuple[str, ...],
    grid: tuple[int, int],
    *,
    axis: int = 1,
    **more: Any,
) -> Entry:
    """A model that gets one picture and returns logits."""
    more = {"run": logits, "cells": channels_first, **more}
    named = f"{name}, {size[0]}×{size[1]}"
    return Entry(named, FAMILY, make, lambda: picture(*size), layers, axis, grid, **more)


def of_patches(
    name: str,
    make: Callable[[], nn.Module],
    size: tuple[int, int],
    layers: tuple[str, ...],
    grid: tuple[int, int],
    before: int,
    **more: Any,
) -> Entry:
    """The same, where a layer's cells are tokens that others stand before."""
    return of_image(name, make, size, layers, grid, axis=2, cells=tokens(*grid, before=before), **more)


def of_text(name: str, make: Callable[[], nn.Module], *layers: str, **more: Any) -> Entry:
    """A model that gets token ids; each token is a place."""
    more = {"run": logits, "given": masked_ids, "grid": (12,), **more}
    return Entry(
        name, FAMILY, make, layers=layers, axis=2, cells=channels_last, part="input_ids", picture=False, **more
    )


# Where the head reads one token only (a class token, the last word), the others of the last block are read by nothing:
# the map of that block would be empty, so a researcher takes the block before it, or the norm that opens the last one.
_VIT = ("vit.layers.0", "vit.layers.1.layernorm_before")
_DEIT = ("deit.layers.0", "deit.layers.1.layernorm_before")
_YOLOS = ("vit.encoder.layer.0", "vit.encoder.layer.1.layernorm_before")
_CLIP = ("vision_model.encoder.layers.0", "vision_model.encoder.layers.1.layer_norm1")

_RESNET = ("resnet.encoder.stages.1.layers.0.activation",)
_REGNET = ("regnet.encoder.stages.1.layers.0.activation",)
_CONVNEXT = ("convnext.encoder.stages.1.layers.0",)
_DINOV2 = ("dinov2_with_registers.layernorm",)
_MOBILENET = ("mobilenet_v2.conv_1x1.activation",)
_SEGFORMER = ("decode_head.activation", "decode_head.batch_norm")
_DETR = ("model.encoder.layers.0.final_layer_norm",)

MODELS = [
    of_image("ResNet", made.resnet, (96, 64), _RESNET, (12, 8), pooled=True),
    of_image("ResNet", made.resnet, (75, 50), _RESNET, (10, 7), seed=1, brief=True),
    of_image("ConvNeXt", made.convnext, (96, 64), _CONVNEXT, (12, 8)),
    of_image("ConvNeXt", made.convnext, (66, 56), _CONVNEXT, (8, 7), brief=True),
    of_patches("Swin", made.swin, (96, 64), ("swin.layernorm",), (12, 8), 0, pooled=True, seed=5),
    of_patches("Swin", made.swin, (66, 56), ("swin.layernorm",), (9, 7), 0, seed=1, brief=True),
    of_patches("ViT", lambda: made.vit((96, 64)), (96, 64), _VIT, (6, 4), 1),
    of_patches("ViT", lambda: made.vit((90, 150)), (90, 150), _VIT, (5, 9), 1, brief=True),
    of_patches("DeiT", lambda: made.deit((96, 64)), (96, 64), _DEIT, (6, 4), 2),
    of_patches(
        "DeiT",
        lambda: made.deit((75, 50)),
        (75, 50),
        _DEIT,
        (4, 3),
        2,
        brief=True,
    ),
    of_patches("DINOv2 with registers", made.dinov2, (98, 70), _DINOV2, (7, 5), 5),
    of_patches("DINOv2 with registers", made.dinov2, (75, 50), _DINOV2, (5, 3), 5, seed=7, brief=True),
    of_patches("BEiT", lambda: made.beit((96, 64)), (96, 64), ("beit.layers.1",), (6, 4), 1),
    of_patches("BEiT", lambda: made.beit((90, 150)), (90, 150), ("beit.layers.1",), (5, 9), 1, brief=True),
    of_image("MobileNetV2", made.mobilenet, (160, 96), _MOBILENET, (5, 3), pooled=True, seed=2),
    of_image("MobileNetV2", made.mobilenet, (90, 150), _MOBILENET, (3, 5), seed=2, brief=True),
    of_image("RegNet", made.regnet, (96, 64), _REGNET, (12, 8), pooled=True, seed=3),
    of_image("RegNet", made.regnet, (75, 50), _REGNET, (10, 7), seed=2, brief=True),
    of_image(
        "SegFormer",
        made.segformer,
        (96, 64),
        _SEGFORMER,
        (24, 16),
        score=of_largest_region,
        seed=3,
    ),
    of_image(
        "SegFormer",
        made.segformer,
        (66, 56),
        _SEGFORMER,
        (17, 14),
        score=of_largest_region,
        seed=3,
        brief=True,
    ),
    of_patches(
        "DETR",
        made.detr,
        (96, 64),
        _DETR,
        (12, 8),
        0,
        target=(2, 2),
        seed=1,
        asked=lambda: {"scores": made.per_query},
    ),
    of_patches(
        "DETR",
        made.detr,
        (75, 50),
        _DETR,
        (10, 7),
        0,
        target=(2, 2),
        brief=True,
        asked=lambda: {"scores": made.per_query},
    ),
    of_patches(
        "YOLOS",
        lambda: made.yolos((96, 64)),
        (96, 64),
        _YOLOS,
        (6, 4),
        1,
        target=(3, 1),
        seed=1,
        asked=lambda: {"scores": made.per_query},
    ),
    Entry(
        "CLIP, 32×32",
        FAMILY,
        made.clip,
        pair(),
        _CLIP,
        2,
        (4, 4),
        tokens(4, 4, before=1),
        run=lambda model, x: made.per_image(model(**x))[0],
        part="pixel_values",
        asked=lambda: {"scores": made.per_image},
        picture=False,
    ),
    Entry(
        "CLIP, 48×32",
        FAMILY,
        made.clip,
        pair(interpolate_pos_encoding=True),
        _CLIP,
        2,
        (6, 4),
        tokens(6, 4, before=1),
        run=lambda model, x: made.per_image(model(**x))[0],
        part="pixel_values",
        asked=lambda: {"scores": made.per_image},
        picture=False,
        brief=True,
    ),
    of_text("BERT", made.bert, "bert.encoder.layer.0"),
    of_text("BERT, a text", made.bert, "bert.encoder.layer.0", given=text, plain=tokenized, grid=(10,)),
    of_text(
        "BERT, classes of tokens", made.token_classes, "bert.encoder.layer.0", "bert.encoder.layer.1", target=(4, 1)
    ),
    of_text("DistilBERT", made.distilbert, "distilbert.transformer.layer.0"),
    of_text("RoBERTa", made.roberta, "roberta.encoder.layer.0", seed=1),
    of_text("GPT-2", made.gpt2, "transformer.h.0", "transformer.h.1.ln_1"),
    of_text("T5 encoder", made.T5Classifier, "encoder.encoder.final_layer_norm", run=first_row, given=ids, pooled=True),
    Entry(
        "Wav2Vec2",
        FAMILY,
        made.wav2vec2,
        wave,
        ("projector", "wav2vec2.encoder.layers.1.final_layer_norm"),
        2,
        (38,),
        channels_last,
        run=logits,
        picture=False,
        pooled=True,
        seed=4,
    ),
]
