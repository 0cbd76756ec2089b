"""Answers workspace/executeCommand."""

from collections.abc import Awaitable
from typing import Any, Final

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from fimble.features.acceptance.feedback import Feedback, FeedbackKind, Trigger
from fimble.features.completion.why import why_to_markdown
from fimble.lsp import extensions
from fimble.lsp.progress import Work
from fimble.lsp.server import FimbleServer
from fimble.lsp.suggestions import suggestion_to_lsp
from fimble.workspace.text import Encoding

Result = dict[str, Any]


def execute_command(server: FimbleServer, params: types.ExecuteCommandParams) -> Awaitable[None] | Result | None:
    """Runs one of our commands."""
    command = _COMMANDS.get(params.command)
    if command is None:
        raise JsonRpcInvalidParams("The command is unknown.")
    return command(server, list(params.arguments or ()))


def _accepted_completion(server: FimbleServer, arguments: list[Any]) -> None:
    name = arguments[0] if arguments else None
    suggestion = server.memory.recall(name)
    feedback = Feedback(
        kind=FeedbackKind.ACCEPTED,
        name=name if isinstance(name, str) else "",
        suggestion=suggestion,
        accepted_length=0 if suggestion is None else len(suggestion.text),
    )
    server.services.on_feedback(feedback)


def _why(server: FimbleServer, arguments: list[Any]) -> Result:
    """Says how the last suggestion came about, in the document that the argument names or else in any."""
    uri = _uri(arguments[0]) if arguments else None
    snapshot = None if uri is None else server.documents.snapshot(uri)
    silence = None if snapshot is None else server.silence_reason(snapshot)
    answered = server.memory.last(uri)
    if silence is not None or answered is None:
        reason = silence or "Nothing was asked here yet."
        return {"markdown": f"# Why no suggestion?\n\n{reason}\n", "suggestion": None}
    query, suggestion = answered
    text, path = query.snapshot.text, query.snapshot.path
    line, character = text.position(query.offset, Encoding.UTF_32)
    trigger = "asked for by a key" if query.is_manual else "asked for by typing"
    place = f"{path}, line {line + 1}, column {character + 1}"
    encoding = server.documents.encoding
    position = types.Position(*text.position(query.offset, encoding))
    return {
        "markdown": why_to_markdown(suggestion, place=place, trigger=trigger),
        "suggestion": suggestion_to_lsp(suggestion),
        "textDocument": {"uri": query.snapshot.uri},
        "position": {"line": position.line, "character": position.character},
        "trigger": (Trigger.MANUAL if query.is_manual else Trigger.AUTOMATIC).value,
    }


async def _download_model(server: FimbleServer, arguments: list[Any]) -> None:
    async def download(work: Work) -> None:
        def report(file: str, bytes_done: int, bytes_total: int) -> None:
            percentage = min(100 * bytes_done // bytes_total, 100) if bytes_total > 0 else None
            work.report(file, percentage)

        await server.services.download_model(report)

    await server.work.run("Downloading the model", download)


async def _restart_engine(server: FimbleServer, arguments: list[Any]) -> None:
    await server.services.restart_engine()


def _uri(argument: Any) -> str | None:
    """Returns the document of a command: its uri, or what LSP calls a TextDocumentIdentifier or has one."""
    for name in ("textDocument", "uri"):
        if isinstance(argument, dict):
            argument = argument.get(name, argument)
    return argument if isinstance(argument, str) else None


_COMMANDS: Final = {
    extensions.ACCEPTED_COMPLETION: _accepted_completion,
    extensions.DOWNLOAD_MODEL: _download_model,
    extensions.RESTART_ENGINE: _restart_engine,
    extensions.WHY: _why,
}

HANDLERS: Final = {types.WORKSPACE_EXECUTE_COMMAND: execute_command}
