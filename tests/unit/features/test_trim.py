"""Where ghost text ends. `$0` is the cursor; each case is a document, what the model writes, and what is shown."""

import pytest

from fimble.features.completion.shown import surroundings
from fimble.features.completion.trim import (
    Surroundings,
    Trimmed,
    aligned,
    covered_length,
    finished,
    trim,
    without_broken_end,
)
from fimble.workspace.text import Text


def around(document: str) -> Surroundings:
    offset = document.index("$0")
    text = Text.from_string(document.replace("$0", "", 1))
    return surroundings(text, offset)


CASES = [
    (
        "one statement inside a function",
        "def f():\n    return $0\n\n\ndef g():\n    pass\n",
        "a + b\n\n\ndef h():\n",
        "a + b",
        "blank-line",
    ),
    (
        "a statement ends where the next one begins",
        "def f():\n    x = $0\n",
        "1\n    y = 2\n    return x",
        "1",
        "statement-end",
    ),
    (
        "an open bracket holds the statement together",
        "x = $0\n",
        "foo(\n    1,\n    2,\n)\ny = 3\n",
        "foo(\n    1,\n    2,\n)",
        "statement-end",
    ),
    (
        "a body belongs to its header",
        "for x in y$0\n",
        ":\n    print(x)\n    count += 1\nprint(count)\n",
        ":\n    print(x)\n    count += 1",
        "statement-end",
    ),
    (
        "a header ends where its body stands below",
        "for s in t:\n    $0\n        if c == '7':\n            n += 1\n",
        "for c in s:\n        if c == '7':\n            n += 1\n    return n\n",
        "for c in s:",
        "body-below",
    ),
    (
        "a header ends where its body stands below, with braces as well",
        "function f() {\n  $0\n    return 1;\n  }\n}\n",
        "if (x) {\n    return 1;\n  }\n",
        "if (x) {",
        "body-below",
    ),
    (
        "what stands below at the same depth is no body",
        "def f():\n    $0\n    return 1\n",
        "for c in s:\n        n += 1\n    return 1\n",
        "for c in s:\n        n += 1",
        "meets-text-below",
    ),
    (
        "else belongs to if",
        "if a$0\n",
        ":\n    b()\nelse:\n    c()\nd()\n",
        ":\n    b()\nelse:\n    c()",
        "statement-end",
    ),
    (
        "a closing brace belongs to its block",
        "function f() {$0\n",
        "\n  return 1;\n}\nf();\n",
        "\n  return 1;\n}\nf();",
        None,
    ),
    (
        "a block ends where the indentation falls back",
        "def f():\n    $0\n",
        "a = 1\n    return a\nprint(f())\n",
        "a = 1\n    return a",
        "scope-end",
    ),
    (
        "a block ends at a blank line",
        "def f():\n    $0\n",
        "a = 1\n\n    b = 2\n",
        "a = 1",
        "blank-line",
    ),
    (
        "what stands below is not written again",
        "def f():\n    $0\n    return total\n",
        "total = 1\n    return total\n",
        "total = 1",
        "meets-text-below",
    ),
    (
        "with text after the cursor only the line is filled",
        "print($0, end='')\n",
        "x\ny = 1\n",
        "x",
        "text-after-cursor",
    ),
    (
        "the rest of the line is not doubled",
        "foo(a, $0)\n",
        "b)\n",
        "b",
        "text-after-cursor",
    ),
    (
        "words of the rest of the line are not doubled",
        "const $0 = useState(0)\n",
        "[a, setA] = useState(0);\n",
        "[a, setA]",
        "text-after-cursor",
    ),
    (
        "a branch may return what the function returns below",
        "def f():\n    if a:\n        b()\n    $0\n    return 'F'\n",
        "else:\n        return 'F'\n",
        "else:\n        return 'F'",
        None,
    ),
    ("a fence is not code", "x = $0\n", "1\n```\nThis is\n", "1", "fence"),
    ("a fence at the start means nothing", "x = $0\n", "```python\nx = 1\n", "", "fence"),
    (
        "a line that comes again and again is dropped",
        "a = [\n    $0\n",
        "1,\n    1,\n    1,\n    1,\n",
        "1,\n    1,",
        None,
    ),
]


@pytest.mark.parametrize(
    ("document", "written", "shown", "rule"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_ghost_text_ends(document: str, written: str, shown: str, rule: str | None) -> None:
    place = around(document)
    result = trim(written, place, is_complete=True)
    if rule is not None:
        assert result == Trimmed(shown, rule)
    else:
        assert result.text.startswith(shown)


@pytest.mark.parametrize(("document", "written"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_reading_piece_by_piece_ends_where_reading_at_once_does(document: str, written: str) -> None:
    place = around(document)
    at_once = trim(written, place, is_complete=True)
    for end in range(len(written) + 1):
        partial = trim(written[:end], place, is_complete=False)
        if partial.rule is not None:
            assert partial == at_once
            return
    assert trim(written, place, is_complete=True) == at_once


@pytest.mark.parametrize(
    ("document", "text", "length"),
    [
        ("print($0)\n", "x):", 1),
        ("print($0)\n", "x", 0),
        ("print($0)\n", "f(x)", 0),
        ("print($0\n", "x)", 0),
        ("foo([$0])\n", "1], 2):", 2),
        ("a $0 b\n", "= (1)", 0),
    ],
)
def test_a_bracket_that_the_text_closes_itself_is_replaced(document: str, text: str, length: int) -> None:
    assert covered_length(text, around(document)) == length


@pytest.mark.parametrize(
    ("document", "written", "shown"),
    [
        ("function f() {\n  $0\n}\n", "  return 1;\n    g();", "return 1;\n  g();"),
        ("function f() {\n  $0\n}\n", "return 1;", "return 1;"),
        ("def f():\n$0\n", "    return 1", "    return 1"),
        ("x = $0\n", " 1", " 1"),
    ],
)
def test_indentation_that_is_there_already_is_not_written_again(document: str, written: str, shown: str) -> None:
    assert aligned(written, around(document)) == shown


@pytest.mark.parametrize(
    ("document", "text", "shown"),
    [
        ("switch (x) {\n    case 0: return 1;\n    $0\n    default:\n}\n", "}", ""),
        ("foo(\n    a,\n    $0\nbar()\n", ")", ")"),
        ('def f():\n    """$0\n    return 1\n', "Return one.", 'Return one."""'),
        ('def f():\n    """$0"""\n', "Return one.", "Return one."),
        ('def f():\n    """$0\n    More.\n    """\n', "Return one.", "Return one."),
        ("x = $0\n", "1", "1"),
        ("for j in k:\n    $0\n        return False\n", "if n % j == 0: return False", "if n % j == 0:"),
        ("for j in k:\n    $0\n    return False\n", "if n % j == 0: return False", "if n % j == 0: return False"),
    ],
)
def test_what_is_open_is_closed_and_what_is_needed_stays_open(document: str, text: str, shown: str) -> None:
    assert finished(text, around(document)) == shown


def test_text_cut_by_its_limit_loses_its_broken_last_line() -> None:
    assert without_broken_end("a = 1\nb = so") == "a = 1"
    assert without_broken_end("a = so") == "a = so"
    assert without_broken_end("\na = so") == "\na = so"
