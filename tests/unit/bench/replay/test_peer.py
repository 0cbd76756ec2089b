"""llama.vim's policy with a model that is scripted, on a clock that jumps."""

import asyncio
from typing import Any

import pytest

from fimble.bench.replay.keys import Buffer
from fimble.bench.replay.peer import LlamaVim, hint, local_context
from fimble.bench.replay.screen import Screen
from fimble.errors import EngineUnavailable
from tests.unit.bench.replay.replay_fakes import in_virtual_time


class ScriptedModel:
    """Answers after 0.5 s with what follows the prompt in `gold`, ten characters at a time."""

    def __init__(self, gold: str) -> None:
        self._gold = gold
        self.requests: list[tuple[float, dict[str, Any]]] = []

    async def infill(self, fields: dict[str, Any]) -> dict[str, Any]:
        self.requests.append((round(asyncio.get_running_loop().time(), 3), fields))
        await asyncio.sleep(0.5)
        before = fields["input_prefix"] + fields["prompt"]
        content = self._gold[len(before) : len(before) + 10] if self._gold.startswith(before) else ""
        return {"content": content, "timings": {"prompt_n": 20, "predicted_n": 4}}


GOLD = "a = first_name + last_name + middle_name"


async def typed(model: ScriptedModel, gaps_s: list[float], *, after: str = "\n") -> tuple[LlamaVim, Screen]:
    vim, screen = LlamaVim(model.infill), Screen(asyncio.get_running_loop().time)
    buffer = Buffer("a.py", "", after)
    vim.enter(buffer, screen)
    for sign, gap_s in zip(GOLD, gaps_s, strict=False):
        await asyncio.sleep(gap_s)
        buffer = buffer.typed(sign)
        screen.pressed(sign, asyncio.get_running_loop().time())
        vim.typed(buffer, sign)
    return vim, screen


def test_no_request_is_cancelled_and_the_next_one_waits_for_a_retry() -> None:
    async def run() -> tuple[list[float], list[str]]:
        model = ScriptedModel("something else")
        vim, _ = await typed(model, [0.1, 0.1, 0.1])
        await asyncio.sleep(0.6)
        await vim.leave()
        return [at_s for at_s, _ in model.requests], [fields["prompt"] for _, fields in model.requests]

    times, prompts = in_virtual_time(run())
    # The first one runs from 0.1 to 0.6; the keys at 0.2 and 0.3 start a timer each time, which looks every 0.1 s.
    assert prompts == ["a", "a ="]
    assert times[0] == 0.1
    assert 0.6 <= times[1] <= 0.7


def test_a_shown_hint_leads_to_a_request_as_if_it_were_accepted() -> None:
    async def run() -> tuple[Screen, list[dict[str, Any]]]:
        model = ScriptedModel(GOLD)
        vim, screen = await typed(model, [0.1])
        await asyncio.sleep(2)
        await vim.leave()
        return screen, [fields for _, fields in model.requests]

    screen, requests = in_virtual_time(run())
    assert screen.shown is not None
    assert screen.shown.text == GOLD[1:11]
    assert [fields["prompt"] for fields in requests] == ["a", GOLD[:11]]
    assert [fields["t_max_predict_ms"] for fields in requests] == [500, 1000]


def test_a_cached_text_is_found_by_looking_back() -> None:
    async def run() -> Screen:
        vim, screen = await typed(ScriptedModel(GOLD), [0.1, 0.1, 0.1])
        await asyncio.sleep(0.4)
        await vim.leave()
        return screen

    screen = in_virtual_time(run())
    # The answer for "a" comes when "a =" has been typed.
    assert screen.spans[0].text == GOLD[3:11]


def test_keys_with_much_text_right_of_the_cursor_do_not_ask() -> None:
    async def run() -> tuple[int, int]:
        long, short = ScriptedModel(GOLD), ScriptedModel(GOLD)
        for model, after in ((long, "123456789\n"), (short, "12345678\n")):
            vim, _ = await typed(model, [0.1], after=after)
            await vim.leave()
        return len(long.requests), len(short.requests)

    assert in_virtual_time(run()) == (0, 1)


def test_tokens_of_requests_that_a_key_led_to_are_critical() -> None:
    async def run() -> tuple[int | None, int | None]:
        model = ScriptedModel(GOLD)
        vim, _ = await typed(model, [0.1])
        await asyncio.sleep(2)
        await vim.leave()
        costs = await vim.costs()
        return costs.critical_prompt_tokens, costs.prompt_tokens

    assert in_virtual_time(run()) == (20, 40)


def test_a_slice_of_the_document_is_read_while_nobody_types() -> None:
    async def run() -> list[tuple[float, dict[str, Any]]]:
        model = ScriptedModel("")
        vim = LlamaVim(model.infill)
        lines = "".join(f"line_{number} = {number}\n" for number in range(100))
        vim.enter(Buffer("a.py", lines, ""), Screen(asyncio.get_running_loop().time))
        await asyncio.sleep(5)
        await vim.leave()
        return model.requests

    ((at_s, fields),) = in_virtual_time(run())
    assert (at_s, fields["n_predict"], len(fields["input_extra"])) == (1.0, 0, 1)


def test_the_local_context_is_256_lines_above_and_64_below() -> None:
    above = "".join(f"above {number}\n" for number in range(300))
    below = "".join(f"below {number}\n" for number in range(100))
    context = local_context(Buffer("a.py", above + "    x = ", f" + 1\n{below}"))
    assert context.prefix.startswith("above 44\n")
    assert context.prefix.endswith("above 299\n")
    assert (context.prompt, context.indent) == ("    x = ", 4)
    assert context.suffix.startswith(" + 1\nbelow 0\n")
    assert context.suffix.endswith("below 63\n")


def test_a_blank_line_counts_as_empty() -> None:
    context = local_context(Buffer("a.py", "def f():\n    ", "\n"))
    assert (context.prefix, context.prompt, context.suffix) == ("def f():\n", "", "\n\n")
    assert hint("    return 1\n\n", Buffer("a.py", "def f():\n    ", "\n")) == "return 1"


def test_a_hint_that_only_repeats_what_is_there_is_not_shown() -> None:
    assert hint(")", Buffer("a.py", "print(x", ")\n")) == ""
    assert hint("\nb = 2", Buffer("a.py", "a = 1", "\nb = 2\n")) == ""
    assert hint("2", Buffer("a.py", "b = ", "\n\nb = 2\n")) == ""
    assert hint("3", Buffer("a.py", "b = ", "\n\nb = 2\n")) == "3"


def test_with_text_right_of_the_cursor_one_line_without_what_repeats_it_is_shown() -> None:
    assert hint("x, y)\nmore", Buffer("a.py", "print(", ")\n")) == "x, y"


def test_a_model_that_does_not_answer_ends_the_replay() -> None:
    async def broken(fields: dict[str, Any]) -> dict[str, Any]:
        raise EngineUnavailable("gone")

    async def run() -> None:
        vim = LlamaVim(broken)
        vim.enter(Buffer("a.py", "", ""), Screen(asyncio.get_running_loop().time))
        vim.typed(Buffer("a.py", "a", ""), "a")
        await vim.leave()

    with pytest.raises(EngineUnavailable, match="gone"):
        in_virtual_time(run())
