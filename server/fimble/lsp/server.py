"""The language server's state for one editor window; `handlers` answers the methods, `main` runs it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fimble import __version__
from fimble.features.navigation.served import Served, Serving
from fimble.lsp import extensions
from fimble.lsp.editor import Editor
from fimble.lsp.editor_log import EditorLog
from fimble.lsp.index_progress import IndexProgress
from fimble.lsp.messages import make_converter
from fimble.lsp.navigation_registration import NavigationRegistrations
from fimble.lsp.newest import NewestQuestions
from fimble.lsp.options import Options
from fimble.lsp.progress import Work, WorkProgress
from fimble.lsp.protocol import FimbleProtocol
from fimble.lsp.services import Services
from fimble.lsp.status import Status, StatusBoard
from fimble.lsp.suggestions import RecentSuggestions, SuggestionMemory
from fimble.workspace.documents import Documents
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text

_COMMAND_TITLES: Final = {
    extensions.DOWNLOAD_MODEL: "Download the model",
    extensions.RESTART_ENGINE: "Restart the engine",
}


class FimbleServer(LanguageServer):
    """What one session knows: the editor, its documents and settings, and the work that is under way."""

    protocol: FimbleProtocol

    def __init__(self, services: Services, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__("fimble", __version__, protocol_cls=FimbleProtocol, converter_factory=make_converter)
        self.services = services
        self.editor = Editor()
        self.documents = Documents()
        self.options = Options()
        self.initial_options = Options()
        self.settings_generation = 0
        self.questions = NewestQuestions(services.suggest)
        self.memory = SuggestionMemory()
        self.recent = RecentSuggestions()
        self.status = StatusBoard(self._send_status)
        self.work = WorkProgress(self.protocol.ask, self.protocol.notify, monotonic_s)
        self.registrations = NavigationRegistrations(self.protocol.ask)
        self.index_progress = IndexProgress(self.work, self.protocol.spawn, monotonic_s)
        self.editor_log = EditorLog(self._send_log_message, monotonic_s)
        services.follow_texts(self._text_of)
        if services.navigation is not None:
            services.navigation.on_progress = self.index_progress.take
            services.navigation.number_cells(self.documents.cell_number)
            services.navigation.on_trouble = self.editor_log.warning
        self.watch: asyncio.Future[None] | None = None
        self.ended = asyncio.Event()
        self.exit_code = 1
        self._loaded = asyncio.Event()
        self._loading = ""

    @property
    def served(self) -> Served:
        """The languages for which questions about the code are answered."""
        return Served(Serving.NEVER) if self.services.navigation is None else self.options.served

    def end(self, exit_code: int) -> None:
        """Ends the session; the first reason decides the exit code."""
        if not self.ended.is_set():
            self.exit_code = exit_code
            self.ended.set()

    def silence_reason(self, snapshot: Snapshot) -> str | None:
        """Returns why there are no suggestions in this document, or None where there are."""
        if not self.options.completion_enabled:
            return "Suggestions are switched off."
        if self.options.is_disabled(snapshot.language, snapshot.path):
            return "Suggestions are switched off for this file."
        if self.documents.is_too_large(snapshot.uri):
            return "The file or one of its lines is too large for suggestions."
        return None

    def on_engine_status(self, status: Status) -> None:
        """Takes a status from the engine, and shows progress as long as a model is being loaded."""
        self.status.engine_is(status)
        if status.loading == self._loading:
            return
        self._loaded.set()
        self._loading = status.loading
        if status.loading:
            self._loaded = asyncio.Event()
            self.protocol.spawn(self._show_loading(status.loading, self._loaded), "the progress of loading")

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Writes to the editor's log that something failed; a popup would interrupt whoever is typing."""
        self.editor_log.error(f"Something failed inside of Fimble ({type(error).__name__}).")

    def _text_of(self, uri: str) -> Text | None:
        snapshot = self.documents.snapshot(uri)
        return None if snapshot is None else snapshot.text

    async def _show_loading(self, model: str, loaded: asyncio.Event) -> None:
        async def wait(work: Work) -> None:
            await loaded.wait()

        await self.work.run(f"Loading {model}", wait, is_cancellable=False)

    def _send_status(self, status: Status) -> None:
        message: dict[str, Any] = {
            "busy": status.is_busy,
            "kind": status.kind.value,
            "message": status.message,
        }
        if status.command:
            title = _COMMAND_TITLES.get(status.command, status.command)
            message["command"] = {"title": title, "command": status.command}
        self.protocol.notify(extensions.STATUS, message)
        self.protocol.notify(extensions.DID_CHANGE_STATUS, message)

    def _send_log_message(self, params: types.LogMessageParams) -> None:
        self.protocol.notify(types.WINDOW_LOG_MESSAGE, params)
