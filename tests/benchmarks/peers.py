"""The other packages as their own tutorials use them; `--peers` prints this file.

What a tutorial leaves open is done in the way that is fastest for them: no gradients are kept where none are asked
for, and pictures only get their axes permuted, which leaves a batch channels-last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import shap
import torch
from lime.lime_image import LimeImageExplainer
from lime.lime_tabular import LimeTabularExplainer
from lime.lime_text import LimeTextExplainer
from lime.wrappers.scikit_image import SegmentationAlgorithm
from torch import Tensor, nn

from nbexplain.examples.reviews import Reviews
from nbexplain.examples.tumour import Tumour

BATCH = 50  # texts and pictures at a time


def lime_picture(model: nn.Module, x: Tensor, samples: int) -> None:
    """The class with the highest score; superpixels as ours."""

    def predict(pictures: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(pictures).permute(0, 3, 1, 2)).softmax(1).numpy()

    LimeImageExplainer(random_state=0).explain_instance(
        x[0].permute(1, 2, 0).numpy(),
        predict,
        top_labels=1,
        num_samples=samples,
        segmentation_fn=SegmentationAlgorithm("slic", n_segments=50, compactness=10, sigma=1, start_label=0),
    )


def lime_text(demo: Reviews, text: str, samples: int) -> None:
    """Tokens are padded to the longest text of a batch."""

    def predict(texts: Sequence[str]) -> np.ndarray:
        found = []
        for start in range(0, len(texts), BATCH):
            ids = [torch.tensor(demo.tokenizer(text)["input_ids"]) for text in texts[start : start + BATCH]]
            padded = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=demo.tokenizer.pad_token_id)
            with torch.no_grad():
                found.append(demo.model(padded, (padded != demo.tokenizer.pad_token_id).long()).softmax(1).numpy())
        return np.concatenate(found)

    explainer = LimeTextExplainer(class_names=demo.classes, random_state=0)
    explainer.explain_instance(text, predict, num_features=10, num_samples=samples)


def lime_table(demo: Tumour, *, forest: bool) -> Callable[[int], None]:
    """What explains a row with so many samples; the explainer is made once, as it is for many rows."""

    def predict(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return demo.model(torch.from_numpy(rows).float()).softmax(1).numpy()

    explainer = LimeTabularExplainer(
        demo.background,
        feature_names=demo.names,
        class_names=demo.classes,
        discretize_continuous=True,
        random_state=0,
    )

    def explain(samples: int) -> None:
        asked = demo.forest.predict_proba if forest else predict
        explainer.explain_instance(demo.rows[0], asked, num_features=10, num_samples=samples)

    return explain


def partition_shap(model: nn.Module, x: Tensor, masker: str, target: int, evaluations: int) -> None:
    """Pixels from 0 to 255, as the inpainting wants them, are brought to 0 … 1 in front of the network."""
    pixels = 255 * x[0].permute(1, 2, 0).numpy()

    def predict(pictures: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255).numpy()

    explainer = shap.Explainer(predict, shap.maskers.Image(masker, pixels.shape))
    explainer(pixels[None], max_evals=evaluations, batch_size=50, outputs=[target], silent=True)


def gradient_shap(model: nn.Module, x: Tensor, background: Tensor, samples: int) -> None:
    """The class with the highest score."""
    explainer = shap.GradientExplainer(model, background)
    explainer.shap_values(x, nsamples=samples, ranked_outputs=1, rseed=0)


def rows_gradient_shap(model: nn.Module, target: int, rows: Tensor, background: Tensor, samples: int) -> np.ndarray:
    """Mean |value| (F,) of one class over rows (n, F); the other class is cut off, or it would be explained as well."""

    class OneClass(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return model(x)[:, target : target + 1]

    explainer = shap.GradientExplainer(OneClass(), background)
    return np.abs(explainer.shap_values(rows, nsamples=samples, rseed=0)[..., 0]).mean(0)
