"""llama.vim's policy: when it asks, for what, what it caches, and what it shows.

Written from its description (ggml-org/llama.vim, commit a1c8e6e4 of 2026-01-31); nothing is copied. The time allowed
for writing is 500 ms instead of its 250, as llama.vscode has it, and 1000 for the speculative request.
"""

import asyncio
import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fimble.bench.replay.keys import Buffer
from fimble.bench.replay.peer_ring import CHUNK_LINES, SCOPE_LINES, Ring
from fimble.bench.replay.screen import Screen
from fimble.bench.replay.system import Costs, Traffic
from fimble.errors import EngineUnavailable

PREFIX_LINES: Final = 256
SUFFIX_LINES: Final = 64
TOKENS_MAX: Final = 128
PREDICT_MS: Final = 500
SPECULATIVE_MS: Final = 1000
CACHE_MAX: Final = 250
LOOK_BACK: Final = 128
SCROLL_VARIANTS: Final = 3
LINE_SUFFIX_MAX: Final = 8
RETRY_S: Final = 0.1
_RING_EVERY_S: Final = 1.0
_RING_IDLE_S: Final = 3.0
_JUMP_LINES: Final = 32
_SAMPLING: Final = {"top_k": 40, "top_p": 0.90, "samplers": ["top_k", "top_p", "infill"]}

Infill = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class LlamaVim:
    """One Vim with llama.vim; `infill` sends a request to llama.cpp's `/infill` and returns the answer."""

    def __init__(self, infill: Infill, *, seed: int = 0) -> None:
        """`seed` decides what the ring takes, and what the model writes."""
        self._infill = infill
        self._seed = seed
        self._ring = Ring(seed)
        self._cache: OrderedDict[str, str] = OrderedDict()
        self._buffer: Buffer | None = None
        self._screen: Screen | None = None
        self._running: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None
        self._picked_line: int | None = None
        self._last_key_s: float | None = None
        self._asked_s = 0.0
        self._costs = Costs(critical_prompt_tokens=0, prompt_tokens=0, generated_tokens=0)
        self._traffic = Traffic()
        self._failure: EngineUnavailable | None = None

    def enter(self, buffer: Buffer, screen: Screen) -> None:
        """Takes a slice around the cursor of a document that was not at hand, and reads slices until a key comes."""
        is_new = self._buffer is None or self._buffer.path != buffer.path
        self._buffer, self._screen = buffer, screen
        self._last_key_s = None
        if is_new:
            lines, number = buffer.text.split("\n"), buffer.position[0]
            self._ring.pick(lines[max(0, number - CHUNK_LINES // 2) : number + CHUNK_LINES // 2])
            self._picked_line = None
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read_slices())

    def typed(self, buffer: Buffer, text: str) -> bool:
        """Shows what the cache has for the place, and asks for what it has not."""
        loop = asyncio.get_running_loop()
        self._buffer, self._last_key_s, self._asked_s = buffer, loop.time(), loop.time()
        self._show_cached(is_key=True)
        if len(buffer.line_after) > LINE_SUFFIX_MAX:
            return False
        self._ask()
        return True

    def accepted(self, buffer: Buffer, text: str, origin: object, total: int, *, is_whole: bool) -> bool:
        """Goes on as after any change."""
        return self.typed(buffer, text)

    async def leave(self) -> None:
        """Waits for what runs, which nothing cancels, and stops reading slices.

        Raises:
            EngineUnavailable: llama.cpp did not answer a request.
        """
        self._screen = None
        self._stop_retry()
        if self._reading is not None:
            reading, self._reading = self._reading, None
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
        while self._running is not None:
            await asyncio.wait([self._running])
            self._stop_retry()
        if self._failure is not None:
            raise self._failure

    async def costs(self) -> Costs:
        """Returns what llama.cpp has told in its answers."""
        return self._costs

    def take_traffic(self) -> Traffic:
        """Returns the requests since the last call."""
        traffic, self._traffic = self._traffic, Traffic()
        return traffic

    def _ask(self, speculation: str = "") -> None:
        """Asks for the cursor's place, or for the one after `speculation` as if that were accepted."""
        buffer = self._buffer
        if buffer is None or len(buffer.line_after) > LINE_SUFFIX_MAX:
            return
        loop = asyncio.get_running_loop()
        if self._running is not None:
            self._stop_retry()
            self._retry = loop.call_later(RETRY_S, self._ask, speculation)
            return
        context = local_context(buffer.typed(speculation))
        keys = _keys(context)
        if not any(key in self._cache for key in keys):
            self._traffic.requests += not speculation
            self._running = loop.create_task(self._request(context, keys, is_speculative=bool(speculation)))
        if not speculation:
            self._pick_around(buffer)

    async def _request(self, context: "LocalContext", keys: list[str], *, is_speculative: bool) -> None:
        self._ring.evict_like([*context.prefix.split("\n")[-_JUMP_LINES:], *context.suffix.split("\n")[:_JUMP_LINES]])
        asked_s = self._asked_s
        fields = {
            "input_prefix": context.prefix,
            "prompt": context.prompt,
            "input_suffix": context.suffix,
            "n_indent": context.indent,
            "n_predict": TOKENS_MAX,
            "t_max_prompt_ms": 500,
            "t_max_predict_ms": SPECULATIVE_MS if is_speculative else PREDICT_MS,
            **_SAMPLING,
        }
        try:
            answer = await self._send(fields, is_critical=not is_speculative)
        except EngineUnavailable as error:
            self._failure = error
            return
        finally:
            self._running = None
        content = answer.get("content", "")
        for key in keys:
            self._remember(key, content)
        if not content.strip():
            self._traffic.empty += not is_speculative
        elif not is_speculative:
            self._traffic.model_ms.append((asyncio.get_running_loop().time() - asked_s) * 1000)
        if self._screen is not None and self._screen.shown is None:
            self._show_cached(is_key=False)

    async def _send(self, fields: dict[str, Any], *, is_critical: bool) -> dict[str, Any]:
        extra = [{"text": text, "filename": "context"} for text in self._ring.chunks()]
        answer = await self._infill(
            {**fields, "id_slot": 0, "input_extra": extra, "stream": False, "cache_prompt": True, "seed": self._seed}
        )
        timings = answer.get("timings", {})
        read, written = int(timings.get("prompt_n", 0)), int(timings.get("predicted_n", 0))
        self._costs += Costs(
            critical_prompt_tokens=read if is_critical else 0, prompt_tokens=read, generated_tokens=written
        )
        return answer

    def _show_cached(self, *, is_key: bool) -> None:
        """Shows what the cache has for the cursor's place; what was shown before is hidden by the key in any case."""
        if self._buffer is None or self._screen is None:
            return
        content = self._look_back(self._buffer)
        self._screen.show(hint(content, self._buffer))
        if self._screen.shown is not None:
            if is_key:
                self._traffic.cached_ms.append(0.0)
            self._ask(speculation=self._screen.shown.text)

    def _look_back(self, buffer: Buffer) -> str:
        """Returns the longest rest of a cached text of which the last characters before the cursor are the start."""
        context = local_context(buffer)
        if content := self._recall(_key(context.prefix + context.prompt, context.suffix)):
            return content
        before, best = context.prefix + context.prompt, ""
        for count in range(1, min(LOOK_BACK, len(before)) + 1):
            content = self._recall(_key(before[:-count], context.suffix))
            if content.startswith(before[-count:]) and len(content) - count > len(best):
                best = content[count:]
        return best

    def _recall(self, key: str) -> str:
        if key not in self._cache:
            return ""
        self._cache.move_to_end(key)
        return self._cache[key]

    def _remember(self, key: str, content: str) -> None:
        self._cache[key] = content
        self._cache.move_to_end(key)
        if len(self._cache) > CACHE_MAX:
            self._cache.popitem(last=False)

    def _pick_around(self, buffer: Buffer) -> None:
        """Takes slices from above and below what a prompt holds once the cursor has moved far."""
        number = buffer.position[0]
        if self._picked_line is not None and abs(number - self._picked_line) <= _JUMP_LINES:
            return
        self._picked_line = number
        lines = buffer.text.split("\n")
        self._ring.pick(lines[max(0, number - SCOPE_LINES) : max(0, number - PREFIX_LINES)])
        self._ring.pick(lines[number + SUFFIX_LINES : number + SUFFIX_LINES + CHUNK_LINES])

    async def _read_slices(self) -> None:
        """Each second puts one slice into the ring and has it read, while nobody types."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_RING_EVERY_S)
            if self._last_key_s is not None and loop.time() - self._last_key_s < _RING_IDLE_S:
                continue
            if self._ring.promote():
                await self._send(
                    {
                        "input_prefix": "",
                        "prompt": "",
                        "input_suffix": "",
                        "n_predict": 0,
                        "samplers": [],
                        "t_max_prompt_ms": 1,
                        "t_max_predict_ms": 1,
                    },
                    is_critical=False,
                )

    def _stop_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None


class LocalContext:
    """The text around a place as llama.vim cuts it."""

    __slots__ = ("indent", "prefix", "prompt", "suffix")

    def __init__(self, prefix: str, prompt: str, suffix: str, indent: int) -> None:
        """`prefix` ends with the line above, `prompt` is the line up to the cursor, `indent` its indentation."""
        self.prefix, self.prompt, self.suffix, self.indent = prefix, prompt, suffix, indent


def local_context(buffer: Buffer) -> LocalContext:
    """Returns 256 lines above, the cursor's line up to the cursor, and its rest with 64 lines below.

    A blank line counts as empty: the model writes its indentation anew.
    """
    above = buffer.before.split("\n")[:-1][-PREFIX_LINES:]
    rest, *below = buffer.after.split("\n")
    line = buffer.line_before
    is_blank = not (line + rest).strip()
    return LocalContext(
        prefix="".join(f"{text}\n" for text in above),
        prompt="" if is_blank else line,
        suffix="\n".join(["" if is_blank else rest, *below[:SUFFIX_LINES]]) + "\n",
        indent=0 if is_blank else len(line) - len(line.lstrip(" \t")),
    )


def hint(content: str, buffer: Buffer) -> str:
    """Returns what is shown of a text for a place, empty where it only repeats what is there."""
    line, rest = buffer.line_before, buffer.line_after
    if not line.strip() and not rest.strip():
        blank = len(content) - len(content.lstrip(" \t"))
        content = content[min(blank, len(line)) :]
    lines = content.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        return ""
    below = [text.rstrip("\r") for text in buffer.after.split("\n")[1:]]
    if len(lines) == 1 and lines[0] == rest:
        return ""
    if len(lines) > 1 and not lines[0] and lines[1:] == below[: len(lines) - 1]:
        return ""
    following = next((index for index, text in enumerate(below) if text.strip()), None)
    if following is not None and line + lines[0] == below[following]:
        repeated = below[following + 1 :]
        if len(lines) == 1 or (len(lines) == 2 and repeated and repeated[0].startswith(lines[1])):
            return ""
        if lines[1:] == repeated[: len(lines) - 1]:
            return ""
    if rest.strip():
        # With text right of the cursor there is one line, without what it repeats of that text.
        first = lines[0]
        overlap = next((count for count in range(len(rest), 0, -1) if first.endswith(rest[:count])), 0)
        return first[: len(first) - overlap]
    return "\n".join(lines)


def _keys(context: LocalContext) -> list[str]:
    """Returns the keys of a context, also of those in which the first lines have scrolled out of the window."""
    keys, prefix = [_key(context.prefix + context.prompt, context.suffix)], context.prefix
    for _ in range(SCROLL_VARIANTS):
        _, newline, prefix = prefix.partition("\n")
        if not newline:
            break
        keys.append(_key(prefix + context.prompt, context.suffix))
    return keys


def _key(before: str, suffix: str) -> str:
    # The sign between keeps apart contexts that differ only in where the cursor is.
    return hashlib.sha256(f"{before}Î{suffix}".encode("utf-8", "surrogatepass")).hexdigest()
