"""Models of Hugging Face's transformers, from small configurations."""

from __future__ import annotations

from typing import Any

import transformers as hf
from torch import Tensor, nn

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
