"""Opening a tiny model: what its settings mean, and that everything is let go of however it ends."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fimble.engine.process.backends.backend import Fragment, Run
from fimble.errors import ModelRefused
from tests.exllamav2_cpu import import_exllamav2

exllamav2 = import_exllamav2()

from fimble.engine.process.backends.exl2.opening import Opening, open_model  # noqa: E402 - imports follow exllamav2.
from fimble.engine.process.backends.exllamav2 import ExLlamaV2Backend  # noqa: E402
from fimble.models.card import CacheKind  # noqa: E402
from tests.exllamav2_cpu import tiny_model  # noqa: E402


class Card:
    """A card that notes who holds it."""

    def __init__(self) -> None:
        self.taken = self.held = 0

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        self.taken += 1
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model.write(folder)
    return folder


def backend(model: Path, folder: Path, card: Card | None = None, **settings: Any) -> ExLlamaV2Backend:
    opening = Opening(
        model=model,
        folder=folder,
        stop_tokens=("<|endoftext|>",),
        take_device=(card or Card()).take,
        **{"cache_tokens": 2048, "cache": "fp16", "advice": "What fits: less."} | settings,
    )
    return ExLlamaV2Backend(lambda progress: open_model(opening, progress))


def write(model: ExLlamaV2Backend, text: str, tokens_max: int = 24, **settings: Any) -> str:
    run = Run(prompt=model.tokenize(text), tokens_max=tokens_max, **settings)
    written: list[str] = []

    def emit(_: Run, fragment: Fragment) -> None:
        written.append(fragment.text)

    model.start(run)
    while not model.advance(lambda _: False, emit):
        pass
    assert not run.failure
    return "".join(written)


@pytest.mark.parametrize("cache", ["fp16", "q8", "q6", "q4"])
def test_each_kind_of_cache_writes_the_same_again_from_what_it_has_kept(
    model: Path, tmp_path: Path, cache: CacheKind
) -> None:
    opened = backend(model, tmp_path, cache=cache)
    opened.load(lambda _: None)
    try:
        first = write(opened, "def f(x):\n" * 40)
        assert first
        assert write(opened, "def f(x):\n" * 40) == first
    finally:
        opened.unload()


def test_guesses_ahead_and_a_given_start_change_no_more_than_they_should(model: Path, tmp_path: Path) -> None:
    opened = backend(model, tmp_path)
    opened.load(lambda _: None)
    try:
        text = "for x in xs:\n    y = x\n" * 6
        plain = write(opened, text)
        assert write(opened, text, drafts=True) == plain
        for start in ("retu", "é", "\n  "):
            assert write(opened, text, starts_with=start).startswith(start)
    finally:
        opened.unload()


def test_the_card_is_held_while_the_model_is_open_and_no_longer(model: Path, tmp_path: Path) -> None:
    card = Card()
    opened = backend(model, tmp_path, card)
    told: list[str] = []
    opened.load(told.append)
    assert (card.taken, card.held) == (1, 1)
    assert "tiny, 0 of" in " ".join(told)
    assert opened.control("<|fim_prefix|>") == 257
    assert 257 not in opened.tokenize("<|fim_prefix|>")
    opened.unload()
    assert (card.taken, card.held) == (1, 0)


def test_a_model_of_the_context_of_its_positions_takes_no_longer_prompts(model: Path, tmp_path: Path) -> None:
    opened = backend(model, tmp_path, cache_tokens=16384)
    opened.load(lambda _: None)
    # The model was made for 2,048 positions, however large the cache is.
    assert opened.context_tokens == 2048
    opened.unload()
    assert opened.context_tokens == 0


def test_memory_that_runs_out_is_told_with_what_fits_and_the_card_is_given_back(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def run_out(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    card = Card()
    opened = backend(model, tmp_path, card)
    # There is no card here whose memory could run out: tests/gpu does it with a real one.
    monkeypatch.setattr(exllamav2.ExLlamaV2, "load", run_out)
    with pytest.raises(ModelRefused, match=r"memory is not enough for tiny\. What fits: less\."):
        opened.load(lambda _: None)
    assert (card.taken, card.held) == (1, 0)


def test_an_error_inside_exllamav2_is_told_in_one_line_and_the_card_is_given_back(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("Found no NVIDIA driver\non your system")

    card = Card()
    opened = backend(model, tmp_path, card)
    monkeypatch.setattr(exllamav2.ExLlamaV2, "load", fail)
    with pytest.raises(
        ModelRefused, match=r"could not load tiny: AssertionError: Found no NVIDIA driver\. Run: fimble"
    ):
        opened.load(lambda _: None)
    assert card.held == 0
