"""Whether a model fits a GPU, against figures that were worked out by hand from ExLlamaV2's source."""

import msgspec
import pytest

from fimble.errors import ModelRefused
from fimble.models.card import CacheKind, ModelCard
from fimble.models.catalogue import read_card, shipped_cards_folder
from fimble.models.fit import GIB, MARGIN_BYTES, alternatives, choose, gpu_need, parse_size, parse_tokens

CARDS = [read_card(path) for path in sorted(shipped_cards_folder().glob("*.toml"))]
BY_NAME = {card.name: card for card in CARDS}
ON_GPU = [card for card in CARDS if card.backend == "exllamav2"]

# GiB for 8k, 16k and 32k tokens and caches of FP16, Q8 and Q4, by bits per weight.
TABLE = {
    ("1.5b", 4.25): [(1.6, 1.5, 1.5), (1.8, 1.7, 1.5), (2.3, 1.9, 1.7)],
    ("7b", 4.0): [(4.7, 4.5, 4.4), (5.1, 4.7, 4.5), (6.0, 5.2, 4.8)],
    ("7b", 5.0): [(5.4, 5.3, 5.1), (5.9, 5.5, 5.3), (6.8, 6.0, 5.6)],
    ("14b", 4.0): [(9.0, 8.4, 8.0), (10.5, 9.2, 8.4), (13.5, 10.8, 9.3)],
    ("14b", 4.25): [(9.4, 8.7, 8.4), (10.9, 9.6, 8.8), (13.9, 11.2, 9.7)],
    ("14b", 4.65): [(10.0, 9.4, 9.0), (11.5, 10.2, 9.4), (14.5, 11.8, 10.3)],
    ("14b", 5.0): [(10.6, 9.9, 9.5), (12.1, 10.7, 10.0), (15.1, 12.4, 10.9)],
    ("32b", 4.0): [(18.1, 17.2, 16.7), (20.1, 18.3, 17.3), (24.1, 20.5, 18.5)],
    ("32b", 4.25): [(19.0, 18.1, 17.6), (21.0, 19.2, 18.2), (25.0, 21.4, 19.4)],
    ("32b", 4.65): [(20.5, 19.6, 19.1), (22.5, 20.7, 19.7), (26.5, 22.9, 20.9)],
    ("32b", 5.0): [(21.8, 20.9, 20.4), (23.8, 22.0, 21.0), (27.8, 24.1, 22.1)],
}


def qwen(size: str, bits: float = 4.25) -> ModelCard:
    card = BY_NAME[f"qwen2.5-coder-{size}-exl2-4.25"]
    assert card.shape is not None
    return msgspec.structs.replace(card, shape=msgspec.structs.replace(card.shape, bits_per_weight=bits))


@pytest.mark.parametrize(("size", "bits"), TABLE, ids=str)
def test_needs_are_those_of_the_table(size: str, bits: float) -> None:
    caches: tuple[CacheKind, ...] = ("fp16", "q8", "q4")
    for tokens, row in zip((8_192, 16_384, 32_768), TABLE[size, bits], strict=True):
        for cache, gib in zip(caches, row, strict=True):
            assert gpu_need(qwen(size, bits), tokens, cache).total / GIB == pytest.approx(gib, abs=0.06)


@pytest.mark.parametrize("card", ON_GPU, ids=lambda card: card.name)
def test_every_shipped_model_for_a_gpu_has_a_known_need(card: ModelCard) -> None:
    assert card.shape is not None
    shape = card.shape
    head = shape.vocabulary * shape.hidden * (1 if shape.tied_embeddings else 2)
    gated = 2 if card.name.startswith("starcoder2") else 3
    attention = shape.kv_heads * shape.head_dim
    layer = 2 * shape.hidden**2 + 2 * shape.hidden * attention + gated * shape.hidden * shape.intermediate
    assert shape.layers * layer + head == pytest.approx(shape.parameters, rel=0.001), "the inner size is right"
    assert gpu_need(card, 8_192).total > GIB


def test_the_longest_context_is_chosen_and_then_the_finest_cache() -> None:
    card = qwen("14b")
    for gib, tokens, cache in ((16, 32_768, "fp16"), (12.5, 32_768, "q8"), (11, 16_384, "q8"), (9.8, 8_192, "q8")):
        choice = choose(card, int(gib * GIB))
        assert (choice.context_tokens, choice.cache) == (tokens, cache)
        assert choice.fits(int(gib * GIB))
        assert choice.need.total + MARGIN_BYTES <= gib * GIB


def test_what_is_asked_for_is_kept_also_where_it_does_not_fit() -> None:
    choice = choose(qwen("32b"), 12 * GIB, 16_384, "fp16")
    assert (choice.context_tokens, choice.cache, choice.fits(12 * GIB)) == (16_384, "fp16", False)
    assert choose(qwen("7b"), 12 * GIB, cache="q4").cache == "q4"
    smallest = choose(qwen("32b"), GIB)
    assert (smallest.context_tokens, smallest.cache) == (4_096, "q8")


def test_what_fits_instead_is_named_nearest_first() -> None:
    wanted = choose(qwen("14b"), 12 * GIB, 32_768, "fp16")
    named = [(other.model, other.context_tokens, other.cache) for other in alternatives(CARDS, wanted, 12 * GIB)]
    names = [name.removeprefix("qwen2.5-coder-").removesuffix("-exl2-4.25") for name, _, _ in named]
    assert names[:3] == ["14b", "14b", "7b"]
    assert [(tokens, cache) for _, tokens, cache in named[:2]] == [(16_384, "fp16"), (8_192, "fp16")]
    with_less_memory = choose(qwen("14b"), 5 * GIB, 4_096, "q4")
    others = alternatives(CARDS, with_less_memory, 5 * GIB)
    assert [other.model for other in others] == ["qwen2.5-coder-1.5b-exl2-4.25"]
    assert alternatives(CARDS, with_less_memory, GIB) == []
    assert all(other.fits(5 * GIB) for other in others)


def test_models_without_a_known_need_are_refused() -> None:
    with pytest.raises(ModelRefused, match="llamacpp"):
        gpu_need(BY_NAME["qwen2.5-coder-0.5b"], 8_192)
    with pytest.raises(ModelRefused, match="shape"):
        gpu_need(msgspec.structs.replace(qwen("7b"), shape=None), 8_192)


@pytest.mark.parametrize(
    ("text", "size"),
    [("12GiB", 12 * GIB), ("12 GB", 12 * GIB), ("12", 12 * GIB), ("7.5g", int(7.5 * GIB)), ("800MiB", 800 * 1024**2)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "lots", "0", "-3", "12 apples", "1e9", "GiB"])
def test_what_is_no_size_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="12GiB"):
        parse_size(text)


def test_tokens_are_read_in_thousands_of_1024() -> None:
    assert [parse_tokens(text) for text in ("16k", "16384", " 8 K ")] == [16_384, 16_384, 8_192]
    for text in ("", "0", "16m", "-1", "1.5k"):
        with pytest.raises(ValueError, match="16k"):
            parse_tokens(text)
