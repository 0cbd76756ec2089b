"""Answers workspace/executeCommand."""

from collections.abc import Awaitable
from typing import Any, Final

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from fimble.lsp import extensions
from fimble.lsp.progress import Work
from fimble.lsp.server import FimbleServer
from fimble.lsp.services import Feedback, FeedbackKind


def execute_command(server: FimbleServer, params: types.ExecuteCommandParams) -> Awaitable[None] | None:
    """Runs one of our commands."""
    command = _COMMANDS.get(params.command)
    if command is None:
        raise JsonRpcInvalidParams("The command is unknown.")
    return command(server, list(params.arguments or ()))


def _accepted_completion(server: FimbleServer, arguments: list[Any]) -> None:
    suggestion = server.memory.recall(arguments[0] if arguments else None)
    length = 0 if suggestion is None else len(suggestion.text)
    server.services.on_feedback(Feedback(kind=FeedbackKind.ACCEPTED, suggestion=suggestion, accepted_length=length))


async def _download_model(server: FimbleServer, arguments: list[Any]) -> None:
    async def download(work: Work) -> None:
        def report(file: str, bytes_done: int, bytes_total: int) -> None:
            percentage = min(100 * bytes_done // bytes_total, 100) if bytes_total > 0 else None
            work.report(file, percentage)

        await server.services.download_model(report)

    await server.work.run("Downloading the model", download)


async def _restart_engine(server: FimbleServer, arguments: list[Any]) -> None:
    await server.services.restart_engine()


_COMMANDS: Final = {
    extensions.ACCEPTED_COMPLETION: _accepted_completion,
    extensions.DOWNLOAD_MODEL: _download_model,
    extensions.RESTART_ENGINE: _restart_engine,
}

HANDLERS: Final = {types.WORKSPACE_EXECUTE_COMMAND: execute_command}
