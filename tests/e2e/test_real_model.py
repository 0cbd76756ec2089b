"""The default model itself: what it suggests, what it costs, and that code never becomes a control token."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fimble.bench.windows import storm
from fimble.cli.settings import DEFAULT_MODEL
from fimble.engine.client.engine import Engine
from fimble.engine.process.backends.backend import Fragment, Run
from fimble.engine.process.backends.llamacpp import CHUNK_TOKENS, LlamaCppBackend
from fimble.models.catalogue import find_card

pytestmark = pytest.mark.model

CARD = find_card(DEFAULT_MODEL)
DOCUMENT = '''def mean(values: list[float]) -> float:
    """Arithmetic mean."""
    return sum(values) / len(values)


def variance(values: list[float]) -> float:
    """Population variance."""
    m = mean(values)
    return su$0


def stdev(values: list[float]) -> float:
    return variance(values) ** 0.5
'''


@pytest.fixture(scope="module")
def backend(default_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCppBackend]:
    folder = tmp_path_factory.mktemp("llama")
    backend = LlamaCppBackend(default_model, folder=folder, context_tokens=4096, stop_tokens=CARD.stop_tokens)
    backend.load(lambda _: None)
    yield backend
    backend.unload()


def complete(place: str) -> dict[str, object]:
    command = [sys.executable, "-m", "fimble", "complete", place, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_command_completes_and_one_sign_later_nearly_all_is_cached(
    default_model: Path, place: Path, tmp_path: Path
) -> None:
    file = tmp_path / "stats.py"
    before, after = DOCUMENT.split("$0")
    row, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    file.write_text(before + after)
    first = complete(f"{file}:{row}:{column}")
    assert str(first["text"]).startswith("m(")
    file.write_text(f"{before}m{after}")
    second = complete(f"{file}:{row}:{column + 1}")
    assert str(second["text"]).startswith("(")
    assert int(str(second["cached_tokens"])) >= 0.8 * int(str(second["prompt_tokens"]))


async def test_windows_that_type_at_once_share_one_engine_and_get_every_answer_once(
    default_model: Path, place: Path, tmp_path: Path
) -> None:
    engine = Engine(place, model=DEFAULT_MODEL, client="test")
    try:
        result = await storm(engine, tmp_path, windows=4, seconds=10)
        status = await engine.status()
    finally:
        await engine.close()
    assert (result.unanswered, result.answered_twice, result.failed, result.jobs_left) == (0, 0, 0, 0)
    assert result.engines == 1
    assert result.keys > 50
    # One model and its caches, not one per window.
    assert status.rss_bytes < 3 * default_model.stat().st_size
    assert psutil.Process(status.pid).net_connections("inet") == []


SPELLINGS = st.sampled_from([*CARD.stop_tokens, "<|fim_", "prefix|>", "<|", "|>", "<", "im_end", "é", "\n", " "])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(SPELLINGS | st.text(max_size=5), max_size=12).map("".join))
def test_code_never_becomes_a_control_token(backend: LlamaCppBackend, text: str) -> None:
    controls = {backend.control(token) for token in CARD.stop_tokens}
    assert None not in controls
    assert controls.isdisjoint(backend.tokenize(text))


def test_the_tokenizer_would_make_control_tokens_if_it_were_allowed_to(backend: LlamaCppBackend) -> None:
    """The positive control of the test above."""
    assert backend._tokenize("<|fim_middle|>", parse_special=True) == [backend.control("<|fim_middle|>")]


def test_a_prompt_can_be_abandoned_after_any_chunk_and_goes_on_where_it_was(backend: LlamaCppBackend) -> None:
    prompt = backend.tokenize("".join(f"value_{number} = {number}\n" for number in range(100)))
    chunks = iter([True, True, False])
    first = Run(prompt=prompt, tokens_max=4)
    backend.run(first, lambda: next(chunks), no_fragment)
    assert first.stop_reason == "interrupted"
    assert 0 < first.evaluated_tokens <= 3 * CHUNK_TOKENS
    second = Run(prompt=prompt, tokens_max=1)
    backend.run(second, lambda: True, lambda _: None)
    assert second.cached_tokens >= first.evaluated_tokens - 1


def test_a_slow_machine_reads_in_smaller_pieces_with_the_same_result(backend: LlamaCppBackend) -> None:
    lines = "".join(f"item_{number} = {number * 7}\n" for number in range(60))
    results = []
    for head, piece in (("# one\n", CHUNK_TOKENS), ("# two\n", 16)):
        backend._piece = piece
        written: list[str] = []
        run = Run(prompt=backend.tokenize(head + lines), tokens_max=8)
        backend.run(run, lambda: True, lambda fragment, written=written: written.append(fragment.text))
        assert run.cached_tokens + run.evaluated_tokens == len(run.prompt)
        results.append("".join(written))
    backend._piece = CHUNK_TOKENS
    assert results[0] == results[1]


def test_writing_stops_after_the_token_at_which_it_is_told_to(backend: LlamaCppBackend) -> None:
    seen: list[Fragment] = []
    run = Run(prompt=backend.tokenize("def f():\n"), tokens_max=200)
    backend.run(run, lambda: len(seen) < 3, seen.append)
    assert run.stop_reason == "interrupted"
    assert len(run.generated) == 3


def test_the_text_starts_as_it_must_and_the_token_may_reach_beyond(backend: LlamaCppBackend) -> None:
    seen: list[Fragment] = []
    backend.run(
        Run(prompt=backend.tokenize("import os\nprint(os.path"), tokens_max=6, starts_with=".jo"),
        lambda: True,
        seen.append,
    )
    assert re.match(r"\.join", "".join(fragment.text for fragment in seen))


def test_the_text_may_have_to_start_with_characters_beyond_the_basic_plane(backend: LlamaCppBackend) -> None:
    seen: list[Fragment] = []
    prompt = backend.tokenize('print("hi")\nprint("')
    backend.run(Run(prompt=prompt, tokens_max=8, starts_with="🚀"), lambda: True, seen.append)
    text = "".join(fragment.text for fragment in seen)
    assert text.startswith("🚀")
    assert "\ufffd" not in text


def test_every_token_of_a_character_of_several_tokens_is_counted(backend: LlamaCppBackend) -> None:
    glyphs = "𓀀 𓀁 𓀂 𓀃 𓀄 "
    seen: list[Fragment] = []
    run = Run(prompt=backend.tokenize(f"# copy\n{glyphs}\n{glyphs}\n{glyphs}\n"), tokens_max=24, starts_with="𓀀")
    backend.run(run, lambda: True, seen.append)
    assert run.stop_reason in ("length", "stop")
    assert sum(fragment.tokens for fragment in seen) == run.generated_tokens
    if run.stop_reason == "length":
        assert run.generated_tokens >= 22


def test_log_probabilities_are_those_of_the_model(backend: LlamaCppBackend) -> None:
    seen: list[Fragment] = []
    backend.run(Run(prompt=backend.tokenize("1, 2, 3, 4, 5, 6, 7,"), tokens_max=6), lambda: True, seen.append)
    assert all(fragment.log_probability <= 0 for fragment in seen)
    assert any(fragment.log_probability < -1e-6 for fragment in seen)


def test_unloading_frees_the_memory_and_loading_brings_the_model_back(default_model: Path, tmp_path: Path) -> None:
    backend = LlamaCppBackend(default_model, folder=tmp_path, context_tokens=2048, stop_tokens=CARD.stop_tokens)
    process = psutil.Process()
    before = process.memory_info().rss
    backend.load(lambda _: None)
    loaded = process.memory_info().rss
    backend.unload()
    freed = loaded - process.memory_info().rss
    assert freed > 0.7 * (loaded - before) > 0
    backend.load(lambda _: None)
    assert backend.tokenize("a") != []
    backend.unload()


def no_fragment(fragment: Fragment) -> None:
    raise AssertionError(f"nothing should be written yet, but {fragment} was")
