"""The child in which untrusted code is graded: it stays warm, and forks two processes for each task.

One runs the answer, the other the tests; they know each other by two pipes. After each task all processes but this one
are ended, and the answer's folder, which lies in memory, is gone. On standard input come two messages per task: the
answer's program, which the answer's process inherits, and the tests, which only the judge reads.
"""

import json
import os
import select
import signal
import sys
import time
from typing import Any, Final, NoReturn

from fimble.bench.sandbox.answer import run_answer
from fimble.bench.sandbox.confinement import (
    Limits,
    drop_rights,
    end_with_parent,
    enter_namespaces,
    has_call_guard,
    limit,
)
from fimble.bench.sandbox.events import FORBIDDEN_STATUS
from fimble.bench.sandbox.judge import judge
from fimble.bench.sandbox.pipes import read_frame, write_frame

_IN: Final = 0
_OUT: Final = 1
_STATUS_TIMEOUT_S: Final = 1.0
# What answers to exercises import, so that they need not load it each time.
WARM_MODULES: Final = (
    "bisect", "collections", "copy", "dataclasses", "datetime", "fractions", "functools", "hashlib", "heapq",
    "itertools", "math", "operator", "random", "re", "statistics", "string", "typing",
)  # fmt: skip


def main(folder: str) -> None:
    """Serves tasks until standard input ends; `folder` is an empty folder for the answers' files."""
    in_force = enter_namespaces()
    inner = os.fork()
    if inner:
        _, status = os.waitpid(inner, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    end_with_parent()
    for name in WARM_MODULES:
        __import__(name)
    layers = [*in_force, *(["forbidden-calls"] if has_call_guard() else []), "forbidden-events", "limits"]
    write_frame(_OUT, json.dumps({"layers": layers}).encode())
    has_own_processes = "own-processes" in in_force
    while (body := read_frame(_IN)) is not None:
        write_frame(_OUT, json.dumps(_graded(json.loads(body), folder, has_own_processes)).encode())


def _graded(task: dict[str, Any], folder: str, has_own_processes: bool) -> dict[str, object]:
    limits = Limits(**task["limits"])
    requests, answers, verdicts = os.pipe(), os.pipe(), os.pipe()
    began_s = time.monotonic()
    answerer = os.fork()
    if answerer == 0:
        run_answer(task["program"], folder, limits, requests[0], answers[1])
    judging = os.fork()
    if judging == 0:
        _judge(limits, (requests[1], answers[0], verdicts[1]), (requests[0], answers[1], verdicts[0]))
    for descriptor in (*requests, *answers, verdicts[1]):
        os.close(descriptor)
    try:
        readable, _, _ = select.select([verdicts[0]], [], [], limits.wall_s)
        body = read_frame(verdicts[0]) if readable else None
        outcome, words = json.loads(body) if body else ("lost", "") if readable else ("timeout", "wall clock")
        status = _status(answerer) if outcome == "gone" else None
    finally:
        os.close(verdicts[0])
        _end_all((answerer, judging), has_own_processes)
    if outcome == "gone":
        outcome, words = _why_gone(status)
    return {"outcome": outcome, "words": words, "seconds": time.monotonic() - began_s}


def _judge(limits: Limits, own: tuple[int, int, int], others: tuple[int, int, int]) -> NoReturn:
    try:
        for descriptor in others:
            os.close(descriptor)
        task = json.loads(read_frame(_IN) or b"{}")
        limit(limits)
        drop_rights(guards_calls=True)
        requests, answers, verdicts = own
        write_frame(verdicts, json.dumps(judge(task["test"], task["entry_point"], requests, answers)).encode())
    finally:
        os._exit(0)


def _status(pid: int) -> int | None:
    """Returns the wait status of a process that has ended or is just ending; None where it has not."""
    deadline_s = time.monotonic() + _STATUS_TIMEOUT_S
    while time.monotonic() < deadline_s:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.001)
    return None


def _why_gone(status: int | None) -> tuple[str, str]:
    if status is None:
        return "gone", "it closed the pipe"
    code = os.waitstatus_to_exitcode(status)
    if code in (FORBIDDEN_STATUS, -signal.SIGSYS):
        return "forbidden", "by the interpreter's list" if code == FORBIDDEN_STATUS else "by the kernel's list"
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "timeout", "processor time"
    return "gone", f"exit status {code}"


def _end_all(pids: tuple[int, ...], has_own_processes: bool) -> None:
    """Ends everything that a task has started, and waits until it has gone."""
    if has_own_processes:
        # This is the first process of its namespace: that is everybody in it but this process itself.
        _kill(-1)
    for pid in pids:
        _kill(pid)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    main(sys.argv[1])
