"""Pairs of texts and prompts: which tokens belong to which text, what stays, and what a model gets."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Text, explain
from tests.core.texts import WORDS, alone, shapley, tokenizer
from tests.networks import seeded

PREMISE, HYPOTHESIS = "a man sleeps outside", "a person is resting"


class Sum(nn.Module):
    """Each token adds ten times its id, and once more what its type says."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        return ((10.0 + types) * input_ids * attention_mask).sum(1, keepdim=True)


def adds(text: str, times: int = 10) -> list[int]:
    return [times * WORDS[word] for word in text.split()]


@pytest.fixture
def tok() -> Any:
    pytest.importorskip("transformers")
    return tokenizer(types=True)


def test_a_pair_is_read_as_its_tokenizer_reads_it(tok: Any) -> None:
    x = Text((PREMISE, HYPOTHESIS), tok)
    assert (x.text, x.texts) == (f"{PREMISE}\n{HYPOTHESIS}", (PREMISE, HYPOTHESIS))
    given = {name: row.tolist() for name, row in x.arguments(x.tensor)[1].items()}
    assert given == {name: [row] for name, row in tok(PREMISE, HYPOTHESIS).items()}
    assert given["token_type_ids"] == [[0] * 6 + [1] * 5]
    masker = x.masker()
    assert masker.names == (*PREMISE.split(), *HYPOTHESIS.split())
    assert [x.text[start:end] for start, end in masker.spans] == list(masker.names)
    assert masker.features.tolist() == [-1, 0, 1, 2, 3, -1, 4, 5, 6, 7, -1]  # the separators stay
    assert x.masker("token").names == masker.names
    assert x.masker("sentence").names == (PREMISE, HYPOTHESIS)


@pytest.mark.parametrize(("explained", "stays"), [(1, 0), (0, 1)])
@pytest.mark.parametrize("method", ["leave_one_out", "exact_shap", "kernel_shap"])
def test_one_text_of_a_pair_is_explained_while_the_other_stays(
    explained: int, stays: int, method: str, tok: Any
) -> None:
    pair = (PREMISE, HYPOTHESIS)
    ours = explain(Sum(), Text(pair, tok, explain=explained), method)
    assert ours.names == tuple(pair[explained].split())
    np.testing.assert_allclose(ours.values, adds(pair[explained], 10 + explained))
    if method == "exact_shap":
        np.testing.assert_allclose(ours.base, sum(adds(pair[stays], 10 + stays)) + 2 * 10 + 3 * 10 + 3 * 11)


def test_shortened_pairs_have_the_scores_that_they_have_alone(tok: Any) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=24,
        initializer_range=0.4,
    )
    model = seeded(lambda: transformers.BertForSequenceClassification(config)).eval()
    one, two = PREMISE.split(), HYPOTHESIS.split()

    def both(kept: tuple[int, ...]) -> float:
        left = [one[n] for n in kept if n < 4], [two[n - 4] for n in kept if n >= 4]
        ids = [2, *(WORDS[word] for word in left[0]), 3, *(WORDS[word] for word in left[1]), 3]
        types = [0] * (len(left[0]) + 2) + [1] * (len(left[1]) + 1)
        with torch.no_grad():
            found = model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types])).logits
        assert not all(left) or alone(model, tok, lambda o: o.logits, *map(" ".join, left)) == float(found[0, 1])
        return float(found[0, 1])

    ours = explain(model, Text((PREMISE, HYPOTHESIS), tok), "exact_shap", target=1)
    np.testing.assert_allclose(ours.values, shapley(both, 8), atol=1e-5)
    ours = explain(model, Text((PREMISE, HYPOTHESIS), tok, explain=1), "exact_shap", target=1)
    right = shapley(lambda kept: both((0, 1, 2, 3, *(n + 4 for n in kept))), 4)
    np.testing.assert_allclose(ours.values, right, atol=1e-5)


# Offsets that belong to other texts


@pytest.mark.parametrize("method", ["leave_one_out", "exact_shap"])
@pytest.mark.parametrize(
    "read",
    [
        lambda tok, text: tok(PREMISE, text, return_offsets_mapping=True),
        lambda tok, text: tok(PREMISE, text),  # Hugging Face's encodings tell the offsets all the same
        lambda tok, text: tok(text, PREMISE, return_offsets_mapping=True),
        lambda tok, text: tok(f"is it good ? {text}", return_offsets_mapping=True),
        lambda tok, text: tok(f"{text} is it really so", return_offsets_mapping=True),
    ],
)
def test_tokens_of_another_text_are_not_taken_for_those_of_this_one(read: Any, method: str, tok: Any) -> None:
    class Plain(Sum):
        def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> Tensor:
            return super().forward(input_ids, attention_mask)

    ours = explain(Plain(), Text(HYPOTHESIS, lambda text: read(tok, text)), method)
    assert ours.names == tuple(HYPOTHESIS.split())
    np.testing.assert_allclose(ours.values, adds(HYPOTHESIS))
    assert ours.warnings == ()


def offsets_of(*texts: str) -> list[tuple[int, int]]:
    return [word.span() for text in texts for word in re.finditer(r"\w+", text)]


def test_offsets_that_begin_anew_are_of_the_next_text() -> None:
    def reads(a: str, b: str) -> dict[str, Any]:
        spans = offsets_of(a, b)
        return {"input_ids": [*range(1, len(spans) + 1)], "offset_mapping": spans}

    x = Text(("so it is", "no"), reads, explain=1)
    assert x.tokens == ("so", "it", "is", "no")
    assert x.masker().features.tolist() == [-1, -1, -1, 0]
    first = Text(("so", "no"), lambda a, b: {"input_ids": [1, 9, 2], "offset_mapping": [(0, 2), (0, 0), (0, 2)]})
    assert first.masker().names == ("so", "no")


def test_offsets_that_may_be_of_either_text_are_not_believed() -> None:
    def reads(text: str) -> dict[str, Any]:  # tells no names: both halves might be the text
        spans = offsets_of("it was so", text)
        return {"input_ids": [*range(1, len(spans) + 1)], "offset_mapping": spans}

    assert Text("so it was", reads).spans.tolist() == [[0, 0]] * 6
    assert Text("so it", reads).tokens == ("1", "2", "3", "so", "it")  # the first reaches beyond it


# Parts of a prompt


PROMPT = "is the film good ? i really love it and it is good"


@pytest.mark.parametrize(
    "part", ["i really love it and it is good", (19, 50), [(19, 35), (30, 50)], ["i really love it", (36, 50)]]
)
def test_a_part_of_a_prompt_is_explained_while_the_rest_stays(part: Any, tok: Any) -> None:
    x = Text(PROMPT, tok, explain=part)
    ours = explain(Sum(), x, "leave_one_out")
    assert ours.names == tuple(PROMPT.split()[5:])
    np.testing.assert_allclose(ours.values, adds(PROMPT[19:]))
    ((_, batch),) = Text(PROMPT, explain=part).masker().batches(np.zeros((1, 8)))
    assert Text(PROMPT).outside(batch) == ["is the film good ?        "]


def test_units_end_where_the_part_ends() -> None:
    x = Text("Is it good: Yes. No way! Say so.", explain=(12, 27))
    assert x.masker("sentence").names == ("Yes.", "No way!", "Say")
    assert x.masker("word").names == ("Yes", "No", "way", "Say")  # as far as its tokens reach
    assert [x.text[start:end] for start, end in x.masker("token").spans] == ["Yes", ".", "No", "way", "!", "Say"]


@pytest.mark.parametrize(
    ("given", "asked", "error", "message"),
    [
        (PROMPT, "good", ValueError, "explain: 'good' is 2 times in it; give its \\(start, end\\)"),
        (PROMPT, "bad", ValueError, "explain: 'bad' is not in 'is the film good"),
        (PROMPT, " ", ValueError, "explain: expected a part with some words, got ' '"),
        (PROMPT, (5, 99), ValueError, "explain: expected 0 ≤ start < end ≤ 50, got \\(5, 99\\)"),
        (PROMPT, 0, ValueError, "explain: x is one text, not a pair; expected the number of a text of the pair"),
        (PROMPT, 1.5, TypeError, "explain: expected the number of a text of the pair, a part .*, got 1.5"),
        (PROMPT, [], ValueError, "explain: .* got \\[\\]; None explains all of it"),
        ((PREMISE, HYPOTHESIS), 2, ValueError, "explain: expected 0 or 1, a text of the pair, got 2"),
        ((PREMISE, HYPOTHESIS), (9, 24), ValueError, "0 ≤ start < end ≤ 20 or 21 ≤ start < end ≤ 40 in the two texts"),
        ((PREMISE, HYPOTHESIS), "a", ValueError, "explain: 'a' is [0-9] times in the two texts; give 0 or 1 for all"),
        ((PREMISE, HYPOTHESIS), "film", ValueError, "explain: 'film' is not in 'a man sleeps outside' or in the other"),
        ((PREMISE, " "), None, ValueError, "text: expected some words in both texts of the pair, got ' '"),
        ([PREMISE, HYPOTHESIS], None, TypeError, r"text: expected .*, got a list of 2; try \[Text\(each, …\)"),
        ((PREMISE, HYPOTHESIS, "x"), None, ValueError, "text: expected .* got 3 of them"),
    ],
)
def test_what_cannot_be_explained(given: Any, asked: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Text(given, explain=asked)


@pytest.mark.parametrize("given", [PROMPT, ("good", "a good film"), ("not good", "is")])
def test_the_place_that_is_advised_for_one_of_several_can_be_given(given: Any) -> None:
    x = Text(given)
    told = "good" if isinstance(given, str) or "good" in given[1] else "o"
    with pytest.raises(ValueError, match=r"explain: .* is \d times") as refused:
        Text(given, explain=told)
    places = re.findall(r"\((\d+), (\d+)\)", str(refused.value))
    assert len(places) == 2
    for place in places:
        start, end = map(np.int64, place)
        asked = Text(given, explain=(start, end))
        assert asked.parts_explained == [(start, end)]
        assert repr(asked.made_with["explain"]) == f"({start}, {end})"
        assert x.text[start:end] == told


def test_a_tokenizer_that_tells_no_places_cannot_part_a_prompt() -> None:
    with pytest.raises(ValueError, match="explain: the tokenizer does not tell where its tokens stand in the text"):
        Text("a good film", lambda _: [1, 2], explain="good")
    with pytest.raises(ValueError, match="explain: no token of 'film' is among those that the model reads"):
        Text("a good film", lambda _: {"input_ids": [1], "offset_mapping": [(0, 1)]}, explain="film")


# Another text, a text that is too long, and models that read strings


def test_another_text_keeps_what_stays() -> None:
    x = Text(PROMPT, explain=PROMPT[19:])
    other = x.another("is the film good ? no never")
    assert other.masker().names == ("no", "never")
    several = Text("q : one a : two end", explain=["one", "two"]).another("q : x y a : z end")
    assert several.masker().names == ("x", "y", "z")
    with pytest.raises(ValueError, match="text: what stays of it, 'is the film good \\?', must stand where it stood"):
        x.another("is it good ? no never")
    pair = Text((PREMISE, HYPOTHESIS), explain=1)
    assert pair.another(f"{PREMISE}\nno").texts == (PREMISE, "no")
    assert pair.another(("b", "c")).masker().names == ("c",)
    with pytest.raises(ValueError, match="text: the two texts stand below each other; keep a line break between them"):
        pair.another("no more")
    with pytest.raises(ValueError, match="text: nothing stands in the place of what is explained, 'no wonder'; write"):
        Text("is it good ? no wonder", explain="no wonder").another("is it good ? ")
    assert Text("q : one a : two end", explain=["one", "two"]).another("q :  a : no end").masker().names == ("no",)
    part = Text(("the man sleeps", HYPOTHESIS), explain="man")
    assert part.another(f"the old dog sleeps\n{HYPOTHESIS}").masker().names == ("old", "dog")
    both = Text((PREMISE, HYPOTHESIS), explain=["man", (23, 29)])
    assert both.masker().names == ("man", "person")
    assert both.another("a big dog sleeps outside\na thing is resting").masker().names == ("big", "dog", "thing")
    with pytest.raises(ValueError, match="text: what stays of it, 'a person is resting', must stand where it stood"):
        part.another("the man sleeps\na dog is resting")
    lines = Text(("a\n\nb", "c"))
    assert lines.another(lines.text).texts == lines.texts
    with pytest.raises(ValueError, match="keep 3 line breaks between them"):
        lines.another("a\n\nb")


def test_of_a_pair_that_is_too_long_the_longer_text_is_cut_as_its_tokenizer_cuts_it(tok: Any) -> None:
    for pair in (
        ("is the film really good", "i love it"),
        ("it is", "the film is really really good"),
        ("a", "it " * 9),
    ):
        for length in (5, 6, 8, 10):
            x = Text(pair, tok, max_length=length)
            wanted = tok(*pair, truncation=True, max_length=length)
            assert x.ids.tolist() == wanted["input_ids"], (pair, length)
    (note,) = Text(("is the film really good", "i love it"), tok, max_length=9).notes
    said = "the two texts have 11 tokens and the model takes 9: it is cut after “is the film” and “i love it”"
    assert note == f"{said}, and 2 of 8 words are not read"


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    "texts", [("is the film really good",), ("is the film really good", "i love it"), ("a", "it it it it")]
)
@pytest.mark.parametrize("length", [5, 6])
def test_it_is_cut_on_the_side_on_which_the_tokenizer_cuts(
    tok: Any, side: str, texts: tuple[str, ...], length: int
) -> None:
    tok.truncation_side = side
    wanted = tok(*texts, truncation=True, max_length=length)["input_ids"]
    assert Text(texts if len(texts) > 1 else texts[0], tok, max_length=length).ids.tolist() == wanted


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("frame", ["$A [SEP] [CLS]", "[CLS] [SEP] $A", "[CLS] $A [SEP] [SEP]", "$A"])
def test_all_tokens_that_begin_or_end_every_text_stay_when_it_is_cut(side: str, frame: str, tok: Any) -> None:
    processors = pytest.importorskip("tokenizers").processors
    names = [(name, WORDS[name]) for name in ("[CLS]", "[SEP]")]
    tok.backend_tokenizer.post_processor = processors.TemplateProcessing(single=frame, special_tokens=names)
    tok.truncation_side = side
    text = "is the film really good and i love it"
    wanted = tok(text, truncation=True, max_length=6)["input_ids"]
    assert Text(text, tok, max_length=6).ids.tolist() == wanted


def test_what_is_cut_on_the_left_is_said_and_named_no_sign_that_is_never_hidden(tok: Any) -> None:
    tok.truncation_side = "left"
    x = Text("$$ a film :-) is really good", tok, max_length=5)
    said = (
        "the text has 9 tokens and the model takes 5: it is cut before “is really good”, and 2 of 5 words are not read"
    )
    assert x.notes == (said,)
    assert x.masker().notes == ()


def test_a_model_that_reads_strings_gets_pairs() -> None:
    asked: list[Any] = []

    def model(pairs: list[tuple[str, str]]) -> np.ndarray:
        asked.extend(pairs)
        return np.array([len(a.split()) + 10.0 * len(b.split()) for a, b in pairs])

    both = explain(model, Text((PREMISE, HYPOTHESIS)), "leave_one_out")
    assert asked[0] == (PREMISE, HYPOTHESIS)
    assert both.values.tolist() == [1] * 4 + [10] * 4
    asked.clear()
    one = explain(model, Text((PREMISE, HYPOTHESIS), explain=1), "exact_shap")
    np.testing.assert_allclose(one.values, 10)
    assert {a for a, _ in asked} == {PREMISE}


@pytest.mark.parametrize("given", [HYPOTHESIS, (PREMISE, HYPOTHESIS)])
@pytest.mark.parametrize("called", [False, True])
def test_a_tokenizer_of_the_library_tokenizers_itself(given: Any, called: bool, tok: Any) -> None:
    rust = tok.backend_tokenizer
    ours = Text(given, (lambda *texts: rust.encode(*texts)) if called else rust)
    theirs = Text(given, tok)
    assert ours.tensor.tolist() == theirs.tensor.tolist()
    np.testing.assert_array_equal(ours.masker().spans, theirs.masker().spans)
    np.testing.assert_allclose(explain(Sum(), ours, "exact_shap").values, explain(Sum(), theirs, "exact_shap").values)


@pytest.mark.parametrize("read", ["{}", "is it good? {}", "{} is it", "very  {}"])
def test_byte_level_tokens_are_found_inside_a_longer_text(read: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    made = tokenizers.ByteLevelBPETokenizer()
    text = "the film is 😍 très bon"
    made.train_from_iterator([read.format(text)] * 9, vocab_size=300, min_frequency=1)
    made._tokenizer.post_processor = tokenizers.processors.ByteLevel(trim_offsets=False)  # offsets hold the spaces
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=made._tokenizer)
    x = Text(text, lambda given: fast(read.format(given)))
    assert x.masker().names == tuple(text.split())
    assert x.notes == ()
    assert Text(text, fast).outside(torch.arange(len(fast(text)["input_ids"]))[None]) == [text]  # once, each sign


@pytest.mark.parametrize("trims", [True, False])
@pytest.mark.parametrize("text", ["the ½ film", "the  film is", "½ the film"])
def test_a_token_that_is_a_space_goes_with_the_word_that_follows(trims: bool, text: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    made = tokenizers.ByteLevelBPETokenizer()
    made.train_from_iterator(["the film is"] * 9, vocab_size=270, min_frequency=1)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made._tokenizer, cls_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    fast.backend_tokenizer.post_processor = tokenizers.processors.RobertaProcessing(
        ("</s>", fast.eos_token_id), ("<s>", fast.cls_token_id), trim_offsets=trims, add_prefix_space=False
    )
    x = Text(text, fast)
    features = x.masker().features
    assert features[0] == features[-1] == -1
    assert (features[1:-1] >= 0).all()  # nothing of the text stays where all of it is hidden
    assert x.masker().names == tuple(text.split())


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("is it good ? {}", "good"),
        ("the film is good : {} and is it", "the film"),
        ("really good really good {} really", "really good"),
        ("{} is it good", "good"),
    ],
)
def test_of_a_prompt_that_holds_the_text_too_the_text_itself_is_explained(tok: Any, read: str, text: str) -> None:
    x = Text(text, lambda given: tok(read.format(given)))
    begin = 1 + len(read.split("{")[0].split())
    places = [place for place in range(len(x.ids)) if x.spans[place, 1] > x.spans[place, 0]]
    assert places == list(range(begin, begin + len(text.split())))
    np.testing.assert_allclose(explain(Sum(), x, "exact_shap").values, adds(text))
