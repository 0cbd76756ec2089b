"""What untrusted code must not get away with; each attack stands next to the same code without it, which passes."""

import asyncio
import socket
import time
from pathlib import Path

import psutil
import pytest

from fimble.bench.sandbox.confinement import Limits
from fimble.bench.sandbox.run import Sandbox

RIGHT = "def double(number):\n    return number * 2\n"
EVERY_PIPE = "for fd in range(3, 64):\n    try: {}\n    except OSError: pass"
TEST = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(21) == 42\n"


def doing(attack: str) -> str:
    """A right answer that does something else first."""
    lines = "".join(f"    {line}\n" for line in attack.strip().split("\n"))
    return f"def double(number):\n{lines}    return number * 2\n"


async def outcome(sandbox: Sandbox, program: str) -> str:
    return (await sandbox.grade(program, TEST, "double")).outcome


async def test_a_right_answer_passes_and_wrong_ones_do_not(sandbox: Sandbox) -> None:
    assert await outcome(sandbox, RIGHT) == "passed"
    assert await outcome(sandbox, "def double(number):\n    return number * 3\n") == "wrong"
    assert await outcome(sandbox, "def double(number):\n    pass\n") == "wrong"
    assert await outcome(sandbox, "def double(number):\n    return nothing\n") == "raised"
    assert await outcome(sandbox, "def double(number:\n") == "raised"
    assert await outcome(sandbox, "def other(number):\n    return number * 2\n") == "raised"
    assert await outcome(sandbox, doing("import math, re, collections, string")) == "passed"


@pytest.mark.parametrize(
    ("attack", "harmless", "outcomes"),
    [
        ("while True: pass", "while False: pass", {"timeout"}),
        ("import time\ntime.sleep(3600)", "import time\ntime.sleep(0.01)", {"timeout"}),
        ("hog = bytearray(4_000_000_000)", "hog = bytearray(4_000_000)", {"raised"}),
        ("hog = []\nwhile True: hog.append(bytearray(10_000_000))", "hog = [bytearray(10)]", {"raised"}),
        ("import os\nwhile True: os.fork()", "import os\nos.getpid()", {"forbidden"}),
        ("import os\nos.system('true')", "import os\nos.getcwd()", {"forbidden"}),
        ("import socket\nsocket.socket()", "import socket\nsocket.htons(80)", {"forbidden"}),
        ("import ctypes\nctypes.CDLL(None)", "import struct", {"forbidden"}),
        ("import threading\nthreading.Thread(target=print).start()", "import threading", {"forbidden"}),
        ("print('x' * 100_000_000)", "print('x' * 100_000)", {"raised"}),
        ("import sys\nsys.stderr.write('x' * 100_000_000)", "import sys\nsys.stderr.write('x' * 1000)", {"raised"}),
        ("open('big', 'wb').write(bytes(2_000_000))", "open('small', 'wb').write(bytes(2_000))", {"raised"}),
        ("import os\nos.kill(os.getppid(), 9)", "import os\nos.getppid()", {"forbidden"}),
        ("import os\nos._exit(0)", "import os", {"gone"}),
        ("import sys\nsys.exit(0)", "import sys", {"raised"}),
    ],
)
async def test_an_attack_fails_where_the_same_code_without_it_passes(
    sandbox: Sandbox, attack: str, harmless: str, outcomes: set[str]
) -> None:
    assert await outcome(sandbox, doing(harmless)) == "passed"
    assert await outcome(sandbox, doing(attack)) in outcomes
    # At the top of the file, before anybody asks for anything, it is the same.
    assert await outcome(sandbox, attack + "\n" + RIGHT) in outcomes
    # The sandbox goes on.
    assert await outcome(sandbox, RIGHT) == "passed"


@pytest.mark.parametrize(
    "forgery",
    [
        EVERY_PIPE.format('os.write(fd, b\'\\x00\\x00\\x00\\x10["passed", "ok"]  \')'),
        EVERY_PIPE.format("os.write(fd, b'\\x00\\x00\\x00\\x0f{\"value\": null} ' * 9)"),
        EVERY_PIPE.format("os.close(fd)"),
        "sys.stdout.write('passed'); sys.stdout.flush()",
        "import builtins; builtins.AssertionError = KeyError",
    ],
)
async def test_a_wrong_answer_cannot_say_that_it_passed(sandbox: Sandbox, forgery: str) -> None:
    wrong = f"import os, sys\n{forgery}\ndef double(number):\n    return 0\n"
    assert await outcome(sandbox, wrong) != "passed"
    assert await outcome(sandbox, "import os, sys\ndef double(number):\n    return number * 2\n") == "passed"


async def test_an_answer_that_equals_everything_is_not_right(sandbox: Sandbox) -> None:
    assert await outcome(sandbox, "class Yes:\n    def __eq__(self, other): return True\ndouble = lambda n: Yes()") == (
        "raised"
    )
    assert await outcome(sandbox, "class Many(int): pass\ndouble = lambda n: Many(2 * n)") == "passed"
    # The numbers are what is compared, not what their class says about them.
    lying = "class Yes(int):\n    def __eq__(self, other): return True\ndouble = lambda n: Yes(5)"
    assert await outcome(sandbox, lying) == "wrong"


async def test_the_tests_are_not_in_the_answers_memory(sandbox: Sandbox) -> None:
    look = (
        "import gc\n"
        "found = any('candidate(' + '21)' in word for thing in gc.get_objects() if isinstance(thing, dict)"
        " for word in thing.values() if isinstance(word, str) and 'gc.get_objects' not in word)\n"
        "own = any('{}' in word for thing in gc.get_objects() if isinstance(thing, dict)"
        " for word in thing.values() if isinstance(word, str))\n"
    )
    mark = "a" + str(time.time_ns())
    program = f"MARK = '{mark}'\n" + look.replace("{}", mark) + "def double(number):\n    return (found, own)\n"
    test = "def check(candidate):\n    assert candidate(21) == (False, True)\n"
    assert (await sandbox.grade(program, test, "double")).outcome == "passed"


async def test_files_outside_of_the_folder_stay_as_they_are(sandbox: Sandbox, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    for attack in (
        f"open({str(kept)!r}, 'w').write('changed')",
        f"open({str(tmp_path / 'new')!r}, 'x')",
        f"import os\nos.remove({str(kept)!r})",
        f"import os\nos.rename({str(kept)!r}, 'here')",
        f"import os\nos.mkdir({str(tmp_path / 'folder')!r})",
    ):
        assert await outcome(sandbox, doing(attack)) == "forbidden"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert kept.read_text() == "as it was"
    inside = "import os\nopen('a', 'w').write('b')\nos.rename('a', 'c')\nassert open('c').read() == 'b'"
    assert await outcome(sandbox, doing(inside)) == "passed"


async def test_what_one_answer_writes_the_next_does_not_find(sandbox: Sandbox) -> None:
    is_empty = "import os\nassert os.listdir('.') == ['output']\nopen('left', 'w').write('x')"
    # Twice in one program the file is there, so that the second of two programs would see it too.
    test = "def check(candidate):\n    assert candidate(1) == 2\n"
    assert (await sandbox.grade(doing(is_empty), test, "double")).outcome == "passed"
    assert (await sandbox.grade(doing(is_empty), test, "double")).outcome == "passed"
    assert await outcome(sandbox, doing(is_empty)) == "raised"


async def test_the_kernel_holds_what_the_interpreter_lets_through(tmp_path: Path) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    limits = Limits(wall_s=5.0, cpu_s=2, guards_events=False)
    async with Sandbox(limits) as sandbox:
        if sandbox.weaknesses:
            pytest.skip(f"this system is weaker: {', '.join(sandbox.weaknesses)}")
        assert await outcome(sandbox, doing("import ctypes, socket, subprocess")) == "passed"
        assert await outcome(sandbox, doing("import socket\nsocket.socket()")) == "forbidden"
        assert await outcome(sandbox, doing("import os\nos.fork()")) == "forbidden"
        assert await outcome(sandbox, doing("import os\nos.execv('/bin/true', ['true'])")) == "forbidden"
        assert await outcome(sandbox, doing("import threading\nthreading.Thread(target=print).start()")) == "forbidden"
        assert await outcome(sandbox, doing(f"open({str(tmp_path / 'new')!r}, 'w')")) == "raised"
        unshare = "import ctypes\nctypes.CDLL(None).unshare(0x10000000)"
        assert await outcome(sandbox, doing(unshare)) == "forbidden"
    async with Sandbox(Limits(wall_s=5.0, cpu_s=2, guards_events=False, guards_calls=False)) as sandbox:
        # Without both lists the namespaces are left: this machine's listener is not there.
        connect = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)"
        assert await outcome(sandbox, doing(connect)) == "raised"
        assert await outcome(sandbox, doing(f"open({str(tmp_path / 'new')!r}, 'w')")) == "raised"
        # What it forks, it cannot keep.
        sleeper = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)"
        assert await outcome(sandbox, doing(sleeper)) == "passed"
        assert sandbox.pid is not None
        inner = psutil.Process(sandbox.pid).children()
        assert [process.children() for process in inner] == [[]]
    assert list(tmp_path.iterdir()) == []
    # The listener was there all the time.
    with socket.create_connection(("127.0.0.1", port), 1):
        listener.close()


async def test_nothing_is_left_when_the_sandbox_ends_in_the_middle_of_a_task(tmp_path: Path) -> None:
    sandbox = Sandbox(Limits(wall_s=60.0, cpu_s=30), temporary=tmp_path)
    async with sandbox:
        task = asyncio.create_task(outcome(sandbox, doing("while True: pass")))
        await asyncio.sleep(0.5)
        assert sandbox.pid is not None
        those = [psutil.Process(sandbox.pid), *psutil.Process(sandbox.pid).children(recursive=True)]
        assert len(those) == 4, "the child, its namespace's first process, the answer and the judge"
        assert len(list(tmp_path.iterdir())) == 1
        task.cancel()
    gone, alive = psutil.wait_procs(those, timeout=5)
    assert (len(gone), alive) == (4, [])
    assert list(tmp_path.iterdir()) == []


async def test_a_child_that_is_killed_is_started_again(sandbox: Sandbox) -> None:
    assert sandbox.pid is not None
    first = sandbox.pid
    psutil.Process(first).kill()
    assert await outcome(sandbox, RIGHT) == "lost"
    assert await outcome(sandbox, RIGHT) == "passed"
    assert sandbox.pid != first
