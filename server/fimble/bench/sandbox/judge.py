"""The process that runs a task's tests: it calls the answer's functions through a pipe and compares what comes back.

It holds no code of the answer's, so that only right values pass.
"""

import builtins
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from fimble.bench.sandbox.pipes import FrameBroken, read_frame, write_frame
from fimble.bench.sandbox.values import decode, encode


class AnswerRaised(Exception):
    """The answer's code raised an error."""


class AnswerGone(Exception):
    """The answer's process ended before it had answered."""


def judge(test: str, entry_point: str, requests: int, answers: int) -> tuple[str, str]:
    """Runs the tests; returns what came out (`passed`, `wrong`, `raised`, `gone`), and a few words about it."""
    try:
        _take(answers)
        namespace = _namespace(test, requests, answers)
        exec(compile(test, "test.py", "exec"), namespace)  # noqa: S102 - see the module's text.
        namespace["check"](_remote(entry_point, requests, answers))
    except AssertionError as error:
        return "wrong", str(error)[:200]
    except AnswerRaised as error:
        return "raised", str(error)
    except (AnswerGone, BrokenPipeError):
        return "gone", ""
    except FrameBroken as error:
        return "wrong", f"no plain value: {error}"[:200]
    except Exception as error:  # noqa: BLE001 - a test that stumbles over a strange value has not passed.
        return "raised", f"{type(error).__name__} in the test: {error}"[:200]
    return "passed", ""


def _namespace(test: str, requests: int, answers: int) -> dict[str, Any]:
    """Returns what the tests use without defining it: modules, and other functions of the answer's file."""
    namespace: dict[str, Any] = {"__name__": "test"}
    for name in set(_names(compile(test, "test.py", "exec"))):
        if name in sys.stdlib_module_names:
            namespace[name] = importlib.import_module(name)
        elif not hasattr(builtins, name):
            namespace[name] = _remote(name, requests, answers)
    return namespace


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _remote(name: str, requests: int, answers: int) -> Callable[..., Any]:
    def call(*arguments: object, **keywords: object) -> Any:
        write_frame(requests, encode((name, arguments, keywords)))
        return _take(answers)

    return call


def _take(answers: int) -> Any:
    body = read_frame(answers)
    if body is None:
        raise AnswerGone
    answer = decode(body)
    if not isinstance(answer, dict):
        raise FrameBroken("not an answer")
    if "raised" in answer:
        raise AnswerRaised(f"{answer['raised']}: {answer.get('message', '')}"[:300])
    return answer.get("value")
