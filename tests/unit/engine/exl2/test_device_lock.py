"""One engine per card: held against other processes, and free again however the holder ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fimble.engine.process.backends.exl2.device_lock import lock_device
from fimble.errors import ModelRefused

UUID = "GPU-3b1c0a77-1111-2222-3333-444455556666"
HOLD = """
import sys, time
from pathlib import Path
from fimble.engine.process.backends.exl2.device_lock import lock_device
held = lock_device(sys.argv[1], folder=Path(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
held.release()
print("released", flush=True)
time.sleep(600)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, UUID, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_card_is_one_process_s_until_it_gives_it_back(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(ModelRefused, match=rf"H200 is used by .*\(process {process.pid}\)"):
            lock_device(UUID, "NVIDIA H200", tmp_path)
        with lock_device(UUID.replace("3b1c", "77aa"), folder=tmp_path):
            pass  # Another card is free.
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        assert process.stdout.readline() == "released\n"
        process.stdin = None
        with lock_device(UUID, folder=tmp_path):
            assert process.poll() is None


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(ModelRefused):
            lock_device(UUID, folder=tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        lock = lock_device(UUID, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.read_text() == f"{os.getpid()}\n"
    assert path.stat().st_mode & 0o777 == 0o644
    lock.release()
    lock.release()
    assert path.exists(), "two processes could lock two files otherwise"


def test_no_child_program_keeps_the_card(tmp_path: Path) -> None:
    lock = lock_device(UUID, folder=tmp_path)
    with subprocess.Popen(["sleep", "600"], close_fds=False) as child:
        lock.release()
        lock_device(UUID, folder=tmp_path).release()
        child.kill()


def test_a_narrow_umask_keeps_nobody_out(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        lock_device(UUID, folder=tmp_path).release()
    finally:
        os.umask(before)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_s_file_is_locked_all_the_same(tmp_path: Path) -> None:
    place = Path("/tmp") / f"fimble-lock-test-{os.getpid()}"
    place.mkdir(mode=0o1777)
    place.chmod(0o1777)
    try:
        lock = lock_device(UUID, folder=place)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            answer = b"?"
            os.setuid(65534)
            try:
                lock_device(UUID, folder=place)
            except ModelRefused as error:
                answer = b"used" if "is used by" in str(error) else str(error).encode()
            os.write(write, answer)
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read, 1000) == b"used"
        lock.release()
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            try:
                lock_device(UUID, folder=place)
                os.write(write, b"free")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read, 1000) == b"free"
    finally:
        for path in place.iterdir():
            path.unlink()
        place.rmdir()


def test_traps_in_the_place_of_the_lock_are_told(tmp_path: Path) -> None:
    path = tmp_path / f"fimble-gpu-{UUID}.lock"
    target = tmp_path / "precious"
    target.write_text("mine")
    path.symlink_to(target)
    with pytest.raises(ModelRefused, match="cannot be opened"):
        lock_device(UUID, folder=tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ModelRefused, match="no file"):
        lock_device(UUID, folder=tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelRefused, match="cannot be opened"):
        lock_device(UUID, folder=tmp_path)
    path.rmdir()
    lock_device(UUID, folder=tmp_path).release()
    assert target.read_text() == "mine"
    lock_device("../../x", folder=tmp_path).release()
    assert (tmp_path / "fimble-gpu-------x.lock").exists(), "no name leads out of the folder"
