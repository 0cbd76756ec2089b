"""Indentation as the file has it; four spaces are what models write when they are not sure."""

import pytest

from fimble.features.completion.filters.indentation import restyled
from tests.unit.features.completion.holes import around


def block(indent: str) -> str:
    """A file that is indented by `indent`, with the cursor at its end."""
    return f"def f(a):\n{indent}if a:\n{indent * 2}g()\n{indent}for x in a:\n{indent * 2}h()\n\ndef i(a):$0\n"


WRITTEN = "\n    if a:\n        b()\n    c()"


@pytest.mark.parametrize("indent", ["  ", "   ", "        ", "\t"])
def test_a_text_takes_the_files_indentation(indent: str) -> None:
    assert restyled(WRITTEN, around(block(indent))) == f"\n{indent}if a:\n{indent * 2}b()\n{indent}c()"


def test_a_text_that_has_the_files_indentation_stays() -> None:
    assert restyled(WRITTEN, around(block("    "))) == WRITTEN


def test_tabs_become_spaces() -> None:
    assert restyled("\n\tif a:\n\t\tb()", around(block("   "))) == "\n   if a:\n      b()"


def test_levels_count_from_the_cursors_line() -> None:
    document = "def f():\n\tif a:\n\t\tb()\n\tif c:$0\n"
    assert restyled("\n        d()\n    e()", around(document)) == "\n\t\td()\n\te()"


def test_what_aligns_with_a_bracket_keeps_its_columns_beyond_the_levels() -> None:
    document = block("  ")
    assert restyled("\n    if a:\n        b(c,\n          d)", around(document)) == "\n  if a:\n    b(c,\n      d)"


def test_a_step_that_the_file_has_too_stays() -> None:
    document = "def f():\n  if a:\n    g()\nclass C:\n    x = 1\n    def h(self):$0\n"
    assert restyled("\n        if a:\n            b()", around(document)) == "\n        if a:\n            b()"


@pytest.mark.parametrize("document", ["x = 1\ndef f():$0\n", "def f():$0\n"])
def test_a_file_that_tells_nothing_changes_nothing(document: str) -> None:
    assert restyled(WRITTEN, around(document)) == WRITTEN


def test_a_deeper_continuation_is_no_level() -> None:
    document = block("    ")
    written = "\n    x = f(\n            a,\n    )\n    if b:\n        c()"
    assert restyled(written, around(document)) == written
