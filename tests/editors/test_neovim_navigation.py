"""What a person who looks around in a real Neovim gets from the index, with the one setting that switches it on."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import COMPLETION_LIST
from .neovim import Neovim, printed_configuration

SWITCHED_ON = "vim.lsp.config('fimble', { init_options = { navigation = 'always' } })\n"
SHOP = '''"""A shop."""


class Shop:
    """Sells marmalade."""

    def open(self) -> None: ...
'''
MAIN = "from shop import Shop\n\nshop = Shop()\nshop.open()\n"
TEXT_OF_FLOATS = """(function()
    local text = {}
    for _, window in ipairs(vim.api.nvim_list_wins()) do
        if vim.api.nvim_win_get_config(window).relative ~= '' then
            vim.list_extend(text, vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true))
        end
    end
    return table.concat(text, '|')
end)()"""


@pytest.fixture(scope="module", params=["neovim_012", "neovim_011"])
def neovim(request: pytest.FixtureRequest, editors_place: dict[str, str]) -> Iterator[Neovim]:
    command = request.getfixturevalue(request.param)
    configuration = printed_configuration() if request.param == "neovim_012" else COMPLETION_LIST
    running = Neovim(command, configuration + SWITCHED_ON, editors_place)
    yield running
    running.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "main.py").write_text(MAIN)
    return tmp_path


def test_a_person_goes_to_a_definition_reads_about_it_and_sees_its_uses(neovim: Neovim, project: Path) -> None:
    neovim.edit(project / "main.py")
    neovim.type("3G$F(h")
    neovim.until(lambda: "class Shop" in description(neovim), "the description is shown")
    assert "Sells marmalade." in str(neovim.lua(TEXT_OF_FLOATS))
    neovim.type("<C-]>")
    neovim.until(lambda: neovim.lua("vim.fs.basename(vim.api.nvim_buf_get_name(0))") == "shop.py", "the place is shown")
    assert neovim.cursor[0] == 4
    neovim.type("grr")
    neovim.until(lambda: entries(neovim, "qf") >= ["class Shop:"], "the uses are listed")
    assert entries(neovim, "qf") == ["class Shop:", "from shop import Shop", "shop = Shop()"]
    neovim.type(":cclose<CR>gO")
    neovim.until(lambda: entries(neovim, "loc") == ["[Class] Shop", "[Method] open"], "the outline is listed")


def description(neovim: Neovim) -> str:
    """Asks what is under the cursor, and returns what is shown a moment later; the index may still be in the making."""
    # Not the key K, which means something else until the server is attached.
    neovim.type(":lua vim.lsp.buf.hover()<CR>")
    time.sleep(0.3)
    return str(neovim.lua(TEXT_OF_FLOATS))


def entries(neovim: Neovim, kind: str) -> list[str]:
    """Returns the entries of the quickfix or the location list, in the order of the alphabet."""
    argument = "0" if kind == "loc" else ""
    return sorted(str(entry["text"]) for entry in neovim.lua(f"vim.fn.get{kind}list({argument})"))
