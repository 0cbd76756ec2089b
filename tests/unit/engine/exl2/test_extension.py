"""Compiling the extension in a child process, with a child that only pretends to compile."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from fimble.engine.process.backends.exl2.extension import (
    BuildLimits,
    build_environment,
    built_folder,
    ensure_built,
    is_built,
    module_folder,
    prebuilt,
)
from fimble.engine.process.backends.exl2.toolchain import Machine
from fimble.errors import DownloadCancelled, ModelRefused
from tests.unit.engine.exl2.machines import torch, whole_machine

COMPILE = """
import os, pathlib, time
folder = pathlib.Path(os.environ["TORCH_EXTENSIONS_DIR"]) / "exllamav2_ext"
folder.mkdir(exist_ok=True)
assert not (folder / "lock").exists(), "torch would wait for this file"
assert os.environ["CUDA_HOME"] and os.environ["TORCH_CUDA_ARCH_LIST"] == "9.0"
for number in range(47):
    (folder / f"{number}.o").touch()
    time.sleep(0.02)
(folder / "exllamav2_ext.so").write_bytes(b"library")
"""
FAIL = """
print("[1/47] nvcc -c a.cu")
print("/x/a.cu(3): warning: errors are not looked for here")
print("/x/a.cu:4:10: fatal error: cublas_v2.h: No such file or directory")
print("RuntimeError: Error building extension 'exllamav2_ext'")
raise SystemExit(1)
"""
HANG = """
import os, pathlib, subprocess, sys, time
folder = pathlib.Path(os.environ["TORCH_EXTENSIONS_DIR"]) / "exllamav2_ext"
folder.mkdir(exist_ok=True)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(folder / "pids").write_text(f"{os.getpid()} {child.pid}")
(folder / "1.o").touch()
time.sleep(600)
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("FIMBLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return whole_machine(tmp_path)


def child(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def unheard(done: int, total: int, says: str) -> None:
    """Nobody watches."""


def folder_of(machine: Machine) -> Path:
    folder = built_folder(machine)
    assert folder is not None
    return folder


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def all_end(pids: list[str]) -> bool:
    """Waits for processes that were killed; a killed grandchild takes a moment."""
    for _ in range(200):
        if not any(is_alive(int(pid)) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_it_is_compiled_once_and_then_found(machine: Machine) -> None:
    heard: list[tuple[int, int, str]] = []
    assert module_folder(machine) is None
    place = ensure_built(lambda *news: heard.append(news), machine=machine, command=child(COMPILE))
    assert place == folder_of(machine) / "exllamav2_ext" == module_folder(machine)
    counts = [done for done, _, _ in heard]
    assert counts == sorted(counts)
    assert heard[-1] == (47, 47, "ExLlamaV2 is compiled")
    assert ensure_built(unheard, machine=machine, command=child("raise SystemExit(1)")) == place, "no second build"


def test_another_torch_compiles_again(machine: Machine, tmp_path: Path) -> None:
    first = ensure_built(unheard, machine=machine, command=child(COMPILE))
    torch(tmp_path / "site-packages", "2.12.0+cu130", "13.0")
    assert module_folder(machine) is None
    second = ensure_built(unheard, machine=machine, command=child(COMPILE))
    assert second is not None
    assert second != first


def test_a_library_that_was_cut_short_is_not_taken(machine: Machine) -> None:
    place = ensure_built(unheard, machine=machine, command=child(COMPILE))
    assert place is not None
    (place / "exllamav2_ext.so").write_bytes(b"lib")
    assert not is_built(folder_of(machine))
    ensure_built(unheard, machine=machine, command=child(COMPILE))
    assert is_built(folder_of(machine))
    (folder_of(machine) / "built.json").write_text("[" * 9)
    assert not is_built(folder_of(machine))


def test_a_failing_compiler_is_quoted(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"a\.cu:4:10: fatal error: cublas_v2\.h") as caught:
        ensure_built(unheard, machine=machine, command=child(FAIL))
    (log,) = tmp_path.rglob("exllamav2-build.log")
    assert str(log) in str(caught.value)
    assert "[1/47]" in log.read_text()
    with pytest.raises(ModelRefused, match="status 3 and said nothing"):
        ensure_built(unheard, machine=machine, command=child("raise SystemExit(3)"))
    with pytest.raises(ModelRefused, match="could not be compiled"):
        ensure_built(unheard, machine=machine, command=child("pass"))  # It ends well and leaves no library.
    assert not is_built(folder_of(machine))
    assert ensure_built(unheard, machine=machine, command=child(COMPILE)) is not None


def test_a_hanging_compiler_is_ended_with_all_that_it_started(machine: Machine) -> None:
    with pytest.raises(ModelRefused, match=r"given up .* at 1 of 47"):
        ensure_built(unheard, machine=machine, command=child(HANG), limits=BuildLimits(silent_s=8.0))
    pids = (folder_of(machine) / "exllamav2_ext" / "pids").read_text().split()
    assert all_end(pids)
    with pytest.raises(ModelRefused, match="given up"):
        ensure_built(unheard, machine=machine, command=child(HANG), limits=BuildLimits(total_s=1.0))


def test_a_cancelled_build_ends_and_the_next_goes_on(machine: Machine) -> None:
    cancelled = threading.Event()

    def listen(done: int, total: int, says: str) -> None:
        if done == 1:
            cancelled.set()

    with pytest.raises(DownloadCancelled):
        ensure_built(listen, machine=machine, command=child(HANG), cancelled=cancelled)
    place = folder_of(machine) / "exllamav2_ext"
    assert all_end((place / "pids").read_text().split())
    (place / "lock").touch()  # What torch leaves behind when it is killed.
    assert ensure_built(unheard, machine=machine, command=child(COMPILE)) == place


def test_two_processes_do_not_compile_at_once(machine: Machine, tmp_path: Path) -> None:
    once = f"open({str(tmp_path / 'count')!r}, 'a').write('x')\n{COMPILE}"
    waited: list[str] = []
    places: list[Path | None] = []

    def build() -> None:
        places.append(ensure_built(lambda *news: waited.append(news[2]), machine=machine, command=child(once)))

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert places == [folder_of(machine) / "exllamav2_ext"] * 3
    assert (tmp_path / "count").read_text() == "x"
    assert any("Waiting" in says for says in waited)


def test_the_wait_for_another_build_can_be_cancelled(machine: Machine) -> None:
    cancelled, waiting = threading.Event(), threading.Event()

    def build() -> None:
        with pytest.raises(DownloadCancelled):
            ensure_built(lambda *_: waiting.set(), machine=machine, command=child(HANG), cancelled=cancelled)

    first = threading.Thread(target=build)
    first.start()
    assert waiting.wait(30)
    mine = threading.Event()
    with pytest.raises(DownloadCancelled):
        ensure_built(lambda *_: mine.set(), machine=machine, command=child(COMPILE), cancelled=mine)
    cancelled.set()
    first.join(30)
    assert not first.is_alive()


def test_an_extension_that_came_with_the_package_is_used(machine: Machine, tmp_path: Path) -> None:
    assert prebuilt(machine) is None
    library = tmp_path / "site-packages/exllamav2_ext.cpython-311-x86_64-linux-gnu.so"
    library.touch()
    assert prebuilt(machine) == library
    assert ensure_built(unheard, machine=machine, command=child("raise SystemExit(1)")) is None
    assert module_folder(machine) is None


def test_nothing_is_started_where_something_is_missing(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "bin/ninja").unlink()
    with pytest.raises(ModelRefused, match="pip install ninja"):
        ensure_built(unheard, machine=machine, command=child(COMPILE))
    torch(tmp_path / "site-packages", "2.13.0+cpu", None)
    with pytest.raises(ModelRefused, match="built without CUDA"):
        ensure_built(unheard, machine=machine, command=child(COMPILE))
    assert not list((tmp_path / "cache").rglob("*.o"))


def test_the_child_sees_this_process_s_environment_and_the_additions(machine: Machine) -> None:
    script = "import os\nassert os.environ['PATH'] == " + repr(machine.environment["PATH"]) + "\n" + COMPILE
    assert ensure_built(unheard, machine=machine, command=child(script)) is not None
    assert set(build_environment(machine)) == {"MAX_JOBS", "TORCH_CUDA_ARCH_LIST", "TORCH_EXTENSIONS_DIR", "CUDA_HOME"}
    assert "TORCH_EXTENSIONS_DIR" not in os.environ
