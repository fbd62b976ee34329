"""The shipped network of `reviews` on texts it has never read, its tokenizer, and the texts themselves."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import nbexplain
from nbexplain.examples import reviews, reviews_train, train
from nbexplain.examples.reviews import HELD_OUT_SEED, MAX_LENGTH, WEIGHTS, Reviews, WordTokenizer
from nbexplain.examples.reviews_train import as_tensors, hide
from nbexplain.examples.reviews_writing import WORD, is_held_out, vocabulary, write_reviews
from nbexplain.inputs.text import Text

Part = tuple[list[str], list[int]]


@pytest.fixture(scope="module")
def demo() -> Reviews:
    return reviews()


@pytest.fixture(scope="module")
def held_out() -> Part:
    return write_reviews(2000, HELD_OUT_SEED, held_out=True)


@torch.inference_mode()
def margins(demo: Reviews, texts: list[str]) -> np.ndarray:
    """How much higher the score of "positive" is than that of "negative", for each text."""
    return demo.model(*as_tensors(texts)).diff(dim=1)[:, 0].numpy()


def test_shipped_weights_know_held_out_reviews(demo: Reviews, held_out: Part) -> None:
    texts, labels = held_out
    right = (margins(demo, texts) > 0) == np.array(labels)
    assert right.mean() >= 0.95
    for word in ("not", "never", "but", "although"):  # nor does it fail where the difficulty lies
        among = np.array([word in WORD.findall(text.lower()) for text in texts])
        assert among.sum() >= 50
        assert right[among].mean() >= 0.95


def test_training_never_reads_the_held_out_part(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def write(count: int, seed: int, *, held_out: bool) -> Part:
        asked.append(held_out)
        return write_reviews(count, seed, held_out=held_out)

    monkeypatch.setattr(reviews_train, "write_reviews", write)
    reviews_train.train(0, reviews=64, epochs=1)
    assert asked == [False]


def test_the_gallery_is_right_and_shows_what_counts(demo: Reviews) -> None:
    assert demo.classes == ("negative", "positive")
    assert len(demo.texts) == len(demo.labels) == len(set(demo.texts)) == 40
    assert all(is_held_out(text) for text in demo.texts)
    assert [demo.classes[int(margin > 0)] for margin in margins(demo, demo.texts)] == demo.labels
    chosen = demo.texts[:12]
    assert [demo.labels[:12].count(name) for name in demo.classes] == [6, 6]
    negated, contrasted = (
        [any(f" {word} " in text for word in words) for text in chosen]
        for words in (("not", "never", "hardly", "nobody", "nothing"), ("but",))
    )
    assert sum(negated) >= 6
    assert sum(contrasted) >= 5
    assert sum(map(all, zip(negated, contrasted))) >= 3
    assert all(word in vocabulary() for text in demo.texts for word in WORD.findall(text.lower()))


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("Great!", "Awful!"),
        ("The film was good.", "The film was not good."),
        ("The film was boring.", "The film was never boring."),
        ("This is a great hotel.", "This is hardly a great hotel."),
        ("The plot is weak, but the acting is wonderful.", "The acting is wonderful, but the plot is weak."),
        ("The waiter was rude, but the soup was delicious.", "The waiter was rude, but the soup was not delicious."),
    ],
)
def test_small_words_and_order_turn_the_verdict(demo: Reviews, text: str, changed: str) -> None:
    before, after = margins(demo, [text, changed])
    assert before * after < 0
    assert min(abs(before), abs(after)) > 1


def test_padding_changes_nothing(demo: Reviews) -> None:
    tokenizer = demo.tokenizer
    with torch.inference_mode():
        for text in demo.texts[:12]:
            ids = torch.tensor([tokenizer(text)["input_ids"]])
            alone = demo.model(ids)
            longer = torch.nn.functional.pad(ids, (0, MAX_LENGTH - ids.shape[1]), value=tokenizer.unk_token_id)
            mask = (torch.arange(MAX_LENGTH) < ids.shape[1])[None].long()
            assert torch.allclose(demo.model(longer, mask), alone, atol=1e-5)
            assert torch.allclose(demo.model(ids, torch.ones_like(ids)), alone, atol=1e-5)
            assert not torch.allclose(demo.model(longer), alone, atol=1e-2)


@torch.inference_mode()
def test_texts_with_holes_stay_sensible(demo: Reviews, held_out: Part) -> None:
    texts, labels = held_out[0][:500], np.array(held_out[1][:500])
    ids, masks = as_tensors(texts)
    words = ids > WordTokenizer.mask_token_id
    hole = words & (torch.rand(ids.shape, generator=torch.Generator().manual_seed(0)) < 0.1)
    masked = demo.model(ids.masked_fill(hole, demo.tokenizer.mask_token_id), masks)
    left_out = torch.cat([demo.model(row[there][None]) for row, there in zip(ids, ~hole & (masks == 1))])
    for scores in (masked, left_out):  # a hole may well be where the "not" was
        assert (scores.argmax(1).numpy() == labels).mean() >= 0.85
    nothing = demo.model(ids.masked_fill(words, demo.tokenizer.mask_token_id), masks).diff(dim=1)
    assert nothing.abs().mean() < 1  # of a text that is all holes it does not claim to know much
    assert abs(margins(demo, texts)).mean() > 3


def test_training_makes_holes_and_changes_nothing_else(held_out: Part) -> None:
    ids, masks = as_tensors(held_out[0])
    changed = hide(ids, torch.Generator().manual_seed(0))
    tokenizer = WordTokenizer()
    lengths, words = masks.sum(1), int(masks.sum()) - len(ids)
    shorter = (changed != tokenizer.pad_token_id).sum(1) < lengths
    assert 0.05 <= float((lengths - (changed != tokenizer.pad_token_id).sum(1)).sum()) / words <= 0.1
    assert 0.05 <= float((changed == tokenizer.mask_token_id).sum()) / words <= 0.1
    special = (tokenizer.pad_token_id, tokenizer.mask_token_id, tokenizer.unk_token_id)
    for before, after, holes in zip(ids[:200], changed, shorter):
        assert after[0] == tokenizer.cls_token_id
        if holes:  # the rest closes up, in its order
            left = iter(before.tolist())
            assert all(token in special or token in left for token in after.tolist())
            assert tokenizer.mask_token_id not in after
        else:
            assert {*after[after != before].tolist()} <= {tokenizer.mask_token_id, tokenizer.unk_token_id}


def test_lime_finds_the_word_that_turns_the_verdict(demo: Reviews) -> None:
    pytest.importorskip("lime")
    text = Text("The soup was delicious, but the waiter was not friendly.", demo.tokenizer)
    answer = nbexplain.explain(demo.model, text, "lime", target=demo.classes.index("negative"))
    assert answer.features is not None
    assert text.tokens[list(answer.features).index(answer.values.argmax())] == "not"


def test_tokens_lie_where_they_say() -> None:
    tokenizer = WordTokenizer()
    text = "  The Film ISN’T 😀 bad,\nnever  Qwertz…dull\u0301!"
    tokens = tokenizer(text, return_offsets_mapping=True, truncation=False)
    ids, spans = tokens["input_ids"], tokens["offset_mapping"]
    assert spans[0] == (0, 0)
    pieces = ["The", "Film", "ISN’T", "😀", "bad", ",", "never", "Qwertz", "…", "dull", "\u0301", "!"]
    assert [text[start:end] for start, end in spans[1:]] == pieces
    read = ["[CLS]", "the", "film", "isn't", "[UNK]", "bad", ",", "never", "[UNK]", "[UNK]", "dull", "[UNK]", "!"]
    assert tokenizer.convert_ids_to_tokens(ids) == read
    assert tokens["attention_mask"] == [1] * 13
    assert tokenizer("")["input_ids"] == [tokenizer.cls_token_id]
    special = tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.cls_token_id, tokenizer.mask_token_id
    assert tokenizer.convert_ids_to_tokens(special) == ["[PAD]", "[UNK]", "[CLS]", "[MASK]"]
    assert len(tokenizer(" ".join(["good"] * 100))["input_ids"]) == 101  # nothing is cut
    assert tokenizer.model_max_length == MAX_LENGTH
    # a person who types the name of a special token does not get it
    assert not {tokenizer.mask_token_id, tokenizer.cls_token_id} & set(tokenizer("[MASK] [CLS]")["input_ids"][1:])


def test_wrong_inputs_are_refused(demo: Reviews) -> None:
    with pytest.raises(TypeError, match="text: expected one str, got list"):
        demo.tokenizer(["a", "b"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"input_ids: expected \(N, L\) with 1 to 64 tokens, got shape \(1, 65\)"):
        demo.model(torch.zeros(1, 65, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"input_ids: .* got shape \(4,\)"):
        demo.model(torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"attention_mask: expected .* \(1, 4\), got \(1, 3\)"):
        demo.model(torch.zeros(1, 4, dtype=torch.int64), torch.ones(1, 3))


def test_layers_list_sensibly_and_the_score_follows_from_cls(demo: Reviews) -> None:
    tokens = demo.tokenizer(demo.texts[0])
    inputs = {name: torch.tensor([tokens[name]]) for name in ("input_ids", "attention_mask")}
    usable = {layer.name for layer in nbexplain.list_layers(demo.model, inputs) if layer.usable}
    assert {"token_embedding", "layer1.attention", "layer1", "layer2.attention", "layer2", "head"} <= usable
    kept: list[torch.Tensor] = []
    handle = demo.model.layer2.register_forward_hook(lambda module, inputs, output: kept.append(output))
    with torch.inference_mode():
        scores = demo.model(**inputs)[0]
    handle.remove()
    weights = {name: tensor.numpy() for name, tensor in demo.model.state_dict().items()}
    cls = kept[0][0, 0].double().numpy()
    cls = (cls - cls.mean()) / np.sqrt(cls.var() + 1e-5) * weights["norm.weight"] + weights["norm.bias"]
    assert scores.numpy() == pytest.approx(weights["head.weight"] @ cls + weights["head.bias"], abs=1e-4)


def test_training_again_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews_train, "train", partial(reviews_train.train, reviews=640, epochs=2))
    threads = torch.get_num_threads()
    try:
        for name, seed in (("first", "0"), ("again", "0"), ("other", "1")):
            monkeypatch.setattr(sys, "argv", ["train", "reviews", "--out", str(tmp_path / name), "--seed", seed])
            train.main()
    finally:
        torch.set_num_threads(threads)
    first, again, other = ((tmp_path / name).read_bytes() for name in ("first", "again", "other"))
    assert first == again
    assert first != other


def test_every_call_makes_a_new_model(demo: Reviews) -> None:
    again = reviews()
    assert again.model is not demo.model
    assert not again.model.training
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), demo.model.parameters(), strict=True))
    again.texts.clear()
    assert reviews().texts == demo.texts
    lines = repr(demo).splitlines()
    assert lines[0].startswith("Reviews: 40 texts, 2 classes, a ReviewNet with ")
    assert lines[1:3] == [
        "  texts[0]: The plot is silly, but the acting is wonderful. (positive)",
        "  texts[1]: This is not a bad movie at all. (positive)",
    ]
    assert len(lines) == 13


def test_weights_are_small_and_single_precision() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.parent.glob("[mrt]*.safetensors")) < 600_000
    assert {tensor.dtype for tensor in load_file(WEIGHTS).values()} == {torch.float32}
