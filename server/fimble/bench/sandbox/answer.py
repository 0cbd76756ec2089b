"""The process in which an answer runs: it executes the program, then calls its functions as it is told to.

It never sees the tests, and what it sends are values that somebody else compares; so nothing that it prints, sends or
returns says "passed".
"""

import os
import sys
import types
from typing import Any, NoReturn

from fimble.bench.sandbox.confinement import Limits, drop_rights, limit, own_folder
from fimble.bench.sandbox.events import guard_events
from fimble.bench.sandbox.pipes import read_frame, write_frame
from fimble.bench.sandbox.values import decode, encode

_MODULE = "solution"
_MESSAGE_CHARACTERS_MAX = 200


def run_answer(program: str, folder: str, limits: Limits, requests: int, answers: int) -> NoReturn:
    """Executes `program` shut in, and answers calls of its functions until nobody asks; never returns."""
    try:
        _shut_in(folder, limits, requests, answers)
        module = types.ModuleType(_MODULE)
        sys.modules[_MODULE] = module
        if _tried(answers, lambda: exec(compile(program, f"{_MODULE}.py", "exec"), module.__dict__)):  # noqa: S102
            while (request := read_frame(requests)) is not None:
                name, arguments, keywords = decode(request)
                _tried(answers, lambda: getattr(module, name)(*arguments, **keywords))  # noqa: B023 - called at once.
    finally:
        os._exit(0)


def _shut_in(folder: str, limits: Limits, requests: int, answers: int) -> None:
    own_folder(folder, limits)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open("output", os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in range(3, 64):
        if descriptor not in (requests, answers):
            try:
                os.close(descriptor)
            except OSError:
                continue
    limit(limits)
    drop_rights(guards_calls=limits.guards_calls)
    if limits.guards_events:
        guard_events(os.getcwd())


def _tried(answers: int, work: Any) -> bool:
    """Does something for the judge, and tells how it went; returns whether it went well."""
    try:
        body = encode({"value": work()})
    except BaseException as error:  # noqa: BLE001 - whatever an answer raises, its exit included, is its answer.
        body = encode({"raised": type(error).__name__, "message": _message(error)})
        write_frame(answers, body)
        return False
    write_frame(answers, body)
    return True


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE_CHARACTERS_MAX]
    except Exception:  # noqa: BLE001 - an exception class of the answer's own may do anything.
        return ""
