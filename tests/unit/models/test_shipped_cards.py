"""What the shipped cards say agrees with what is known about the models."""

import re

import pytest

from fimble.models import store
from fimble.models.card import ModelCard, PypiPartsSource
from fimble.models.catalogue import read_card, shipped_cards_folder
from fimble.models.memory import weights_bytes

CARDS = [read_card(path) for path in sorted(shipped_cards_folder().glob("*.toml"))]
BY_NAME = {card.name: card for card in CARDS}

# Hidden size, inner size, query heads, and whether the output matrix is the embedding; from the models' config.json.
QWEN = {
    "0.5b": (896, 4864, 14, True),
    "1.5b": (1536, 8960, 12, True),
    "7b": (3584, 18944, 28, False),
    "14b": (5120, 13824, 40, False),
    "32b": (5120, 27648, 40, False),
}


def test_the_names_that_the_documents_promise_exist() -> None:
    promised = {"qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"}
    promised |= {f"qwen2.5-coder-{size}-exl2-4.25" for size in ("1.5b", "7b", "14b", "32b")}
    assert promised <= BY_NAME.keys()


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_shipped_card_is_usable(card: ModelCard) -> None:
    store.check_names(card)
    assert card.title
    assert card.licence
    assert card.context_tokens > 0
    for file in card.files:
        assert not file.sha256 or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert bool(file.sha256) == bool(file.sources) == bool(file.bytes)


@pytest.mark.parametrize(
    "card", [card for card in CARDS if card.fill_in_middle and card.backend != "scripted"], ids=lambda card: card.name
)
def test_control_tokens_are_never_part_of_a_suggestion(card: ModelCard) -> None:
    fim = card.fill_in_middle
    assert fim is not None
    tokens = {fim.prefix, fim.suffix, fim.middle, fim.repository, fim.file} - {""}
    assert tokens <= set(card.stop_tokens)
    assert len(tokens) >= 2


@pytest.mark.parametrize("name", [name for name in BY_NAME if name.startswith("qwen2.5-coder-")])
def test_the_parameters_of_qwen_cards_follow_from_their_shape(name: str) -> None:
    shape = BY_NAME[name].shape
    assert shape is not None
    hidden, inner, heads, is_tied = QWEN[name.split("-")[2]]
    assert (shape.hidden, shape.head_dim) == (hidden, hidden // heads)
    kv = shape.kv_heads * shape.head_dim
    layer = 2 * hidden * hidden + hidden + 2 * (hidden * kv + kv) + 3 * hidden * inner + 2 * hidden
    embeddings = shape.vocabulary * hidden * (1 if is_tied else 2)
    assert shape.parameters == shape.layers * layer + embeddings + hidden


@pytest.mark.parametrize("name", ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"])
def test_bits_per_weight_agree_with_the_file(name: str) -> None:
    card = BY_NAME[name]
    assert card.shape is not None
    assert card.shape.parameters * card.shape.bits_per_weight / 8 == pytest.approx(weights_bytes(card), rel=0.002)


def test_parts_stand_in_number_order() -> None:
    for card in CARDS:
        for file in card.files:
            for source in file.sources:
                if isinstance(source, PypiPartsSource):
                    numbers = [int(package.rpartition("part")[2]) for package in source.packages]
                    assert numbers == list(range(1, len(numbers) + 1))
