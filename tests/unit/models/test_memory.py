"""The arithmetic of memory, against numbers measured or published for these models."""

import msgspec
import pytest

from fimble.errors import ModelRefused
from fimble.models.card import ModelCard, Shape
from fimble.models.memory import cache_bytes, human, memory_need, weights_bytes

SEVEN = Shape(
    parameters=7_615_616_512,
    layers=28,
    kv_heads=4,
    head_dim=128,
    hidden=3584,
    vocabulary=152_064,
    bits_per_weight=4.0,
)


@pytest.mark.parametrize(("cache", "kib"), [("fp16", 56), ("q8", 29.75), ("q6", 22.75), ("q4", 15.75)])
def test_a_token_of_the_7b_model_takes_this_much_cache(cache: str, kib: float) -> None:
    assert cache_bytes(SEVEN, 1, cache) == kib * 1024
    assert cache_bytes(SEVEN, 1000, cache) == kib * 1024 * 1000


def test_weights_are_the_files_where_they_are_pinned_and_bits_otherwise(card: ModelCard) -> None:
    assert weights_bytes(msgspec.structs.replace(card, shape=SEVEN)) == card.files[0].bytes
    unpinned = msgspec.structs.replace(card, shape=SEVEN, files=())
    assert weights_bytes(unpinned) == 7_615_616_512 // 2
    assert memory_need(unpinned, 1024).total_bytes == 7_615_616_512 // 2 + 56 * 1024 * 1024


def test_a_card_without_a_shape_has_no_known_need(card: ModelCard) -> None:
    with pytest.raises(ModelRefused, match="shape"):
        memory_need(card, 1024)
    with pytest.raises(ModelRefused):
        weights_bytes(msgspec.structs.replace(card, files=()))


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (491_400_064, "468.6 MiB"), (2**50, "1024.0 TiB")],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert human(size) == text
