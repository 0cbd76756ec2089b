"""How many bytes a token takes, worked out by hand."""

from fimble.bench.bandwidth import bytes_per_token, host_bandwidth
from fimble.models.card import ModelCard, ModelFile, Shape

MIB = 1 << 20
SHAPE = Shape(
    parameters=1_000_000 + 2 * 64_000,
    layers=4,
    kv_heads=2,
    head_dim=16,
    hidden=64,
    vocabulary=1000,
    bits_per_weight=4.0,
    intermediate=128,
    head_bits=8.0,
)


def card(backend: str, **fields: object) -> ModelCard:
    return ModelCard(name="m", title="M", licence="", backend=backend, context_tokens=4096, **fields)  # type: ignore[arg-type]


def test_on_a_gpu_the_weights_without_the_embedding_and_the_cache_are_read() -> None:
    weights = 1_000_000 * 4 // 8 + 64_000
    per_token = 2 * 4 * 2 * 16 * 2
    gpu = card("exllamav2", shape=SHAPE)
    assert bytes_per_token(gpu, 0, "fp16") == weights
    assert bytes_per_token(gpu, 1000, "fp16") == weights + 1000 * per_token
    assert bytes_per_token(gpu, 1024, "q8") == weights + 1024 * per_token // 2 * 34 // 32


def test_of_a_gguf_file_all_is_read() -> None:
    file = ModelFile(name="m.gguf", bytes=5 * MIB)
    assert bytes_per_token(card("llamacpp", files=(file,)), 1000, "fp16") == 5 * MIB
    assert bytes_per_token(card("llamacpp", files=(file,), shape=SHAPE), 10, "fp16") == 5 * MIB + 10 * 512


def test_of_a_model_without_weights_it_is_unknown() -> None:
    assert bytes_per_token(card("scripted"), 10, "fp16") is None
    assert bytes_per_token(card("exllamav2"), 10, "fp16") is None


def test_this_machine_copies_more_than_a_disk_would() -> None:
    assert host_bandwidth(8 * MIB) > 1e8
