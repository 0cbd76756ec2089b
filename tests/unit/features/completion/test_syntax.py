"""What the grammar says about a text in a hole."""

import pytest

from fimble.features.completion.frame import (
    AFTER_CHARACTERS_MAX,
    BEFORE_CHARACTERS_MAX,
    Frame,
    grammar_of,
    window_around,
)
from fimble.features.completion.syntax import Syntax
from fimble.index.languages import LANGUAGES
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text
from tests.unit.features.completion.holes import hole, syntax


@pytest.mark.parametrize(
    ("language", "document", "written", "line", "ends"),
    [
        ("python", "def f():\n    x = $0\n", "1", "    y = 2", True),
        ("python", "def f():\n    x = $0\n", "g(1,", "      2)", None),
        ("python", "def f():\n    $0\n", "x = 1", "    y = 2", None),
        ("python", "def f():\n    $0\n", "x = 1", "g()", True),
        ("python", "def f():\n    if a$0\n", ":\n        b", "    else:", None),
        ("python", "def f():\n    if a$0\n", ":\n        b", "    c", True),
        ("javascript", "function f() {\n  a$0\n}\n", " = 1;", "  b = 2;", True),
        ("javascript", "function f() {\n  a$0\n}\n", "\n    .b()", "    .c();", None),
        ("javascript", "function f() {\n  $0\n", "a();", "}", True),
        ("go", "func f() {\n\ta$0\n}\n", " := 1", "\tb := 2", True),
        ("rust", "fn f() {\n    let a$0\n}\n", " = 1;", "    let b = 2;", True),
        ("java", "class A {\n  void f() {\n    int a$0\n  }\n}\n", " = 1;", "    int b;", True),
        ("c", "int f() {\n  int a$0\n}\n", " = 1;", "  int b;", True),
        ("ruby", "def f\n  a$0\nend\n", " = 1", "  b = 2", True),
    ],
)
def test_a_node_ends_before_what_is_no_part_of_it(
    language: str, document: str, written: str, line: str, ends: bool | None
) -> None:
    found = syntax(document, language).ends_before(written, line)
    if ends is None:
        # Not known, or not ended; the rules for text go on.
        assert found is not True
    else:
        assert found is ends


def test_a_string_is_left_only_where_it_ends() -> None:
    grammar = syntax("def f():\n    $0\n    return a\n")
    assert grammar.ends_before('a = """\nb', 'c"""') is False
    assert grammar.ends_before('a = """\nb\nc"""', "d = 1") is True


def test_errors_are_counted_with_and_without_a_text() -> None:
    grammar = syntax("def f():\n    x = g($0\n\n\ndef h():\n    pass\n")
    assert grammar.errors("1)") == 0
    broken = grammar.errors("")
    assert broken is not None
    assert broken > 0
    assert grammar.errors_without_line() == 0
    grammar = syntax("print($0)\n")
    assert grammar.errors("x") == 0
    assert grammar.errors("x)") != 0
    assert grammar.errors("x)", 1) == 0


@pytest.mark.parametrize(
    ("language", "document", "is_text"),
    [
        ("python", 'x = "a$0"\n', True),
        ("python", "# a$0\n", True),
        ("python", "x = a$0\n", False),
        ("python", 'def f():\n    """Doc.\n\n    $0\n    """\n', True),
        ("javascript", "x = `a ${b$0} c`\n", False),
        ("javascript", "x = `a $0 c`\n", True),
    ],
)
def test_strings_and_comments_are_told(language: str, document: str, is_text: bool) -> None:
    assert syntax(document, language).is_text is is_text


def test_a_parse_that_takes_too_long_is_given_up_for_good() -> None:
    snapshot, offset = hole("x = 1\n" * 500 + "$0\n")
    grammar = grammar_of(LANGUAGES[0])
    assert grammar is not None
    window = window_around(snapshot.text, offset)
    bounded = Syntax(Frame(grammar, window, steps_max=2), "", "")
    assert bounded.errors("y = 1") is None
    assert bounded.ends_before("y = 1", "z = 1") is None
    assert bounded.is_given_up
    # The same text within the usual bound.
    assert Syntax(Frame(grammar, window), "", "").errors("y = 1") == 0


def test_only_a_window_is_parsed_that_does_not_begin_inside_of_a_docstring() -> None:
    method = '    def f(self):\n        """One.\n\n        Two: (three.\n        """\n        return 1\n\n'
    document = f"class A:\n{method * 200}    def g(self):\n        $0\n\n{method * 200}"
    snapshot, offset = hole(document)
    grammar = syntax(document)
    window = window_around(snapshot.text, offset)
    assert len(window.above + window.line_before) <= BEFORE_CHARACTERS_MAX
    assert len(window.line_after + window.below) <= AFTER_CHARACTERS_MAX
    assert grammar.errors("return 2") == 0
    assert grammar.errors("return ]") != 0
    assert not grammar.is_text


def test_a_language_without_a_grammar_has_no_syntax() -> None:
    snapshot = Snapshot(uri="file:///a", path="a", language="cobol", version=1, text=Text.from_string("x"))
    assert Syntax.of(snapshot, 0) is None


def test_line_ends_of_windows_change_nothing() -> None:
    snapshot, offset = hole("def f():\r\n    x = $0\r\n    return x\r\n")
    grammar = Syntax.of(snapshot, offset)
    assert grammar is not None
    assert grammar.errors("1\n    y = 2") == 0
    assert grammar.ends_before("1", "    y = 2") is True


def test_places_are_counted_in_bytes() -> None:
    grammar = syntax("def f():\n    ä = 'ö' + $0\n    return ä\n")
    assert grammar.ends_before("'ü'", "    ß = 1") is True
    assert syntax("def f():\n    $0\n").first_statement("ä = 'ö'\n    ü = 1") == "ä = 'ö'"
