"""The real exllamav2 on the CPU: its generator chooses the tokens that plain torch chooses."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fimble.engine.process.backends.exl2 import attention
from fimble.engine.process.backends.exl2.attention import AttentionKind
from tests.exllamav2_cpu import import_exllamav2

exllamav2 = import_exllamav2()

import exllamav2_ext  # noqa: E402 - on the path since import_exllamav2.
import torch  # noqa: E402 - there, or import_exllamav2 had skipped this module.
from exllamav2.generator import (  # noqa: E402 - see above.
    ExLlamaV2DynamicGenerator,
    ExLlamaV2DynamicJob,
    ExLlamaV2Sampler,
)

from tests.exllamav2_cpu import tiny_model  # noqa: E402 - needs torch.
from tests.exllamav2_cpu.tiny_model import Shape  # noqa: E402 - needs torch.

NEW_TOKENS = 64
# Scores of the tiny models have a standard deviation of 4; half precision moves them by a few hundredths.
TIE = 0.1
CACHES = {
    "fp16": exllamav2.ExLlamaV2Cache,
    "q8": exllamav2.ExLlamaV2Cache_Q8,
    "q6": exllamav2.ExLlamaV2Cache_Q6,
    "q4": exllamav2.ExLlamaV2Cache_Q4,
}


@pytest.fixture(autouse=True)
def causal_attention() -> Iterator[None]:
    assert attention.install(exllamav2, device_majors=[]) is AttentionKind.TORCH
    yield
    attention.uninstall()


@dataclass
class Loaded:
    """A tiny model in exllamav2, and its weights."""

    shape: Shape
    weights: dict[str, Any]
    model: Any
    cache: Any
    tokenizer: Any

    def generator(self, **options: Any) -> Any:
        return ExLlamaV2DynamicGenerator(
            model=self.model,
            cache=self.cache,
            tokenizer=self.tokenizer,
            **{"max_batch_size": 8, "max_chunk_size": 256, "max_q_size": 16} | options,
        )


def load(
    folder: Path, shape: Shape, *, cache: str = "fp16", cells: int = 8192, quantized: bool = False, seed: int = 0
) -> Loaded:
    weights = tiny_model.write(folder, shape, quantized=quantized, seed=seed)
    config = exllamav2.ExLlamaV2Config(str(folder))
    config.max_input_len, config.max_attention_size, config.max_output_len = 512, 512**2, 16
    model = exllamav2.ExLlamaV2(config)
    kept = CACHES[cache](model, max_seq_len=cells, lazy=True)
    model.load_autosplit(kept, reserve_vram=1024, last_id_only=True)
    attention.refuse_unsupported(model)
    return Loaded(shape, weights, model, kept, exllamav2.ExLlamaV2Tokenizer(config))


def prompts(count: int, seed: int = 1) -> list[list[int]]:
    rng = random.Random(seed)
    return [[rng.randrange(256) for _ in range(rng.choice([1, 3, 40, 255, 256, 300, 700]))] for _ in range(count)]


def greedy(generator: Any, texts: list[list[int]]) -> list[list[int]]:
    """Returns the tokens that the generator adds to each prompt; as many jobs run at once as it takes."""
    for i, tokens in enumerate(texts):
        settings = ExLlamaV2Sampler.Settings.greedy()
        drafts = generator.num_draft_tokens  # A job with drafts ends so many tokens early.
        generator.enqueue(
            ExLlamaV2DynamicJob(
                input_ids=torch.tensor([tokens]),
                max_new_tokens=NEW_TOKENS + drafts,
                gen_settings=settings,
                stop_conditions=[],
                identifier=i,
            )
        )
    outputs: list[list[int]] = [[] for _ in texts]
    while generator.num_remaining_jobs():
        for result in generator.iterate():
            if result["stage"] == "streaming" and "token_ids" in result:
                outputs[result["identifier"]] += result["token_ids"][0].tolist()
    assert all(len(output) >= NEW_TOKENS for output in outputs)
    return [output[:NEW_TOKENS] for output in outputs]


def losses(loaded: Loaded, prompt: list[int], output: list[int]) -> list[float]:
    """Returns, per token, by how much the reference prefers another one, after the same text."""
    scores = tiny_model.logits(loaded.weights, loaded.shape, prompt + output)[len(prompt) - 1 : -1]
    chosen = scores.gather(1, torch.tensor(output).unsqueeze(1)).squeeze(1)
    return (scores.amax(1) - chosen).tolist()


def assert_same_but_for_ties(loaded: Loaded, texts: list[list[int]], outputs: list[list[int]]) -> None:
    found = [loss for prompt, output in zip(texts, outputs, strict=True) for loss in losses(loaded, prompt, output)]
    assert max(found) < TIE
    assert sum(loss > 0 for loss in found) <= len(found) * 0.01
    assert len({token for output in outputs for token in output}) > 50


@pytest.mark.parametrize(
    ("shape", "quantized"),
    [
        pytest.param(Shape(), False, id="fp16"),
        pytest.param(Shape(tied=True, heads=7, key_heads=1, hidden=96), False, id="tied head, seven heads share one"),
        pytest.param(Shape(heads=2, key_heads=2, head_size=128), False, id="no sharing"),
        pytest.param(Shape(), True, id="gptq"),
    ],
)
def test_twenty_prompts_at_once_get_the_tokens_of_the_reference(tmp_path: Path, shape: Shape, quantized: bool) -> None:
    loaded = load(tmp_path, shape, quantized=quantized)
    texts = prompts(20)
    assert_same_but_for_ties(loaded, texts, greedy(loaded.generator(), texts))


def test_a_prompt_read_in_chunks_or_found_in_the_cache_gives_the_same(tmp_path: Path) -> None:
    loaded = load(tmp_path, Shape())
    shared = prompts(1, seed=5)[0] + list(range(200)) * 3
    texts = [[*shared, i] for i in range(4)] + [shared[:300], [*shared[:300], 7]]
    generator = loaded.generator()
    for _ in range(2):
        assert_same_but_for_ties(loaded, texts, greedy(generator, texts))


def test_outside_the_paged_mode_the_tokens_are_the_same(tmp_path: Path) -> None:
    loaded = load(tmp_path, Shape(), cells=1024)
    texts = prompts(6)
    assert_same_but_for_ties(loaded, texts, greedy(loaded.generator(paged=False, max_batch_size=1), texts))


def test_exllamav2s_own_attention_does_not_pass(tmp_path: Path) -> None:
    """The positive control of all tests above."""
    loaded = load(tmp_path, Shape(), cells=1024)
    attention.uninstall()
    texts = [prompt for prompt in prompts(6) if len(prompt) > 3]
    outputs = greedy(loaded.generator(paged=False, max_batch_size=1), texts)
    assert max(loss for text, output in zip(texts, outputs, strict=True) for loss in losses(loaded, text, output)) > 1


@pytest.mark.parametrize("same", [True, False], ids=["a draft that is right", "a draft that is wrong"])
def test_drafts_of_another_model_change_no_token(tmp_path: Path, same: bool) -> None:
    loaded = load(tmp_path / "main", Shape())
    small = load(tmp_path / "draft", Shape() if same else Shape(heads=6, key_heads=2, layers=1), seed=0 if same else 1)
    texts = prompts(8)
    generator = loaded.generator(draft_model=small.model, draft_cache=small.cache, num_draft_tokens=4)
    assert_same_but_for_ties(loaded, texts, greedy(generator, texts))


def test_drafts_from_the_text_change_no_token(tmp_path: Path) -> None:
    loaded = load(tmp_path, Shape())
    texts = [[1, 2, 3, 4] * 30, [9, 8, 7] * 100, *prompts(3)]
    assert_same_but_for_ties(loaded, texts, greedy(loaded.generator(use_ngram_draft=True, num_draft_tokens=4), texts))


def test_a_storm_of_jobs_that_share_pages_and_are_cancelled_changes_no_token(tmp_path: Path) -> None:
    """So pages lie in any order, sequences of all lengths are in a batch, and what they find in the cache is stale."""
    loaded, rng = load(tmp_path, Shape(), cells=2048), random.Random(11)
    generator, text = loaded.generator(max_batch_size=6), [rng.randrange(256) for _ in range(700)]
    running: dict[int, tuple[Any, list[int], list[int]]] = {}
    finished: list[tuple[list[int], list[int]]] = []
    for turn in range(600):
        if turn < 500 and generator.num_remaining_jobs() < 8 and rng.random() < 0.4:
            prompt = text[: rng.choice([1, 2, 255, 256, 257, 400, 600])]
            if rng.random() < 0.5:
                prompt[rng.randrange(len(prompt))] = rng.randrange(256)
            if finished and rng.random() < 0.3:
                asked, given = rng.choice(finished)
                earlier = asked + given
                prompt = earlier[: rng.randrange(1, len(earlier))]
            job = ExLlamaV2DynamicJob(
                input_ids=torch.tensor([prompt]),
                max_new_tokens=rng.choice([1, 5, 40, 80]),
                gen_settings=ExLlamaV2Sampler.Settings.greedy(),
                stop_conditions=[],
                identifier=turn,
            )
            running[turn] = (job, prompt, [])
            generator.enqueue(job)
        if running and rng.random() < 0.05:
            generator.cancel(running.pop(rng.choice(list(running)))[0])
        for result in generator.iterate():
            if result["stage"] == "streaming":
                _, prompt, output = running[result["identifier"]]
                output += result["token_ids"][0].tolist() if "token_ids" in result else []
                if result["eos"]:
                    finished.append((prompt, output))
                    del running[result["identifier"]]
    assert len(finished) > 60
    found = [loss for prompt, output in finished for loss in losses(loaded, prompt, output)]
    assert len(found) > 1000
    assert max(found) < TIE


def test_a_cache_of_eight_bits_changes_little(tmp_path: Path) -> None:
    loaded = load(tmp_path, Shape(), cache="q8")
    texts = prompts(10)
    outputs = greedy(loaded.generator(), texts)
    found = [loss for text, output in zip(texts, outputs, strict=True) for loss in losses(loaded, text, output)]
    assert sum(loss > 0 for loss in found) <= len(found) * 0.1
    assert max(found) < 1.5


@pytest.mark.parametrize(
    "shape",
    [Shape(), Shape(heads=8, key_heads=8), Shape(key_heads=4, heads=4, head_size=96)],
    ids=["128", "512", "384"],
)
@pytest.mark.parametrize(
    ("cache", "key_error", "value_error"), [("q8", 0.01, 0.01), ("q6", 0.01, 0.12), ("q4", 0.12, 0.12)]
)
def test_a_quantized_cache_holds_the_keys_and_values(
    tmp_path: Path, shape: Shape, cache: str, key_error: float, value_error: float
) -> None:
    """In the first layer, whose keys and values do not depend on what attention reads."""
    prompt = list(range(42))
    exact, packed = load(tmp_path / "a", shape), load(tmp_path / "b", shape, cache=cache)
    starts = []
    for loaded in (exact, packed):
        generator = loaded.generator()
        greedy(generator, [prompt, list(range(100, 250))])
        page = next(page for page in generator.all_pages if page.sequence[0, :40].tolist() == prompt[:40])
        starts.append(page.page_index * generator.page_size)
    before, after = starts
    with torch.inference_mode():
        table = torch.tensor([[after // 256]], dtype=torch.int32)
        states = packed.cache.get_kv_state(0, 1, 0, 40, 256, torch.tensor([40], dtype=torch.int32), table)
    kept = (exact.cache.key_states[0], exact.cache.value_states[0])
    for new, old, limit in zip(states, kept, (key_error, value_error), strict=True):
        wanted = old[0, before : before + 40].float()
        difference = new[0, after : after + 40].float() - wanted
        assert 0 < difference.norm() / wanted.norm() < limit


# Parts of the stand-in that the models above do not reach.


def pack_exl2(numbers: Any, bits: int) -> Any:
    """Packs a group's numbers, (rows, columns), into int32 (rows * bits / 32, columns), the lowest bits first."""
    stream = ((numbers.unsqueeze(1) >> torch.arange(bits).view(1, bits, 1)) & 1).flatten(0, 1)
    words = (stream.view(-1, 32, stream.shape[1]) << torch.arange(32).view(1, 32, 1)).sum(1)
    return torch.where(words >= 2**31, words - 2**32, words).int()


def test_an_exl2_matrix_is_unpacked() -> None:
    generator = torch.Generator().manual_seed(3)
    all_bits = [8, 6, 5, 4, 3, 2]
    numbers = [torch.randint(0, 1 << bits, (32, 64), generator=generator) for bits in all_bits]
    parts = [pack_exl2(number, bits) for number, bits in zip(numbers, all_bits, strict=True)]
    starts = [sum(len(part) for part in parts[:i]) for i in range(len(parts))]
    groups = torch.tensor([n for pair in zip(all_bits, starts, strict=True) for n in pair], dtype=torch.short)
    steps = torch.randint(0, 16, (6, 64), generator=generator)
    scale = sum(steps.view(6, 8, 8)[:, :, i] << (4 * i) for i in range(8))
    scale = torch.where(scale >= 2**31, scale - 2**32, scale).int()
    largest = torch.rand(6, generator=generator).half()
    order = torch.randperm(192, generator=generator).int()
    tensors = {
        "q_weight": torch.cat(parts),
        "q_scale": scale,
        "q_scale_max": largest.clone(),
        "q_groups": groups,
        "q_perm": order,
        "q_invperm": torch.argsort(order).int(),
    }
    handle = exllamav2.ext.make_q_matrix(tensors, torch.empty(0), max_dq_rows=192)
    output = torch.empty(192, 64, dtype=torch.half)
    exllamav2_ext.reconstruct(handle, output)
    expected = torch.empty(192, 64)
    for i, bits in enumerate(all_bits):
        values = (numbers[i] - 2 ** (bits - 1)) * (steps[i] + 1) ** 2 * (largest[i] / 256)
        expected[order[32 * i : 32 * (i + 1)].long()] = values.float()
    assert torch.allclose(output.float(), expected, rtol=2e-3, atol=1e-6)


def sample(scores: list[float], **settings: Any) -> tuple[int, float]:
    given = replace(
        ExLlamaV2Sampler.Settings(), **{"token_repetition_penalty": 1.0, "top_k": 0, "top_p": 0.0} | settings["given"]
    )
    tokens, _, _, probs, _ = ExLlamaV2Sampler.sample(
        torch.tensor([[scores]]), given, torch.tensor([[0]]), settings["point"], _Vocabulary()
    )
    return int(tokens), round(float(probs), 3)


class _Vocabulary:
    def get_vocab_size(self) -> int:
        return 4


LOGS = [float(p) for p in torch.tensor([0.1, 0.4, 0.2, 0.3]).log()]


@pytest.mark.parametrize(
    ("given", "point", "expected"),
    [
        pytest.param({"temperature": 0.0}, 0.99, (1, 1.0), id="greedy"),
        pytest.param({"temperature": 1.0}, 0.05, (0, 0.1), id="the first tenth"),
        pytest.param({"temperature": 1.0}, 0.3, (1, 0.4), id="the next four tenths"),
        pytest.param({"temperature": 1.0}, 0.99, (3, 0.3), id="the last"),
        pytest.param({"temperature": 1.0, "top_k": 2}, 0.99, (3, 0.429), id="the likeliest two"),
        pytest.param({"temperature": 1.0, "min_p": 0.7}, 0.99, (3, 0.429), id="those near the likeliest"),
        pytest.param({"temperature": 1.0, "top_k": 4, "top_p": 0.75}, 0.99, (3, 0.429), id="three quarters"),
        pytest.param({"temperature": 0.5}, 0.1, (1, 0.533), id="colder"),
    ],
)
def test_sampling(given: dict[str, Any], point: float, expected: tuple[int, float]) -> None:
    assert sample(LOGS, given=given, point=point) == expected


@pytest.mark.parametrize(
    ("text", "strings", "expected"),
    [
        ("abc", ["x"], -1),
        ("abc", ["bc"], 1),
        ("abc", ["cd"], -2),
        ("abc", ["x", "cd", "ab"], -2),
        ("abc", ["ab", "cd"], 0),
        ("aab", ["abx"], -2),
    ],
)
def test_stop_strings(text: str, strings: list[str], expected: int) -> None:
    packed, offsets = exllamav2.generator.dynamic._strings_to_utf32(strings)
    given, _ = exllamav2.generator.dynamic._strings_to_utf32([text])
    assert exllamav2_ext.partial_strings_match(given, offsets, packed) == expected


def test_pages_are_rotated() -> None:
    pages = torch.arange(5).unsqueeze(1).repeat(1, 3)
    exllamav2_ext.cache_rotate(pages, torch.tensor([0, 3, 1]), torch.empty(1, 3))
    assert pages[:, 0].tolist() == [3, 0, 2, 1, 4]


def test_what_is_missing_says_its_name() -> None:
    with pytest.raises(NotImplementedError, match="has no layer_norm"):
        exllamav2_ext.layer_norm()
