"""Models of Hugging Face's transformers, from small configurations, with random weights."""

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
CLASSES = {"num_labels": 3}
RESNET: dict[str, Any] = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
VIT: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
TEXT: dict[str, Any] = {"vocab_size": 50, "max_position_embeddings": 32, **VIT, **CLASSES}
CLIP: dict[str, Any] = {**VIT, "projection_dim": 8}


def resnet() -> nn.Module:
    return hf.ResNetForImageClassification(hf.ResNetConfig(**RESNET, **CLASSES))


def convnext() -> nn.Module:
    config = hf.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, layer_scale_init_value=1.0, **CLASSES)
    return hf.ConvNextForImageClassification(config)


def swin() -> nn.Module:
    config = hf.SwinConfig(
        image_size=(96, 64), patch_size=4, embed_dim=8, depths=[2, 2], num_heads=[2, 2], window_size=4, **CLASSES
    )
    return hf.SwinForImageClassification(config)


def vit(size: tuple[int, int]) -> nn.Module:
    return hf.ViTForImageClassification(hf.ViTConfig(image_size=size, patch_size=16, **VIT, **CLASSES))


def deit(size: tuple[int, int]) -> nn.Module:
    return hf.DeiTForImageClassification(hf.DeiTConfig(image_size=size, patch_size=16, **VIT, **CLASSES))


def beit(size: tuple[int, int]) -> nn.Module:
    config = hf.BeitConfig(image_size=size, patch_size=16, use_relative_position_bias=True, **VIT, **CLASSES)
    return hf.BeitForImageClassification(config)


def dinov2() -> nn.Module:
    config = hf.Dinov2WithRegistersConfig(image_size=98, patch_size=14, num_register_tokens=4, **VIT, **CLASSES)
    return hf.Dinov2WithRegistersForImageClassification(config)


def mobilenet() -> nn.Module:
    config = hf.MobileNetV2Config(depth_multiplier=0.1, min_depth=4, depth_divisible_by=4, **CLASSES)
    return hf.MobileNetV2ForImageClassification(config)


def regnet() -> nn.Module:
    config = hf.RegNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], groups_width=4, layer_type="y", **CLASSES
    )
    return hf.RegNetForImageClassification(config)


def segformer() -> nn.Module:
    config = hf.SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 16],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=8,
        **CLASSES,
    )
    return hf.SegformerForSemanticSegmentation(config)


def detr() -> nn.Module:
    config = hf.DetrConfig(
        backbone_config=hf.ResNetConfig(**RESNET, out_features=["stage2"]),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_queries=4,
        **CLASSES,
    )
    return hf.DetrForObjectDetection(config)


def per_query(output: Any) -> Tensor:
    """(images, queries, classes)."""
    return output.logits


def yolos(size: tuple[int, int]) -> nn.Module:
    config = hf.YolosConfig(image_size=list(size), patch_size=16, num_detection_tokens=5, **VIT, **CLASSES)
    return hf.YolosForObjectDetection(config)


def clip() -> nn.Module:
    text = {**CLIP, "vocab_size": 50, "eos_token_id": 2, "bos_token_id": 1}
    vision = {**CLIP, "image_size": 32, "patch_size": 8}
    return hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))


def per_image(output: Any) -> Tensor:
    """(images, prompts)."""
    return output.logits_per_image


def bert() -> nn.Module:
    return hf.BertForSequenceClassification(hf.BertConfig(**TEXT))


def distilbert() -> nn.Module:
    config = hf.DistilBertConfig(
        vocab_size=50, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=32, **CLASSES
    )
    return hf.DistilBertForSequenceClassification(config)


def roberta() -> nn.Module:
    return hf.RobertaForSequenceClassification(hf.RobertaConfig(**TEXT, pad_token_id=1))


def token_classes() -> nn.Module:
    return hf.BertForTokenClassification(hf.BertConfig(**TEXT))


def gpt2() -> nn.Module:
    config = hf.GPT2Config(vocab_size=50, n_positions=32, n_embd=16, n_layer=2, n_head=2, pad_token_id=0, **CLASSES)
    return hf.GPT2ForSequenceClassification(config)


class T5Classifier(nn.Module):
    """T5's encoder under a linear head on the mean of its tokens."""

    def __init__(self) -> None:
        super().__init__()
        config = hf.T5Config(vocab_size=50, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
        self.encoder = hf.T5EncoderModel(config)
        self.head = nn.Linear(16, 3)

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.head(self.encoder(input_ids=input_ids).last_hidden_state.mean(1))


def wav2vec2() -> nn.Module:
    config = hf.Wav2Vec2Config(
        **VIT,
        conv_dim=(8, 8),
        conv_stride=(5, 4),
        conv_kernel=(10, 8),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=8,
        **CLASSES,
    )
    return hf.Wav2Vec2ForSequenceClassification(config)


def ids() -> dict[str, Tensor]:
    return {"input_ids": torch.tensor([[2, 17, 31, 5, 44, 9, 23, 12, 38, 7, 29, 3]])}


def masked_ids() -> dict[str, Tensor]:
    """As a tokenizer returns them."""
    return {**ids(), "attention_mask": torch.ones(1, 12, dtype=torch.long)}


def tokenizer() -> Any:
    """Words and their ids, as a fast tokenizer of Hugging Face."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "film", "that", "nobody", "will", "forget", "soon", "."]
    made = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]"}
    return hf.PreTrainedTokenizerFast(tokenizer_object=made, **special)


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
_BEFORE_LAST = ("vit.layers.0", "vit.layers.1.layernorm_before")

MODELS = [
    of_image("ResNet", resnet, (96, 64), ("resnet.encoder.stages.1.layers.0.activation",), (12, 8), pooled=True),
    of_image("ResNet", resnet, (75, 50), ("resnet.encoder.stages.1.layers.0.activation",), (10, 7), seed=1, brief=True),
    of_image("ConvNeXt", convnext, (96, 64), ("convnext.encoder.stages.1.layers.0",), (12, 8)),
    of_image("ConvNeXt", convnext, (66, 56), ("convnext.encoder.stages.1.layers.0",), (8, 7), brief=True),
    of_patches("Swin", swin, (96, 64), ("swin.layernorm",), (12, 8), 0, pooled=True, seed=5),
    of_patches("Swin", swin, (66, 56), ("swin.layernorm",), (9, 7), 0, seed=1, brief=True),
    of_patches("ViT", lambda: vit((96, 64)), (96, 64), _BEFORE_LAST, (6, 4), 1),
    of_patches("ViT", lambda: vit((90, 150)), (90, 150), _BEFORE_LAST, (5, 9), 1, brief=True),
    of_patches(
        "DeiT", lambda: deit((96, 64)), (96, 64), ("deit.layers.0", "deit.layers.1.layernorm_before"), (6, 4), 2
    ),
    of_patches(
        "DeiT", lambda: deit((75, 50)), (75, 50), ("deit.layers.0", "deit.layers.1.layernorm_before"), (4, 3), 2,
        brief=True,
    ),
    of_patches("DINOv2 with registers", dinov2, (98, 70), ("dinov2_with_registers.layernorm",), (7, 5), 5),
    of_patches(
        "DINOv2 with registers", dinov2, (75, 50), ("dinov2_with_registers.layernorm",), (5, 3), 5, seed=7, brief=True
    ),
    of_patches("BEiT", lambda: beit((96, 64)), (96, 64), ("beit.layers.1",), (6, 4), 1),
    of_patches("BEiT", lambda: beit((90, 150)), (90, 150), ("beit.layers.1",), (5, 9), 1, brief=True),
    of_image("MobileNetV2", mobilenet, (160, 96), ("mobilenet_v2.conv_1x1.activation",), (5, 3), pooled=True, seed=2),
    of_image("MobileNetV2", mobilenet, (90, 150), ("mobilenet_v2.conv_1x1.activation",), (3, 5), seed=2, brief=True),
    of_image(
        "RegNet", regnet, (96, 64), ("regnet.encoder.stages.1.layers.0.activation",), (12, 8), pooled=True, seed=3
    ),
    of_image("RegNet", regnet, (75, 50), ("regnet.encoder.stages.1.layers.0.activation",), (10, 7), seed=2, brief=True),
    of_image(
        "SegFormer", segformer, (96, 64), ("decode_head.activation", "decode_head.batch_norm"), (24, 16),
        score=of_largest_region, seed=3,
    ),
    of_image(
        "SegFormer", segformer, (66, 56), ("decode_head.activation", "decode_head.batch_norm"), (17, 14),
        score=of_largest_region, seed=3, brief=True,
    ),
    of_patches("DETR", detr, (96, 64), ("model.encoder.layers.0.final_layer_norm",), (12, 8), 0, target=(2, 2), seed=1,
        asked=lambda: {"scores": per_query},
    ),
    of_patches(
        "DETR", detr, (75, 50), ("model.encoder.layers.0.final_layer_norm",), (10, 7), 0, target=(2, 2), brief=True,
        asked=lambda: {"scores": per_query},
    ),
    of_patches(
        "YOLOS", lambda: yolos((96, 64)), (96, 64),
        ("vit.encoder.layer.0", "vit.encoder.layer.1.layernorm_before"), (6, 4), 1, target=(3, 1), seed=1,
        asked=lambda: {"scores": per_query},
    ),
    Entry(
        "CLIP, 32×32", FAMILY, clip, pair(),
        ("vision_model.encoder.layers.0", "vision_model.encoder.layers.1.layer_norm1"), 2, (4, 4),
        tokens(4, 4, before=1), run=lambda model, x: per_image(model(**x))[0], part="pixel_values",
        asked=lambda: {"scores": per_image}, picture=False,
    ),
    Entry(
        "CLIP, 48×32", FAMILY, clip, pair(interpolate_pos_encoding=True),
        ("vision_model.encoder.layers.0", "vision_model.encoder.layers.1.layer_norm1"), 2, (6, 4),
        tokens(6, 4, before=1), run=lambda model, x: per_image(model(**x))[0], part="pixel_values",
        asked=lambda: {"scores": per_image}, picture=False, brief=True,
    ),
    of_text("BERT", bert, "bert.encoder.layer.0"),
    of_text("BERT, a text", bert, "bert.encoder.layer.0", given=text, plain=tokenized, grid=(10,)),
    of_text("BERT, classes of tokens", token_classes, "bert.encoder.layer.0", target=(4, 1)),
    of_text("DistilBERT", distilbert, "distilbert.transformer.layer.0"),
    of_text("RoBERTa", roberta, "roberta.encoder.layer.0", seed=1),
    of_text("GPT-2", gpt2, "transformer.h.0", "transformer.h.1.ln_1"),
    of_text("T5 encoder", T5Classifier, "encoder.encoder.final_layer_norm", run=first_row, given=ids, pooled=True),
    Entry(
        "Wav2Vec2", FAMILY, wav2vec2, wave,
        ("projector", "wav2vec2.encoder.layers.1.final_layer_norm"), 2, (38,), channels_last, run=logits,
        picture=False, pooled=True, seed=4,
    ),
]  # fmt: skip
