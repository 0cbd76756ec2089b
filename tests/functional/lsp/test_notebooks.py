"""Notebooks as VS Code sends them (pitfall 21)."""

from typing import Any

from lsp_fakes import FakeEditor

NOTEBOOK = "file:///w/book.ipynb"
CELLS = [f"vscode-notebook-cell:/w/book.ipynb#W{number}" for number in range(3)]


def cell(number: int, kind: int = 2) -> dict[str, Any]:
    return {
        "kind": kind,
        "document": CELLS[number],
        "metadata": {"a": {"b": [1]}},
        "executionSummary": {"executionOrder": 1},
    }


def item(number: int) -> dict[str, Any]:
    return {"uri": CELLS[number], "languageId": "python", "version": 1, "text": f"cell_{number} = 1\n"}


async def ready_editor() -> FakeEditor:
    editor = FakeEditor()
    answer = await editor.initialize(
        {"notebookDocument": {"synchronization": {}}}, workspaceFolders=[{"uri": "file:///w", "name": "w"}]
    )
    assert answer["capabilities"]["notebookDocumentSync"] == {"notebookSelector": [{"notebook": "*"}]}
    editor.notify(
        "notebookDocument/didOpen",
        {
            "notebookDocument": {
                "uri": NOTEBOOK,
                "notebookType": "jupyter-notebook",
                "version": 1,
                "cells": [cell(0), cell(1)],
            },
            "cellTextDocuments": [item(0), item(1)],
        },
    )
    return editor


def change(editor: FakeEditor, cells: Any) -> None:
    editor.notify(
        "notebookDocument/didChange",
        {"notebookDocument": {"uri": NOTEBOOK, "version": 2}, "change": {"cells": cells}},
    )


async def preceding(editor: FakeEditor, number: int) -> tuple[str, ...]:
    msg_id = f"{number} {len(editor.sent)}"
    editor.ask(msg_id, 0, 0, uri=CELLS[number])
    await editor.reply(msg_id)
    return editor.world.queries[-1].snapshot.preceding_cells


async def test_a_cell_is_completed_with_the_cells_before_it() -> None:
    editor = await ready_editor()
    assert await preceding(editor, 1) == ("cell_0 = 1\n",)
    assert editor.world.queries[-1].snapshot.path == "book.ipynb"


async def test_typing_in_a_cell_changes_that_cell() -> None:
    editor = await ready_editor()
    place = {"line": 0, "character": 0}
    change(
        editor,
        {
            "textContent": [
                {
                    "document": {"uri": CELLS[0], "version": 2},
                    "changes": [{"range": {"start": place, "end": place}, "text": "x"}],
                }
            ]
        },
    )
    assert await preceding(editor, 1) == ("xcell_0 = 1\n",)


async def test_cells_are_inserted_moved_and_removed() -> None:
    editor = await ready_editor()
    change(editor, {"structure": {"array": {"start": 0, "deleteCount": 0, "cells": [cell(2)]}, "didOpen": [item(2)]}})
    assert await preceding(editor, 0) == ("cell_2 = 1\n",)
    change(editor, {"structure": {"array": {"start": 1, "deleteCount": 1}, "didClose": [{"uri": CELLS[0]}]}})
    assert await preceding(editor, 1) == ("cell_2 = 1\n",)


async def test_a_cell_that_becomes_text_no_longer_counts() -> None:
    editor = await ready_editor()
    change(editor, {"data": [cell(0, kind=1)]})
    assert await preceding(editor, 1) == ()


async def test_a_closed_notebook_is_gone() -> None:
    editor = await ready_editor()
    editor.notify(
        "notebookDocument/didClose",
        {"notebookDocument": {"uri": NOTEBOOK}, "cellTextDocuments": [{"uri": CELLS[0]}, {"uri": CELLS[1]}]},
    )
    editor.ask(1, 0, 0, uri=CELLS[1])
    assert (await editor.reply(1))["result"] == {"items": []}


async def test_editors_without_notebooks_are_promised_none() -> None:
    answer = await FakeEditor().initialize()
    assert "notebookDocumentSync" not in answer["capabilities"]
