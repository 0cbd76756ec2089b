"""Notebooks taken apart."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.index.files.notebook import Cell, cells_of, split_virtual, virtual_path


def code(source: str | list[str]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": [{"data": {"image/png": "A" * 100}}], "metadata": {}}


def notebook(*cells: dict[str, Any], language: str = "python") -> bytes:
    metadata = {"kernelspec": {"name": "any", "language": language}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}).encode()


def test_code_cells_keep_their_number_among_all_cells() -> None:
    text = {"cell_type": "markdown", "source": "# Title"}
    assert cells_of(notebook(text, code("x = 1\n"), text, code(["def f():\n", "    pass"]), code(""))) == (
        Cell(1, "python", "x = 1\n"),
        Cell(3, "python", "def f():\n    pass"),
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\nx = 1", "                  \nx = 1"),
        ("!pip install x\nx = 1", "              \nx = 1"),
        ("  !ls\nx", "     \nx"),
        ("files = !ls *.py\nx", "files = 0       \nx"),
        ("t = %timeit -o f()\nx", "t = 0             \nx"),
        ("f?\nx", "  \nx"),
        ("?f\nx", "  \nx"),
        ("%%time\nx = 1", "      \nx = 1"),
        ("y = ('%s'\n     % name)", "y = ('%s'\n     % name)"),
        ("y = (a\n     != b)", "y = (a\n     != b)"),
        ("y = a if b else c", "y = a if b else c"),
    ],
)
def test_magic_becomes_spaces_so_that_the_rest_stays_where_it_is(source: str, expected: str) -> None:
    (cell,) = cells_of(notebook(code(source)))
    assert cell.source == expected
    assert len(cell.source) == len(source)


@pytest.mark.parametrize(
    ("source", "language"),
    [
        ("%%bash\necho x", "bash"),
        ("%%sh\necho x", "bash"),
        ("%%javascript\nf()", "javascript"),
        ("%%sql\nselect 1", "sql"),
        ("%%writefile a/x.go\npackage x", "go"),
        ("x", "python"),
    ],
)
def test_a_cell_magic_names_another_language(source: str, language: str) -> None:
    (cell,) = cells_of(notebook(code(source)))
    assert cell.language == language


@pytest.mark.parametrize("source", ["%%latex\nx", "%%writefile x.unknown\nx", "%%writefile\nx", "%%R\nx"])
def test_cells_in_a_language_that_nobody_knows_are_left_out(source: str) -> None:
    assert cells_of(notebook(code(source), code("x"))) == (Cell(1, "python", "x"),)


@pytest.mark.parametrize(
    ("kernel", "language"), [("julia", "julia"), ("C++", "cpp"), ("python", "python"), ("rust", "rust")]
)
def test_the_kernel_says_the_language(kernel: str, language: str) -> None:
    assert [cell.language for cell in cells_of(notebook(code("x = 1"), language=kernel))] == [language]


def test_language_info_counts_where_the_kernel_says_nothing() -> None:
    content = {"cells": [code("x")], "metadata": {"kernelspec": {"name": "ir"}, "language_info": {"name": "julia"}}}
    assert [cell.language for cell in cells_of(json.dumps(content).encode())] == ["julia"]


def test_the_third_version_keeps_cells_in_worksheets() -> None:
    content = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"], "language": "python"}]}]}
    assert cells_of(json.dumps(content).encode()) == (Cell(0, "python", "x = 1"),)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"cells": 1}',
        b'{"cells": [1]}',
        b'{"cells": [{"cell_type": "code", "source": {}}]}',
        b"\xff\xfe",
        b'{"cells": ' + b"[" * 100_000,
        b" " * 9 * 1024 * 1024,
    ],
)
def test_a_broken_notebook_has_no_cells(content: bytes) -> None:
    assert cells_of(content) == ()


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.text(), st.lists).map(lambda value: json.dumps({"cells": value}).encode())
)
def test_no_content_makes_it_fail(content: bytes) -> None:
    assert isinstance(cells_of(content), tuple)


@given(st.text(st.sampled_from("ab =!%?\n()x.'"), max_size=40))
def test_taking_magic_out_moves_nothing(source: str) -> None:
    for cell in cells_of(notebook(code(source))):
        assert [len(line) for line in cell.source.split("\n")] == [len(line) for line in source.split("\n")]


def test_a_virtual_path_leads_back_to_its_notebook() -> None:
    assert virtual_path("a/x.ipynb", 3) == "a/x.ipynb#cell-3"
    assert split_virtual("a/x.ipynb#cell-3") == ("a/x.ipynb", 3)
    for path in ("a/x.ipynb", "a/x.py#cell-3", "a/x.ipynb#cell-", "a/x.ipynb#cell-3x"):
        assert split_virtual(path) is None
