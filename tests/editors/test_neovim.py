"""What a person who types in a real Neovim sees and gets."""

import pytest

from .conftest import Open

ACCEPT = "<M-l>"


def test_ghost_text_is_shown_and_accepting_it_writes_exactly_that(edit: Open) -> None:
    neovim = edit("first = 1\n")
    neovim.type("Gototal ")
    neovim.sees_ghost_text("= first + second")
    assert neovim.lines == ["first = 1", "total "]
    assert neovim.screen == ["first = 1", "total = first + second"]
    neovim.type(ACCEPT)
    neovim.has_lines("first = 1", "total = first + second")
    assert neovim.cursor == (2, len("total = first + second"))
    assert neovim.complaints == []


def test_several_lines_are_shown_and_accepted(edit: Open) -> None:
    neovim = edit("first = 1\n\nlast = 2\n")
    neovim.type("jSdef describe(sample)")
    neovim.sees_ghost_text(":\n    size = len(sample)\n    return size")
    neovim.type(ACCEPT)
    neovim.has_lines("first = 1", "def describe(sample):", "    size = len(sample)", "    return size", "last = 2")
    assert neovim.cursor == (4, len("    return size"))
    assert neovim.complaints == []


def test_undo_takes_back_the_suggestion_and_not_what_was_typed(edit: Open) -> None:
    neovim = edit("")
    neovim.type("itotal ")
    neovim.sees_ghost_text("= first + second")
    neovim.type(ACCEPT)
    neovim.has_lines("total = first + second")
    neovim.type("<Esc>u")
    neovim.has_lines("total ")


def test_typing_along_the_suggestion_uses_it_up(edit: Open) -> None:
    neovim = edit("")
    neovim.type("itotal ")
    neovim.sees_ghost_text("= first + second")
    neovim.type("= f")
    neovim.sees_ghost_text("irst + second")
    neovim.settle()
    neovim.sees_ghost_text("irst + second")
    neovim.type(ACCEPT)
    neovim.has_lines("total = first + second")
    assert neovim.complaints == []


def test_typing_against_the_suggestion_leaves_nothing_stale(edit: Open) -> None:
    neovim = edit("")
    neovim.type("itotal ")
    neovim.sees_ghost_text("= first + second")
    neovim.type("<BS><BS>ly")
    neovim.settle()
    neovim.sees_ghost_text("")
    neovim.type(ACCEPT)
    neovim.has_lines("totaly")
    assert neovim.complaints == []


def test_a_change_of_line_leaves_nothing_stale(edit: Open) -> None:
    neovim = edit("\nunrelated = 1\n")
    neovim.type("itotal ")
    neovim.sees_ghost_text("= first + second")
    neovim.type("<Down><End>")
    neovim.settle()
    assert "first" not in neovim.ghost_text
    assert neovim.complaints == []


def test_leaving_insert_mode_takes_the_ghost_text_away(edit: Open) -> None:
    neovim = edit("")
    neovim.type("itotal ")
    neovim.sees_ghost_text("= first + second")
    neovim.type("<Esc>")
    neovim.sees_ghost_text("")
    assert neovim.save() == b"total \n"


def test_the_tab_key_still_indents(edit: Open) -> None:
    neovim = edit("")
    neovim.type(":set noexpandtab softtabstop=0<CR>itotal ")
    neovim.sees_ghost_text("= first + second")
    neovim.type("<Tab>")
    neovim.has_lines("total \t")


def test_text_after_the_cursor_stays_in_sight_and_in_the_file(edit: Open) -> None:
    neovim = edit('print( , end="")\n')
    neovim.type("f,i")
    neovim.sees_ghost_text('"größe 😀", value')
    assert neovim.screen == ['print( "größe 😀", value, end="")']
    neovim.type(ACCEPT)
    neovim.has_lines('print( "größe 😀", value, end="")')
    assert neovim.complaints == []


def test_wide_characters_before_the_cursor_do_not_move_the_suggestion(edit: Open) -> None:
    neovim = edit("")
    neovim.type('i"ä😀ß"; print(')
    neovim.sees_ghost_text('"größe 😀", value')
    neovim.type(ACCEPT)
    neovim.has_lines('"ä😀ß"; print("größe 😀", value')
    assert neovim.cursor == (1, len('"ä😀ß"; print("größe 😀", value'.encode()))


def test_a_file_with_windows_line_ends_keeps_exactly_those(edit: Open) -> None:
    neovim = edit("first = 1\r\n\r\n")
    neovim.type("jidef describe(sample)")
    neovim.sees_ghost_text(":\n    size = len(sample)\n    return size")
    neovim.type(ACCEPT)
    neovim.has_lines("first = 1", "def describe(sample):", "    size = len(sample)", "    return size")
    assert neovim.save() == b"first = 1\r\ndef describe(sample):\r\n    size = len(sample)\r\n    return size\r\n"


def test_accepting_right_after_a_backspace_is_harmless(edit: Open) -> None:
    neovim = edit("")
    neovim.type("itotal ")
    neovim.sees_ghost_text("= first + second")
    neovim.type(f"<BS>{ACCEPT}")
    neovim.settle()
    assert neovim.lines[0] in ("total", "total = first + second")
    assert neovim.complaints == []


def test_accepting_right_after_a_key_along_the_suggestion_writes_it_once(edit: Open) -> None:
    neovim = edit("")
    neovim.type("itotal ")
    neovim.sees_ghost_text("= first + second")
    neovim.type(f"={ACCEPT}")
    neovim.has_lines("total = first + second")


@pytest.mark.parametrize("typed", ["total ", 'x = 1; print('])
def test_neovim_011_accepts_the_whole_suggestion_from_its_completion_list(edit_011: Open, typed: str) -> None:
    expected = {"total ": "= first + second"}.get(typed, '"größe 😀", value')
    neovim = edit_011("")
    neovim.type(f"i{typed}<C-x><C-o>")
    neovim.until(lambda: neovim.lua("vim.fn.pumvisible()"), "the list is shown")
    neovim.type("<C-n><C-y>")
    neovim.has_lines(typed + expected)
    assert neovim.cursor == (1, len((typed + expected).encode()))
    assert neovim.complaints == []


def test_neovim_011_accepts_several_lines_from_its_completion_list(edit_011: Open) -> None:
    neovim = edit_011("class Sample:\n    pass\n")
    neovim.type("Go    def describe(sample)<C-x><C-o>")
    neovim.until(lambda: neovim.lua("vim.fn.pumvisible()"), "the list is shown")
    neovim.type("<C-n><C-y>")
    neovim.has_lines("class Sample:", "    pass", "    def describe(sample):", "        size = len(sample)")
