"""The small parts: status, log, what was typed along a suggestion, and our own methods' documentation."""

import re
from pathlib import Path

import pytest
from lsprotocol import types

from fimble.errors import EngineGone, ModelFileMissing, ModelUnknown
from fimble.features.completion.suggestion import Suggestion
from fimble.features.navigation.served import Served
from fimble.lsp import extensions
from fimble.lsp.capabilities import capabilities_to_lsp
from fimble.lsp.editor import Editor
from fimble.lsp.editor_log import EditorLog
from fimble.lsp.options import Fallback
from fimble.lsp.parent import watch_process
from fimble.lsp.status import Status, StatusBoard, StatusKind, status_of
from fimble.lsp.suggestions import SuggestionMemory, rest_of, typed_since
from fimble.workspace.text import Text


class SettableClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_status_is_sent_only_when_it_changes() -> None:
    sent: list[Status] = []
    board = StatusBoard(sent.append)
    ready = Status(message="ready")
    trouble = Status(kind=StatusKind.ERROR, message="broken")
    for _ in range(2):
        board.engine_is(ready)
    board.request_failed(trouble)
    board.request_failed(trouble)
    board.document_is("Too large.")
    board.request_succeeded()
    board.document_is(None)
    assert [status.message for status in sent] == ["ready", "broken", "Too large.", "ready"]


def test_an_engine_that_speaks_up_ends_the_last_requests_trouble() -> None:
    board = StatusBoard(lambda status: None)
    board.request_failed(Status(kind=StatusKind.ERROR))
    board.engine_is(Status(message="ready"))
    assert board.current.message == "ready"


def test_an_error_comes_with_the_command_that_helps() -> None:
    assert status_of(ModelFileMissing("x")).command == extensions.DOWNLOAD_MODEL
    assert status_of(EngineGone("x")).command == extensions.RESTART_ENGINE
    assert status_of(ModelUnknown("x")).command == ""


def test_the_editors_log_gets_ten_messages_a_minute_and_the_number_of_the_others() -> None:
    sent: list[types.LogMessageParams] = []
    clock = SettableClock()
    log = EditorLog(sent.append, clock)
    for _ in range(25):
        log.error("broken")
    assert len(sent) == 10
    clock.now_s = 61.0
    log.warning("look")
    assert sent[-1].message == "look (15 earlier messages were left out.)"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ab$0cd", "abXcd", "X"),
        ("ab$0cd", "abcd", ""),
        ("ab$0cd", "abcdX", None),
        ("ab$0cd", "Xabcd", None),
        ("ab$0cd", "abd", None),
        ("$0", "anything", "anything"),
        ("aa$0aa", "aaaaa", "a"),
        ("ab$0cd", "aXcd", None),
    ],
)
def test_what_was_typed_at_the_cursor_is_found(old: str, new: str, expected: str | None) -> None:
    offset = old.index("$0")
    assert typed_since(Text.from_string(old.replace("$0", "")), offset, Text.from_string(new)) == expected


def test_the_rest_of_a_suggestion_follows_what_was_typed() -> None:
    suggestion = Suggestion(text="print(x)", offset=4, replace_length=1)
    assert rest_of(suggestion, "pri") == Suggestion(text="nt(x)", offset=7, replace_length=1)
    assert rest_of(suggestion, "pra") is None


def test_only_the_newest_suggestions_are_remembered() -> None:
    memory = SuggestionMemory()
    names = [memory.remember(Suggestion(text=str(number), offset=0)) for number in range(300)]
    assert memory.recall(names[0]) is None
    newest = memory.recall(names[-1])
    assert newest is not None
    assert newest.text == "299"


def test_a_process_is_seen_only_while_it_runs() -> None:
    import os
    import subprocess

    mine = watch_process(os.getpid())
    assert mine is not None
    assert mine()
    child = subprocess.Popen(["sleep", "60"])
    is_alive = watch_process(child.pid)
    assert is_alive is not None
    assert is_alive()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    # A zombie: it has ended, and its parent has not noticed yet.
    assert not is_alive()
    child.wait()
    assert not is_alive()
    assert watch_process(2**40) is None


def test_our_own_methods_are_documented() -> None:
    document = Path(extensions.__file__).with_name("EXTENSIONS.md").read_text()
    headings = re.findall(r"^### `(.*)`$", document, re.MULTILINE)
    assert headings == [*extensions.METHODS, *extensions.COMMANDS]


def test_all_our_names_are_in_the_lists() -> None:
    names = {value for name, value in vars(extensions).items() if name.isupper() and isinstance(value, str)}
    assert names == {*extensions.METHODS, *extensions.COMMANDS}


def test_commands_are_promised_and_named_so_that_no_extension_has_the_same() -> None:
    capabilities = capabilities_to_lsp(Editor(), Fallback.AUTO, Served())
    assert capabilities.execute_command_provider is not None
    assert list(capabilities.execute_command_provider.commands) == list(extensions.COMMANDS)
    assert all(command.startswith("fimble.server.") for command in extensions.COMMANDS)
