"""Wires the language server to the engine and to `fimble models pull`; what the LSP layer calls `Services`."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from fimble import folders
from fimble.cli.settings import DEFAULT_MODEL, read_settings
from fimble.cli.stand_in import runnable
from fimble.engine.client.engine import Engine
from fimble.engine.messages.frames import State, StateChanged
from fimble.errors import DownloadFailed, SettingsInvalid
from fimble.features.acceptance.feature import Acceptance
from fimble.features.completion.feature import Completion
from fimble.features.completion.settings import CompletionSettings
from fimble.features.completion.suggestion import CompletionQuery, Suggestion
from fimble.features.completion.workspace_context import WorkspaceContext
from fimble.features.navigation.feature import Navigation, OnTrouble
from fimble.index.buffers.indexer import BufferIndexer
from fimble.index.client import IndexClient
from fimble.lsp.extensions import RESTART_ENGINE
from fimble.lsp.options import Options
from fimble.lsp.services import Costs, OnDownload, OnStatus, Services
from fimble.lsp.status import Status, StatusKind
from fimble.models import store
from fimble.models.card import ModelCard
from fimble.models.catalogue import find_card, is_path
from fimble.providers.local import LocalEngine

logger = logging.getLogger(__name__)

LINE_BYTES_MAX = 64 * 1024
END_TIMEOUT_S = 5.0


def serve_lsp(model: str) -> int:
    """Serves LSP over stdio until the client leaves, with `model` if it is not empty; returns the exit status."""
    from fimble.lsp.main import run_stdio  # noqa: PLC0415 - takes stdout over as it starts.

    window = Window(model)
    return run_stdio(window.services())


class Window:
    """One editor window: its engine, its model, and its features."""

    def __init__(self, model: str) -> None:
        self._problem = ""
        self._user_model = str(Path(model).expanduser().absolute()) if is_path(model) else model
        self._user_model = self._user_model or self._read_user_model()
        self._model = self._needed = self._user_model
        self._notice = ""
        self._settings = CompletionSettings()
        self._acceptance = Acceptance()
        self._on_status: OnStatus | None = None
        self._navigation = Navigation(BufferIndexer(), make_index_client)
        self._context = WorkspaceContext(self._navigation.look)
        self._navigation.follower = self._context
        self._engine, self._provider, self._completion = self._wire()

    def services(self) -> Services:
        """Returns what the language server needs."""
        return Services(
            suggest=self._acceptance.watching(self.suggest),
            start=self.start,
            stop=self.stop,
            configure=self.configure,
            restart_engine=self.restart_engine,
            download_model=self.download_model,
            on_feedback=self._acceptance.take,
            follow_texts=self._acceptance.follow_texts,
            costs=self.costs,
            navigation=self._navigation,
        )

    async def suggest(self, query: CompletionQuery) -> Suggestion:
        """Returns ghost text."""
        if not self._provider.is_known:
            await self._prepare()
        return await self._completion.suggest(query)

    async def start(self, on_status: OnStatus) -> None:
        """Connects to the engine and loads the model, so that it is there when somebody types."""
        self._on_status = on_status
        self._acceptance.start()
        await self._prepare()

    async def stop(self) -> None:
        """Disconnects from the engine, which other windows may go on using, and ends this window's index processes."""
        await asyncio.gather(self._engine.close(), self._navigation.stop(), self._acceptance.stop())

    async def configure(self, options: Options) -> None:
        """Takes the window's settings; another model takes effect with the next request."""
        self._acceptance.is_enabled = options.statistics_enabled
        defaults = CompletionSettings()
        self._settings = CompletionSettings(
            prompt_tokens_max=options.prompt_tokens_max or defaults.prompt_tokens_max,
            tokens_max=options.tokens_max or defaults.tokens_max,
            latency_target_ms=options.latency_target_ms,
            is_context_on=options.is_context_on,
        )
        model = options.model or self._user_model
        if model == self._model:
            self._completion = self._complete_with(self._provider)
        else:
            await self._engine.close()
            self._model = self._needed = model
            self._engine, self._provider, self._completion = self._wire()

    async def restart_engine(self) -> None:
        """Ends the engine's process and starts a new one with this window's model."""
        await self._engine.shut_down()
        self._provider.forget_model()
        await self._prepare()

    async def download_model(self, progress: OnDownload) -> None:
        """Runs `fimble models pull` and passes its progress on; cancelling leaves what can be resumed.

        Raises:
            DownloadFailed: no source delivered the model.
        """
        command = [sys.executable, "-P", "-m", "fimble", "models", "pull", self._needed, "--progress-json"]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES_MAX
        )
        try:
            last = await self._follow(process, progress)
        finally:
            await _end(process)
        if last.get("result") != "ready":
            raise DownloadFailed(str(last.get("message") or "The download ended early; try again."))

    async def costs(self) -> Costs:
        """Asks the engine what it has computed so far."""
        status = await self._engine.status()
        read = status.read_tokens
        return Costs(
            critical_prompt_tokens=read.get("inline", 0) + read.get("action", 0),
            prompt_tokens=sum(read.values()),
            generated_tokens=status.written_tokens,
            requests=status.ended_jobs,
        )

    async def _follow(self, process: asyncio.subprocess.Process, progress: OnDownload) -> dict[str, Any]:
        assert process.stdout is not None  # noqa: S101 - it was asked for.
        last: dict[str, Any] = {}
        async for line in process.stdout:
            last = msgspec.json.decode(line)
            if "done" in last:
                progress(str(last.get("what", self._needed)), int(last["done"]), int(last["total"]))
        return last

    async def _prepare(self) -> None:
        """Loads the model; tells of what is not as the user wants it although it works."""
        card = await asyncio.to_thread(self._require_model)
        model = await self._provider.model()
        if self._problem or self._notice:
            self._tell(Status(kind=StatusKind.WARNING, message=self._problem or self._notice))
        elif model.card.name != card.name:
            message = f"The engine runs {model.card.name} for another window; restart it to use {card.name}."
            self._tell(Status(kind=StatusKind.WARNING, message=message, command=RESTART_ENGINE))

    def _require_model(self) -> ModelCard:
        """Returns the card, or raises what is wrong with its file before an engine is started in vain."""
        card, self._notice = runnable(self._model)
        self._needed = card.name
        if card.backend != "scripted" and (self._notice or not is_path(self._model)):
            store.ready_path(card)
        return card

    def _wire(self) -> tuple[Engine, LocalEngine, Completion]:
        engine = Engine(
            folders.runtime_folder(),
            model=self._model,
            client=f"fimble lsp, pid {os.getpid()}",
            on_state=self._on_engine_state,
        )
        provider = LocalEngine(engine, self._find_card)
        return engine, provider, self._complete_with(provider)

    def _complete_with(self, provider: LocalEngine) -> Completion:
        return Completion(provider, self._settings, context=self._context, leniency=self._acceptance.factor)

    def _read_user_model(self) -> str:
        try:
            return read_settings().model
        except SettingsInvalid as error:
            # A typing mistake in a settings file should not cost the ghost text.
            logger.warning("%s", error)
            self._problem = str(error)
            return DEFAULT_MODEL

    def _find_card(self, name: str) -> ModelCard:
        """Returns the card of the model that the engine names: usually ours, which may be a file without a card."""
        own = find_card(self._model)
        return own if own.name == name else find_card(name)

    def _on_engine_state(self, change: StateChanged) -> None:
        match change.state:
            case State.LOADING:
                # After a restart for another window it may be another model.
                self._provider.forget_model()
                progress = f": {change.message}" if change.message else ""
                self._tell(Status(is_busy=True, loading=self._model, message=f"Loading {self._model}{progress}"))
            case State.FAILED:
                self._tell(Status(kind=StatusKind.ERROR, message=change.message, command=RESTART_ENGINE))
            case State.READY | State.BUSY | State.UNLOADED:
                self._tell(Status())

    def _tell(self, status: Status) -> None:
        if self._on_status is not None:
            self._on_status(status)


def make_index_client(root: Path, on_trouble: OnTrouble) -> IndexClient:
    """Returns what keeps the index of a workspace folder up to date."""
    return IndexClient(root, on_trouble=on_trouble)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), END_TIMEOUT_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
