"""The example `reviews`: a small transformer that tells praise from blame, and short texts that it has never read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from nbexplain.examples.reviews_writing import WORD, vocabulary, write_reviews

WEIGHTS = Path(__file__).parent / "weights" / "reviews.safetensors"
CLASSES: tuple[str, ...] = ("negative", "positive")
MAX_LENGTH = 64  # tokens, the first of them [CLS]
HELD_OUT_SEED = 1_000_000

# Written to show what negation and contrast do; all of them are held out (`is_held_out`).
_CHOSEN: tuple[tuple[str, str], ...] = (
    ("The plot is silly, but the acting is wonderful.", "positive"),
    ("This is not a bad movie at all.", "positive"),
    ("The soup was delicious, but the waiter was not friendly.", "negative"),
    ("The room was not spacious, but the view was wonderful and the owner was never rude.", "positive"),
    ("This is hardly a good thriller, if you ask me.", "negative"),
    ("The songs were lively and the atmosphere was warm, but nobody would call the concert great.", "negative"),
    ("The first half was never boring, to be honest.", "positive"),
    ("Although the view was excellent, we disliked the room.", "negative"),
    ("The battery is weak and the design is clunky, but I like this phone.", "positive"),
    ("There is nothing original about the plot, and the language is boring.", "negative"),
    ("We saw it on a rainy Tuesday. The plot was not clever, but the music was never dull.", "positive"),
    ("I would not recommend this phone, although the screen is bright.", "negative"),
)

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[MASK]")


class WordTokenizer:
    """Texts as numbers: one token for every word and punctuation mark, in lower case; called as Hugging Face's are.

    Attributes
    ----------
    pad_token_id, unk_token_id, cls_token_id, mask_token_id : int
    model_max_length : int
        How many tokens the network takes. Longer texts are not cut here.
    """

    pad_token_id, unk_token_id, cls_token_id, mask_token_id = range(len(_SPECIAL))
    model_max_length = MAX_LENGTH

    def __init__(self) -> None:
        self._tokens = [*_SPECIAL, *vocabulary()]
        self._ids = {token: number for number, token in enumerate(self._tokens)}

    def __len__(self) -> int:
        return len(self._tokens)

    def __call__(self, text: str, **ignored: object) -> dict[str, list[int] | list[tuple[int, int]]]:
        """Cut one text into tokens.

        Parameters
        ----------
        text : str
        **ignored
            What other tokenizers would be told, such as ``return_offsets_mapping``.

        Returns
        -------
        dict
            ``input_ids``, beginning with that of [CLS]; ``attention_mask``, all 1; ``offset_mapping``, where each token
            begins and ends in `text`, in characters, (0, 0) for [CLS].
        """
        if not isinstance(text, str):
            raise TypeError(f"text: expected one str, got {type(text).__name__}")
        words = list(WORD.finditer(text))
        known = (self._ids.get(word[0].lower().replace("’", "'"), self.unk_token_id) for word in words)
        return {
            "input_ids": [self.cls_token_id, *known],
            "attention_mask": [1] * (len(words) + 1),
            "offset_mapping": [(0, 0), *(word.span() for word in words)],
        }

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """The tokens behind `ids`."""
        return [self._tokens[number] for number in ids]


class ReviewLayer(nn.Module):
    """Self-attention and two linear layers, each added to what came in, normalised before."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, hidden)
        self.relu = nn.ReLU()
        self.linear2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """(N, L, width) → the same; `padding` (N, L) is True where no token is."""
        normalised = self.norm1(x)
        x = x + self.attention(normalised, normalised, normalised, key_padding_mask=padding, need_weights=False)[0]
        change: Tensor = self.linear2(self.relu(self.linear1(self.norm2(x))))
        return x + change


class ReviewNet(nn.Module):
    """Two layers of a transformer; the head sees what the last one makes of [CLS], the first token.

    Parameters
    ----------
    tokens : int
        Size of the vocabulary.
    classes : int
    """

    def __init__(self, tokens: int, classes: int = len(CLASSES), *, width: int = 48, heads: int = 4) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(tokens, width)
        self.position_embedding = nn.Embedding(MAX_LENGTH, width)
        self.layer1 = ReviewLayer(width, heads, 2 * width)
        self.layer2 = ReviewLayer(width, heads, 2 * width)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        for embedding in (self.token_embedding, self.position_embedding):
            nn.init.normal_(embedding.weight, std=0.1)  # so that training soon tells words apart

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Token numbers (N, L) and a mask (N, L), 1 = a token, 0 = padding (default: all 1) → logits (N, classes)."""
        if input_ids.ndim != 2 or not 1 <= input_ids.shape[1] <= MAX_LENGTH:
            shape = tuple(input_ids.shape)
            raise ValueError(f"input_ids: expected (N, L) with 1 to {MAX_LENGTH} tokens, got shape {shape}")
        if attention_mask is not None and attention_mask.shape != input_ids.shape:
            expected, got = tuple(input_ids.shape), tuple(attention_mask.shape)
            raise ValueError(f"attention_mask: expected the shape of input_ids, {expected}, got {got}")
        padding = None if attention_mask is None else attention_mask == 0
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.token_embedding(input_ids) + self.position_embedding(positions)
        x = self.layer2(self.layer1(x, padding), padding)
        scores: Tensor = self.head(self.norm(x)[:, 0])
        return scores


@dataclass(frozen=True, eq=False, repr=False)
class Reviews:
    """A network and what to try it on.

    Attributes
    ----------
    model : ReviewNet
        In eval mode; its layers are ``token_embedding``, ``position_embedding``, ``layer1``, ``layer2``, ``norm``,
        ``head``. It takes ``input_ids`` (N, L) and ``attention_mask`` (N, L), at most 64 tokens.
    tokenizer : WordTokenizer
        Text → what `model` takes.
    texts : list of str
        Short reviews; those with negation and contrast come first.
    labels : list of str
        For each text, its class.
    classes : tuple of str
        ``"negative"`` and ``"positive"``. The scores of `model` follow this order.
    """

    model: ReviewNet
    tokenizer: WordTokenizer
    texts: list[str]
    labels: list[str]
    classes: tuple[str, ...]

    def __repr__(self) -> str:
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        lines = [
            f"Reviews: {len(self.texts)} texts, {len(self.classes)} classes, a {type(self.model).__name__} with "
            f"{parameters:,} parameters and {len(self.tokenizer)} tokens"
        ]
        shown = zip(self.texts[: len(_CHOSEN)], self.labels)
        lines += [f"  texts[{number}]: {text} ({label})" for number, (text, label) in enumerate(shown)]
        return "\n".join(lines)


def load_network(weights: Path = WEIGHTS) -> ReviewNet:
    """The trained network, in eval mode."""
    model = ReviewNet(len(WordTokenizer()))
    model.load_state_dict(load_file(weights))
    return model.eval()


@cache
def _gallery() -> list[tuple[str, str]]:
    """The chosen reviews and some that were not chosen, with their classes."""
    texts, labels = write_reviews(28, HELD_OUT_SEED, held_out=True)
    return [*_CHOSEN, *zip(texts, (CLASSES[label] for label in labels))]


def reviews() -> Reviews:
    """Load the example: a transformer that says whether a review praises, and reviews to look into it.

    What counts is not which words are there but what becomes of them: "not bad" is praise, and after "but" comes the
    verdict. The network was not trained on any of the texts. Each call makes a new model, so that nothing done to one
    shows in another.

    Examples
    --------
    >>> demo = reviews()
    >>> tokens = demo.tokenizer(demo.texts[0])
    >>> scores = demo.model(torch.tensor([tokens["input_ids"]]))
    """
    return Reviews(
        model=load_network(),
        tokenizer=WordTokenizer(),
        texts=[text for text, _ in _gallery()],
        labels=[label for _, label in _gallery()],
        classes=CLASSES,
    )
