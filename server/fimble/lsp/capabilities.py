"""What the server promises in its answer to `initialize`.

Spelled out instead of derived from the handlers, because pygls derives too little: it forgets the provider of
a method that was registered without options.
"""

from lsprotocol import types

from fimble.features.navigation.served import Served
from fimble.lsp.editor import Editor
from fimble.lsp.extensions import COMMANDS
from fimble.lsp.navigation_registration import static_navigation
from fimble.lsp.options import Fallback


def capabilities_to_lsp(editor: Editor, fallback: Fallback, served: Served) -> types.ServerCapabilities:
    """Returns what the server can do for this editor."""
    now = static_navigation(editor, served)
    return types.ServerCapabilities(
        position_encoding=types.PositionEncodingKind(editor.encoding.value),
        text_document_sync=types.TextDocumentSyncOptions(
            open_close=True,
            change=types.TextDocumentSyncKind.Incremental,
            save=types.SaveOptions(include_text=False),
        ),
        notebook_document_sync=_notebook_sync() if editor.has_notebooks else None,
        inline_completion_provider=types.InlineCompletionOptions(),
        completion_provider=types.CompletionOptions() if has_completion(editor, fallback) else None,
        definition_provider=types.TEXT_DOCUMENT_DEFINITION in now or None,
        references_provider=types.TEXT_DOCUMENT_REFERENCES in now or None,
        hover_provider=types.TEXT_DOCUMENT_HOVER in now or None,
        document_symbol_provider=types.TEXT_DOCUMENT_DOCUMENT_SYMBOL in now or None,
        workspace_symbol_provider=types.WORKSPACE_SYMBOL in now or None,
        execute_command_provider=types.ExecuteCommandOptions(commands=list(COMMANDS)),
        workspace=types.WorkspaceOptions(
            workspace_folders=types.WorkspaceFoldersServerCapabilities(supported=True, change_notifications=True)
        ),
    )


def has_completion(editor: Editor, fallback: Fallback) -> bool:
    """Tells whether suggestions also go into the editor's ordinary completion list."""
    if fallback is Fallback.AUTO:
        return not editor.has_inline_completion
    return fallback is Fallback.ALWAYS


def _notebook_sync() -> types.NotebookDocumentSyncOptions:
    return types.NotebookDocumentSyncOptions(notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")])
