"""A real Neovim without a screen, driven through its own remote control."""

import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
FIMBLE = Path(sys.executable).with_name("fimble")
PATIENCE_S = 10.0
_NUMBERS = itertools.count(1)

GHOST_TEXT = """(function()
    local space = vim.api.nvim_get_namespaces()["nvim.lsp.inline_completion"]
    local lines = {}
    for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space or -1, 0, -1, { details = true })) do
        lines[1] = table.concat(vim.tbl_map(function(chunk) return chunk[1] end, mark[4].virt_text or {}))
        for _, line in ipairs(mark[4].virt_lines or {}) do
            table.insert(lines, line[1][1])
        end
    end
    return table.concat(lines, "\\n")
end)()"""

SCREEN = """(function()
    vim.cmd.redraw()
    local rows = {}
    for row = 1, vim.api.nvim_buf_line_count(0) do
        local cells = {}
        for column = 1, vim.o.columns do
            cells[column] = vim.fn.screenstring(row, column)
        end
        rows[row] = vim.trim(table.concat(cells))
    end
    return rows
end)()"""


def printed_configuration() -> str:
    """Returns the Neovim configuration that quickstart prints."""
    printed = (REPOSITORY / "scripts" / "lib" / "attach.txt").read_text("utf-8")
    return "\n".join(re.findall(r"^ +(vim\..*)$", printed, re.MULTILINE)) + "\n"


def version_of(command: Path) -> tuple[int, int]:
    """Returns the version of a Neovim, for example (0, 12)."""
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"NVIM v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class Neovim:
    """One Neovim and the server that it starts; what it is asked is Lua and what it answers is JSON."""

    def __init__(self, command: Path, configuration: str, environment: dict[str, str]) -> None:
        place = Path(environment["XDG_RUNTIME_DIR"])
        name = f"neovim-{'.'.join(map(str, version_of(command)))}-{next(_NUMBERS)}"
        self.file = Path()
        self._command = command
        self._address = str(place / f"{name}.sock")
        self._log = Path(environment["XDG_STATE_HOME"]) / name / "lsp.log"
        self._logged = 0
        init = place / f"{name}.lua"
        init.write_text(configuration.replace("@FIMBLE@", str(FIMBLE)))
        self._output = (place / f"{name}.out").open("w+")
        self._process = subprocess.Popen(
            [command, "--headless", "-n", "-i", "NONE", "--listen", self._address, "-u", str(init)],
            env=os.environ | environment | {"NVIM_APPNAME": name},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
        )
        self.until(lambda: Path(self._address).exists(), "Neovim listens")

    def edit(self, file: Path) -> None:
        """Opens this file and no other, forgets what has been said so far, and waits for the server."""
        self.type("<Esc>")
        self.lua(f"vim.cmd('silent %bwipeout! | silent edit {file} | messages clear')")
        self.file = file
        self._logged = len(self._log.read_text("utf-8")) if self._log.exists() else 0
        self.until(
            lambda: self.lua("(vim.lsp.get_clients({ bufnr = 0 })[1] or {}).initialized == true"), "the server answers"
        )

    def close(self) -> None:
        """Ends it, and the server with it."""
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._output.close()

    def lua(self, expression: str) -> Any:
        """Returns the value of a Lua expression."""
        question = f"luaeval('vim.json.encode({expression.replace(chr(39), chr(39) * 2)})')"
        arguments = [self._command, "--server", self._address, "--remote-expr", question.replace("\n", " ")]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        return json.loads(done.stdout)

    def type(self, keys: str) -> None:
        """Presses keys, in Neovim's notation, and waits until they have done what they do."""
        self.lua(f"vim.api.nvim_input({json.dumps(keys, ensure_ascii=False)})")

    @property
    def ghost_text(self) -> str:
        """The suggestion on the screen, without what was typed already."""
        return str(self.lua(GHOST_TEXT))

    @property
    def lines(self) -> list[str]:
        """The text of the file as it is being edited."""
        return list(self.lua("vim.api.nvim_buf_get_lines(0, 0, -1, true)"))

    @property
    def cursor(self) -> tuple[int, int]:
        """The line, from 1, and the byte in it."""
        line, column = self.lua("vim.api.nvim_win_get_cursor(0)")
        return line, column

    @property
    def screen(self) -> list[str]:
        """What a person sees of the file's lines."""
        return list(self.lua(SCREEN))

    @property
    def complaints(self) -> list[str]:
        """All that went wrong in the eyes of Neovim."""
        logged = self._log.read_text("utf-8")[self._logged :].splitlines() if self._log.exists() else []
        said = self.lua("vim.api.nvim_exec2('messages', { output = true }).output")
        return [line for line in logged if line.startswith(("[ERROR]", "[WARN]"))] + re.findall(
            r".*(?:Error|E\d+:|callback:|LSP\[|fimble).*", said
        )

    def save(self) -> bytes:
        """Leaves insert mode, writes the file and returns what is in it then."""
        self.type("<Esc>:write<CR>")
        self.until(lambda: not self.lua("vim.bo.modified"), "the file is written")
        return self.file.read_bytes()

    def sees_ghost_text(self, expected: str) -> None:
        """Waits until exactly this is suggested."""
        self.until(lambda: self.ghost_text == expected, f"{expected!r} is suggested", lambda: repr(self.ghost_text))

    def has_lines(self, *expected: str) -> None:
        """Waits until exactly this is in the file."""
        self.until(lambda: self.lines == list(expected), f"{expected} is there", lambda: str(self.lines))

    def settle(self) -> None:
        """Waits until every question about the text as it is now has been asked and answered.

        Neovim asks 200 ms after the last key; that a question is under way cannot be seen from outside before.
        """
        time.sleep(0.3)
        self.until(lambda: self.lua("vim.tbl_isempty(vim.lsp.get_clients()[1].requests)"), "all is answered")

    def until(self, is_true: Callable[[], Any], wish: str, found: Callable[[], str] = str) -> None:
        """Waits until something is the case."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_true():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._output.seek(0)
                raise AssertionError(f"Not so: {wish}. {found()} {self._output.read()[-2000:]}")
            time.sleep(0.02)
