"""What the editor's status bar shows about Fimble.

Three voices are heard: the engine, the last request, and the document; the one with the most to say about why
there is no ghost text wins, and the editor hears of it only when it changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from fimble.errors import EngineError, FimbleError, ModelFileMissing
from fimble.lsp.extensions import DOWNLOAD_MODEL, RESTART_ENGINE


class StatusKind(StrEnum):
    """How Fimble is doing, in the words of Copilot's `didChangeStatus`, which editors already understand."""

    NORMAL = "Normal"
    """Suggestions come."""
    WARNING = "Warning"
    """The user has to do something, for example download a model."""
    ERROR = "Error"
    """Something broke."""
    INACTIVE = "Inactive"
    """There are no suggestions here on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One state of the status bar.

    `command` is one of our commands (`extensions`) that helps, `loading` the name of the model that is being
    loaded right now; the editor shows progress as long as it is not empty.
    """

    kind: StatusKind = StatusKind.NORMAL
    message: str = ""
    is_busy: bool = False
    command: str = ""
    loading: str = ""


def status_of(error: FimbleError) -> Status:
    """Returns what to show after `error`, with the command that helps where there is one."""
    if isinstance(error, ModelFileMissing):
        return Status(kind=StatusKind.WARNING, message=str(error), command=DOWNLOAD_MODEL)
    if isinstance(error, EngineError):
        return Status(kind=StatusKind.ERROR, message=str(error), command=RESTART_ENGINE)
    return Status(kind=StatusKind.ERROR, message=str(error))


class StatusBoard:
    """Keeps what the three voices say, and sends what changes."""

    def __init__(self, send: Callable[[Status], None]) -> None:
        self._send = send
        self._engine = Status()
        self._problem: Status | None = None
        self._document: Status | None = None
        self._sent: Status | None = None

    @property
    def current(self) -> Status:
        """What the status bar should show."""
        return self._document or self._problem or self._engine

    def engine_is(self, status: Status) -> None:
        """Takes what the engine says; it is newer than the last request's trouble."""
        self._engine = status
        self._problem = None
        self._publish()

    def request_failed(self, status: Status) -> None:
        """Takes a request's trouble, which stays until a request succeeds."""
        self._problem = status
        self._publish()

    def request_succeeded(self) -> None:
        """Forgets the last trouble."""
        self._problem = None
        self._publish()

    def document_is(self, reason: str | None) -> None:
        """Takes why the document at hand gets no suggestions, or None when it does get them."""
        self._document = None if reason is None else Status(kind=StatusKind.INACTIVE, message=reason)
        self._publish()

    def _publish(self) -> None:
        if self.current != self._sent:
            self._sent = self.current
            self._send(self.current)
