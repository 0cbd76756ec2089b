"""Documents and notebooks as an editor opens, changes and closes them."""

import pytest

from fimble.errors import PositionInvalid
from fimble.workspace.documents import Cell, Documents, Edit
from fimble.workspace.paths import Folder
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Encoding

URI = "file:///home/user/project/src/a.py"


def open_documents(content: str = "one\ntwo\n") -> Documents:
    documents = Documents()
    documents.folders = (Folder.from_uri("file:///home/user/project"),)
    documents.open(URI, "python", 1, content)
    return documents


def current(documents: Documents, uri: str = URI) -> Snapshot:
    snapshot = documents.snapshot(uri)
    assert snapshot is not None
    return snapshot


def test_a_snapshot_tells_what_was_opened() -> None:
    snapshot = current(open_documents())
    assert (snapshot.path, snapshot.language, snapshot.version) == ("src/a.py", "python", 1)
    assert snapshot.text.content == "one\ntwo\n"
    assert snapshot.preceding_cells == ()


def test_edits_apply_in_their_order() -> None:
    documents = open_documents()
    documents.change(
        URI,
        2,
        [
            Edit(text="1", start=(0, 0), end=(0, 3)),
            Edit(text="\nx", start=(0, 1), end=(0, 1)),
            Edit(text="", start=(2, 0), end=(3, 0)),
        ],
    )
    assert current(documents).text.content == "1\nx\n"
    assert current(documents).version == 2


def test_an_edit_without_places_replaces_everything() -> None:
    documents = open_documents()
    documents.change(URI, 2, [Edit(text="new")])
    assert current(documents).text.content == "new"


def test_places_are_counted_in_the_agreed_encoding() -> None:
    documents = open_documents("😀x")
    documents.encoding = Encoding.UTF_8
    documents.change(URI, 2, [Edit(text="!", start=(0, 4), end=(0, 5))])
    assert current(documents).text.content == "😀!"


def test_a_snapshot_does_not_change_with_its_document() -> None:
    documents = open_documents()
    before = current(documents)
    documents.change(URI, 2, [Edit(text="new")])
    assert before.text.content == "one\ntwo\n"


def test_an_impossible_edit_changes_nothing() -> None:
    documents = open_documents()
    with pytest.raises(PositionInvalid):
        documents.change(URI, 2, [Edit(text="x", start=(0, 0), end=(0, 0)), Edit(text="", start=(0, -1), end=(0, 0))])
    assert current(documents).text.content == "one\ntwo\n"


def test_a_range_that_is_given_backwards_is_the_same_range() -> None:
    documents = open_documents()
    documents.change(URI, 2, [Edit(text="-", start=(1, 1), end=(0, 1))])
    assert current(documents).text.content == "o-wo\n"


def test_a_change_of_an_unknown_document_is_ignored() -> None:
    documents = open_documents()
    documents.change("file:///other.py", 2, [Edit(text="x")])
    documents.close("file:///other.py")
    assert documents.snapshot("file:///other.py") is None


def test_versions_may_be_missing_or_decrease() -> None:
    documents = open_documents()
    documents.change(URI, None, [])
    assert current(documents).version == 2
    documents.change(URI, 1, [])
    assert current(documents).version == 1


def test_a_closed_document_is_gone() -> None:
    documents = open_documents()
    documents.close(URI)
    assert documents.snapshot(URI) is None


@pytest.mark.parametrize(
    ("content", "is_too_large"),
    [
        ("x\n" * 2 * 1024 * 1024, False),
        ("x\n" * 2 * 1024 * 1024 + "x", True),
        ("é" * 19_000 + "\n", False),
        ("x" * 20_001, True),
    ],
)
def test_what_is_too_large_is_followed_but_marked(content: str, is_too_large: bool) -> None:
    documents = open_documents(content)
    assert documents.is_too_large(URI) is is_too_large
    assert current(documents).text.content == content


def test_a_document_that_shrinks_is_no_longer_too_large() -> None:
    documents = open_documents("x" * 30_000)
    documents.change(URI, 2, [Edit(text="\n", start=(0, 15_000), end=(0, 15_000))])
    assert not documents.is_too_large(URI)


NOTEBOOK = "file:///home/user/project/book.ipynb"
CELLS = [f"vscode-notebook-cell:/home/user/project/book.ipynb#W{number}" for number in range(4)]


def open_notebook() -> Documents:
    documents = open_documents()
    documents.open_notebook(NOTEBOOK, [Cell(uri=uri, is_code=uri != CELLS[1]) for uri in CELLS])
    for number, uri in enumerate(CELLS):
        documents.open(uri, "markdown" if number == 1 else "python", 1, f"cell {number}")
    return documents


def test_a_cell_knows_the_code_cells_before_it() -> None:
    assert current(open_notebook(), CELLS[3]).preceding_cells == ("cell 0", "cell 2")
    assert current(open_notebook(), CELLS[0]).preceding_cells == ()


def test_a_cell_is_called_what_its_notebook_is_called() -> None:
    documents = open_notebook()
    assert current(documents, CELLS[2]).path == "book.ipynb"
    assert documents.repository(CELLS[2]) == "project"


def test_cells_follow_their_notebook_when_they_are_moved_and_removed() -> None:
    documents = open_notebook()
    documents.splice_cells(NOTEBOOK, 0, 1, [])
    assert current(documents, CELLS[3]).preceding_cells == ("cell 2",)
    assert current(documents, CELLS[0]).preceding_cells == ()
    documents.splice_cells(NOTEBOOK, 2, 1, [])
    documents.splice_cells(NOTEBOOK, 0, 0, [Cell(uri=CELLS[3], is_code=True)])
    assert current(documents, CELLS[2]).preceding_cells == ("cell 3",)


def test_a_cell_that_becomes_code_counts_from_then_on() -> None:
    documents = open_notebook()
    documents.update_cell(NOTEBOOK, Cell(uri=CELLS[1], is_code=True))
    assert current(documents, CELLS[2]).preceding_cells == ("cell 0", "cell 1")


def test_a_cell_has_its_number_among_all_cells_of_its_notebook() -> None:
    documents = open_notebook()
    assert [documents.cell_number(uri) for uri in (CELLS[0], CELLS[2])] == [(NOTEBOOK, 0), (NOTEBOOK, 2)]
    documents.splice_cells(NOTEBOOK, 0, 1, [])
    assert documents.cell_number(CELLS[2]) == (NOTEBOOK, 1)
    assert documents.cell_number(CELLS[0]) is None
    assert documents.cell_number(URI) is None


def test_changes_of_an_unknown_notebook_are_ignored() -> None:
    documents = open_documents()
    documents.splice_cells("file:///none.ipynb", 5, 9, [Cell(uri=CELLS[0], is_code=True)])
    documents.update_cell("file:///none.ipynb", Cell(uri=CELLS[0], is_code=True))
    documents.close_notebook("file:///none.ipynb")
    assert documents.snapshot(CELLS[0]) is None


def test_a_closed_notebook_leaves_its_cells_alone() -> None:
    documents = open_notebook()
    documents.close_notebook(NOTEBOOK)
    assert current(documents, CELLS[3]).preceding_cells == ()
