"""Where ghost text ends. `$0` is the cursor; each case is a document, what the model writes, and what is shown."""

import pytest

from fimble.features.completion.trim import Trimmed, aligned, trim, without_broken_end
from tests.unit.features.completion.holes import around, syntax

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
        "a branch may return what the function returns below",
        "def f():\n    if a:\n        b()\n    $0\n    return 'F'\n",
        "else:\n        return 'F'\n",
        "else:\n        return 'F'",
        None,
    ),
    ("a fence is not code", "x = $0\n", "1\n```\nThis is\n", "1", "fence"),
    ("a fence at the start means nothing", "x = $0\n", "```python\nx = 1\n", "", "fence"),
    (
        "a line that comes again and again is shown once",
        "    $0\n",
        "go(1)\n    x\n    x\n    x\n    x\n",
        "go(1)\n    x",
        "repetition",
    ),
    (
        "lines that come again are shown once",
        "    $0\n",
        "go(1)\n    x = 1\n    y = 2\n    x = 1\n    y = 2\n    z = 3\n",
        "go(1)\n    x = 1\n    y = 2",
        "repetition",
    ),
    ("a name that comes again and again is shown once", "f($0\n", "a, a, a, a, a, a", "a,", "repetition"),
    (
        "a string is not left for its indentation",
        "def f():\n    $0\n",
        'query = """\nSELECT 1\n"""\n    return query\ng()\n',
        'query = """\nSELECT 1\n"""\n    return query',
        "scope-end",
    ),
    ("control tokens are not code", "x = $0\n", "1<|fim_suffix|>2\n", "1", "control-token"),
    ("a control token at the start means nothing", "x = $0\n", "<|endoftext|>1", "", "control-token"),
    (
        "several lines go between brackets, up to the one that closes",
        "x = f($0)\n",
        "\n    a,\n    g(b),\n)\ny = 1\n",
        "\n    a,\n    g(b),\n",
        "closes-bracket",
    ),
    (
        "a list of arguments goes on in the next line",
        "x = f($0)\n",
        "a,\n      g(')', b))\ny = 1\n",
        "a,\n      g(')', b)",
        "closes-bracket",
    ),
    (
        "what is not between the brackets does not go there",
        "    x = f($0)\n",
        "\n    y = 1\n",
        "",
        "text-after-cursor",
    ),
    (
        "the last item of a list may be followed by others in the file",
        "x = [\n    $0\n    3,\n    4,\n]\n",
        "1,\n    2,\n    3\n]\n",
        "1,\n    2,",
        "meets-text-below",
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


NODES = [
    (
        "a bracket at another depth closes its block",
        "func f() {\n\tfor {\n\t$0\n",
        "x()\n\t}\n\ty()\n}\n",
        "x()",
        "scope-end",
    ),
    (
        "a statement ends where the grammar says",
        "def f():\n    a = $0\n",
        "[\n  1]\n    b = 2\n",
        "[\n  1]",
        "statement-end",
    ),
    (
        "a branch belongs to its condition",
        "def f():\n    if a$0\n",
        ":\n        b()\n    elif c:\n        d()\n    e()\n",
        ":\n        b()\n    elif c:\n        d()",
        "statement-end",
    ),
]


@pytest.mark.parametrize(
    ("document", "written", "shown", "rule"),
    [case[1:] for case in NODES],
    ids=[case[0] for case in NODES],
)
def test_ghost_text_ends_with_its_syntax_node(document: str, written: str, shown: str, rule: str) -> None:
    language = "go" if document.startswith("func") else "python"
    grammar = syntax(document, language)
    place = around(document, language)
    assert trim(written, place, is_complete=True, ends_before=grammar.ends_before) == Trimmed(shown, rule)


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


def test_text_cut_by_its_limit_loses_its_broken_last_line() -> None:
    assert without_broken_end("a = 1\nb = so") == "a = 1"
    assert without_broken_end("a = so") == "a = so"
    assert without_broken_end("\na = so") == "\na = so"
