"""How probable a model finds a given text after a given prompt: asked of llama.cpp in a process of its own.

The process is `fimble.bench.crossfile.likelihood_child`: the same library and file as Fimble's engine, which only tells
how probable its own choices are.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Protocol

import msgspec

from fimble.bench.crossfile.errors import TextUnscorable
from fimble.bench.llama_process import engine_threads, llama_process
from fimble.errors import EngineUnavailable, ModelRefused
from fimble.models import store
from fimble.providers.provider import Control, Part, ProviderModel

# A prompt of 4,000 tokens takes half a minute on two busy cores.
_ANSWER_TIMEOUT_S: Final = 300.0
# Nothing is left to save in there.
_END_TIMEOUT_S: Final = 2.0
# Threads that wait sleep, as in Fimble's own engine.
_ENVIRONMENT: Final = {"GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}


class LikelihoodSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How llama.cpp is started."""

    model_file: str
    context_tokens: int
    threads: int
    batch_tokens: int = 512


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A text that may follow a prompt; `starts_with` stands between both and is part of what a model writes.

    `parts` are pairs: whether it is a control token, and its text. At most `tokens_max` tokens of `text` are looked at.
    With `line_ends`, a new line after `text` is an end of it, as is the model's stop token.
    """

    parts: tuple[tuple[bool, str], ...]
    starts_with: str
    text: str
    tokens_max: int
    line_ends: bool = False

    @classmethod
    def of(
        cls, prompt: tuple[Part, ...], starts_with: str, text: str, *, tokens_max: int, line_ends: bool
    ) -> "Question":
        """Returns the question for a prompt as a provider gets it."""
        parts = tuple((True, part.token) if isinstance(part, Control) else (False, part) for part in prompt)
        return cls(parts=parts, starts_with=starts_with, text=text, tokens_max=tokens_max, line_ends=line_ends)


class Token(msgspec.Struct, frozen=True, array_like=True):
    """A token of the text: its UTF-8 bytes in there from `start` to `end`, and its log-probability in nats.

    `start` is negative of a token that begins in what the text starts with.
    """

    start: int
    end: int
    nats: float


class Likelihood(msgspec.Struct, frozen=True, kw_only=True, tag="likelihood"):
    """The answer: the text's tokens, and how probable its end is after them, None where not all of it was looked at.

    `floored` counts the tokens for which the model's probability is too small for llama.cpp to tell.
    """

    tokens: tuple[Token, ...]
    end_nats: float | None
    floored: int
    prompt_tokens: int
    ms: float


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """Why there is no answer."""

    reason: str


Reply = Likelihood | Refusal
_REPLIES: Final[msgspec.json.Decoder[Reply]] = msgspec.json.Decoder(Reply)


class Scorer(Protocol):
    """Whoever tells how probable a text is."""

    async def likelihood(self, question: Question) -> Likelihood:
        """Returns the answer.

        Raises:
            TextUnscorable: the model's tokenizer does not keep the text.
            EngineUnavailable: nobody answers.
        """
        ...


class LikelihoodEngine:
    """The running process; one question at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """`process` has said that it is ready."""
        self._process = process

    async def likelihood(self, question: Question) -> Likelihood:
        """Returns the answer.

        Raises:
            TextUnscorable: the model's tokenizer does not keep the text, or the prompt is too long.
            EngineUnavailable: the process does not answer.
        """
        writer, reader = self._process.stdin, self._process.stdout
        assert writer is not None and reader is not None  # noqa: S101, PT018 - it was started with both.
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                writer.write(msgspec.json.encode(question) + b"\n")
                await writer.drain()
                line = await reader.readline()
            reply: Reply = _REPLIES.decode(line)
        except (TimeoutError, OSError, ValueError) as error:
            raise EngineUnavailable(f"llama.cpp does not answer how probable a text is: {error!r}.") from error
        if isinstance(reply, Refusal):
            raise TextUnscorable(reply.reason)
        return reply


def settings_for(model: ProviderModel) -> LikelihoodSettings:
    """Returns how the process is started for a model.

    Raises:
        ModelError: the model is not here, or llama.cpp cannot read it.
    """
    card = model.card
    if card.backend != "llamacpp":
        raise ModelRefused(f"{card.name} does not run by llama.cpp, which alone tells how probable a given text is.")
    ready = store.ready_path(card)
    file = ready if ready.is_file() else ready / card.files[0].name
    return LikelihoodSettings(model_file=os.fspath(file), context_tokens=model.context_tokens, threads=engine_threads())


@contextlib.asynccontextmanager
async def likelihood_engine(settings: LikelihoodSettings) -> AsyncIterator[LikelihoodEngine]:
    """Runs the process for the length of a block.

    Raises:
        EngineUnavailable: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="fimble-bench-") as folder:
        running = llama_process(
            "fimble.bench.crossfile.likelihood_child",
            [os.fspath(Path(folder) / "llama.sock")],
            msgspec.json.encode(settings),
            log=Path(folder) / "log",
            what="telling how probable texts are",
        )
        async with running as process:
            yield LikelihoodEngine(process)
