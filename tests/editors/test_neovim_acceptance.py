"""What Fimble learns of an accept in a real Neovim, and what it says when asked why."""

import re
from pathlib import Path

from fimble.features.acceptance.store import Store, StoredRow

from .conftest import Edit
from .neovim import REPOSITORY, Neovim

LAST_WINDOW = """(function()
    local windows = vim.api.nvim_list_wins()
    return vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(windows[#windows]), 0, -1, true)
end)()"""


def accepted(state_home: str) -> list[StoredRow]:
    path = Path(state_home) / "fimble" / "statistics.db"
    if not path.exists():
        return []
    store = Store.open(path)
    try:
        return [row for row in store.rows(0) if row.accepts]
    finally:
        store.close()


def accept_after_typing_along(neovim: Neovim) -> None:
    neovim.type("Gototal ")
    neovim.sees_ghost_text("= first + second")
    neovim.type("= ")
    neovim.sees_ghost_text("first + second")
    neovim.settle()
    neovim.type("<M-l>")
    neovim.has_lines("first = 1", "total = first + second")


def test_an_accept_is_counted_without_what_was_typed(edit: Edit, editors_place: dict[str, str]) -> None:
    neovim = edit("first = 1\n")
    before = len(accepted(editors_place["XDG_STATE_HOME"]))
    accept_after_typing_along(neovim)
    neovim.until(lambda: len(accepted(editors_place["XDG_STATE_HOME"])) == before + 1, "the accept is counted")
    row = accepted(editors_place["XDG_STATE_HOME"])[-1]
    assert (row.characters, row.typed_characters, row.accepted_characters) == (16, 2, 14)
    assert (row.language, row.model, row.is_whole, row.accepts) == ("python", "scripted", True, 1)
    assert neovim.complaints == []


def test_the_documented_key_shows_why(edit: Edit, editors_place: dict[str, str]) -> None:
    neovim = edit("first = 1\n")
    accept_after_typing_along(neovim)
    extensions = (REPOSITORY / "server" / "fimble" / "lsp" / "EXTENSIONS.md").read_text("utf-8")
    script = Path(editors_place["XDG_RUNTIME_DIR"]) / "why.lua"
    script.write_text("vim.g.mapleader = ' '\n" + re.findall(r"```lua\n(.*?)```", extensions, re.DOTALL)[-1])
    neovim.type("<Esc>")
    neovim.lua(f"vim.cmd('luafile {script}')")
    neovim.type("<Space>w")
    neovim.until(lambda: neovim.lua(LAST_WINDOW)[:1] == ["# Why this suggestion?"], "the window says why")
    said = neovim.lua(LAST_WINDOW)
    assert "sample.py, line 2, column 9 · asked for by typing · written by scripted" in said
    assert any(line.startswith("**Prompt:** ") for line in said)
    assert neovim.complaints == []
