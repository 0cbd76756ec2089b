"""The queue to the editor: order, room, and an editor that does not read (pitfall 14)."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from fimble.lsp.outbox import Outbox

STUFFING = b"s" * 300_000


class Broken:
    """Notes that the connection was given up."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def read_everything(fd: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += os.read(fd, 1 << 20)
    return data


def stuffed(pipe: tuple[int, int], broken: Broken, **more: int) -> Outbox:
    """Returns an outbox whose thread is stuck, because the pipe is full."""
    outbox = Outbox(pipe[1], broken, **more)
    outbox.write(STUFFING)
    deadline_s = time.monotonic() + 5
    while outbox._queue and time.monotonic() < deadline_s:
        time.sleep(0.001)
    return outbox


def test_messages_are_written_in_their_order(pipe: tuple[int, int]) -> None:
    outbox = Outbox(pipe[1], Broken())
    for number in range(100):
        outbox.write(b"%03d" % number)
    assert outbox.close()
    assert read_everything(pipe[0], 300) == b"".join(b"%03d" % number for number in range(100))


def test_writing_never_waits_for_the_reader(pipe: tuple[int, int]) -> None:
    outbox = stuffed(pipe, Broken())
    start_s = time.monotonic()
    for _ in range(10_000):
        outbox.write(b"x" * 100)
    assert time.monotonic() - start_s < 2
    assert len(read_everything(pipe[0], len(STUFFING) + 1_000_000)) == len(STUFFING) + 1_000_000


def test_progress_that_waits_is_replaced_by_newer_progress(pipe: tuple[int, int]) -> None:
    outbox = stuffed(pipe, Broken())
    outbox.offer(b"[old 1]", "1")
    outbox.offer(b"[2]", "2")
    outbox.offer(b"[new 1]", "1")
    outbox.write(b"[end]")
    assert read_everything(pipe[0], len(STUFFING) + 15)[len(STUFFING) :] == b"[new 1][2][end]"


def test_progress_goes_first_when_there_is_no_room(pipe: tuple[int, int]) -> None:
    broken = Broken()
    outbox = stuffed(pipe, broken, queued_bytes_max=len(STUFFING) + 100)
    outbox.write(b"a" * len(STUFFING))
    outbox.offer(b"p" * 90, "1")
    outbox.offer(b"q" * 90, "2")
    outbox.write(b"b" * 100)
    assert broken.count == 0
    written = read_everything(pipe[0], 2 * len(STUFFING) + 100)
    assert written[len(STUFFING) :] == b"a" * len(STUFFING) + b"b" * 100


def test_an_editor_that_reads_nothing_at_all_loses_the_connection(pipe: tuple[int, int]) -> None:
    broken = Broken()
    outbox = stuffed(pipe, broken, queued_bytes_max=len(STUFFING))
    for _ in range(4):
        outbox.write(b"x" * 100_000)
    assert broken.count == 1
    assert not outbox.close(0.05)


def test_an_editor_that_went_away_loses_the_connection_once(pipe: tuple[int, int]) -> None:
    broken = Broken()
    outbox = Outbox(pipe[1], broken)
    os.close(pipe[0])
    outbox.write(b"x")
    deadline_s = time.monotonic() + 5
    while not broken.count and time.monotonic() < deadline_s:
        time.sleep(0.001)
    outbox.write(b"x")
    assert broken.count == 1
    assert not outbox.close()


def test_closing_waits_only_so_long(pipe: tuple[int, int]) -> None:
    outbox = stuffed(pipe, Broken())
    start_s = time.monotonic()
    assert not outbox.close(0.1)
    assert time.monotonic() - start_s < 1


def test_a_pipe_that_does_not_block_is_waited_for(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    outbox = Outbox(pipe[1], Broken())
    outbox.write(STUFFING)
    reading = threading.Timer(0.1, lambda: None)
    reading.start()
    reading.join()
    assert read_everything(pipe[0], len(STUFFING)) == STUFFING
    assert outbox.close()
