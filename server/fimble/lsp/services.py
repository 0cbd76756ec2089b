"""What the language server needs from the rest of Fimble; the composition root fills it in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fimble.features.acceptance.feedback import Feedback
from fimble.features.acceptance.keeping import TextOf
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.features.navigation.feature import Navigation
from fimble.lsp.options import Options
from fimble.lsp.status import Status

OnStatus = Callable[[Status], None]
"""Takes a new status of the engine; to be called on the event loop."""

OnDownload = Callable[[str, int, int], None]
"""Takes the file being downloaded, the bytes that are here, and the bytes there will be (0 when unknown)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the engine has computed since it started, for all of its clients.

    Prompt tokens count where they were evaluated, not where they came from a cache; the critical ones are those of
    requests for which somebody waited.
    """

    critical_prompt_tokens: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    requests: int = 0


async def no_costs() -> Costs:
    """Returns that nothing has been computed."""
    return Costs()


def ignore_feedback(feedback: Feedback) -> None:
    """Does nothing with what the user did."""


def ignore_texts(text_of: TextOf) -> None:
    """Has no use for the documents' texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The outside world of the language server.

    `configure` is awaited once before `start` and again when the settings change. `start` prepares the engine
    and reports how it is doing through the function it gets, also after it has returned; `stop` ends what
    `start` began, and `navigation`. All of them may be cancelled, and raise `EngineError` or `ModelError` when they
    cannot. Without `navigation` there is no index. `follow_texts` is called once, and gets what tells the text of an
    open document at any later time.
    """

    suggest: Callable[[CompletionQuery], Awaitable[Suggestion]]
    start: Callable[[OnStatus], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]
    configure: Callable[[Options], Awaitable[None]]
    restart_engine: Callable[[], Awaitable[None]]
    download_model: Callable[[OnDownload], Awaitable[None]]
    on_feedback: Callable[[Feedback], None] = ignore_feedback
    follow_texts: Callable[[TextOf], None] = ignore_texts
    costs: Callable[[], Awaitable[Costs]] = no_costs
    navigation: Navigation | None = None
