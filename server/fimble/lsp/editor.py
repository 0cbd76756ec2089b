"""What the editor at the other end is and can do, read once from its `initialize` request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fimble.workspace.paths import Folder, path_from_uri, uri_from_path
from fimble.workspace.text import Encoding

_NAVIGATION_METHODS: Final = (
    "textDocument/definition",
    "textDocument/references",
    "textDocument/hover",
    "textDocument/documentSymbol",
    "workspace/symbol",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """The editor's name, the units in which it counts, and the optional parts of LSP that it has.

    `can_register` holds those methods of navigation that the editor lets us register at any time.
    """

    name: str = ""
    process_id: int | None = None
    encoding: Encoding = Encoding.UTF_16
    folders: tuple[Folder, ...] = ()
    has_inline_completion: bool = False
    has_configuration: bool = False
    has_label_details: bool = False
    has_notebooks: bool = False
    has_progress: bool = False
    can_register_configuration: bool = False
    can_register: frozenset[str] = frozenset()
    has_definition_links: bool = False
    has_nested_symbols: bool = False
    has_markdown_hover: bool = False
    has_all_symbol_kinds: bool = False

    @property
    def is_neovim(self) -> bool:
        """Tells whether this is Neovim, which takes a carriage return in ghost text for text."""
        return self.name.lower() in ("neovim", "nvim")

    @classmethod
    def from_lsp(cls, params: Mapping[str, object]) -> "Editor":
        """Reads the parameters of `initialize`; what is missing or odd counts as not there."""
        capabilities = params.get("capabilities")
        name = _at(params, "clientInfo", "name")
        process_id = params.get("processId")
        return cls(
            name=name if isinstance(name, str) else "",
            process_id=process_id if type(process_id) is int and process_id > 0 else None,
            encoding=_encoding(_at(capabilities, "general", "positionEncodings")),
            folders=_folders(params),
            has_inline_completion=isinstance(_at(capabilities, "textDocument", "inlineCompletion"), dict),
            has_configuration=_at(capabilities, "workspace", "configuration") is True,
            has_label_details=_at(capabilities, "textDocument", "completion", "completionItem", "labelDetailsSupport")
            is True,
            has_notebooks=isinstance(_at(capabilities, "notebookDocument"), dict),
            has_progress=_at(capabilities, "window", "workDoneProgress") is True,
            can_register_configuration=_at(capabilities, "workspace", "didChangeConfiguration", "dynamicRegistration")
            is True,
            can_register=_dynamic_methods(capabilities),
            has_definition_links=_at(capabilities, "textDocument", "definition", "linkSupport") is True,
            has_nested_symbols=_at(capabilities, "textDocument", "documentSymbol", "hierarchicalDocumentSymbolSupport")
            is True,
            has_markdown_hover=_has_markdown(_at(capabilities, "textDocument", "hover", "contentFormat")),
            has_all_symbol_kinds=_has_symbol_kinds(capabilities),
        )


def folders_from_lsp(folders: object) -> tuple[Folder, ...]:
    """Returns the workspace folders in a list from the editor; entries that are none are left out."""
    if not isinstance(folders, list):
        return ()
    found = []
    for folder in folders:
        uri, name = _at(folder, "uri"), _at(folder, "name")
        if isinstance(uri, str):
            found.append(Folder.from_uri(uri, name if isinstance(name, str) else ""))
    return tuple(found)


def _folders(params: Mapping[str, object]) -> tuple[Folder, ...]:
    if folders := folders_from_lsp(params.get("workspaceFolders")):
        return folders
    # Both are older than workspace folders, and some editors send nothing else.
    root_uri, root_path = params.get("rootUri"), params.get("rootPath")
    if isinstance(root_uri, str):
        return (Folder.from_uri(root_uri),)
    if isinstance(root_path, str) and (path := path_from_uri("file://" + root_path)):
        return (Folder.from_uri(uri_from_path(path)),)
    return ()


def _encoding(preferred: object) -> Encoding:
    for name in preferred if isinstance(preferred, list) else []:
        if name in tuple(Encoding):
            return Encoding(name)
    return Encoding.UTF_16


def _dynamic_methods(capabilities: object) -> frozenset[str]:
    """Returns the methods that can be registered after `initialize`, for some languages only."""
    return frozenset(
        method for method in _NAVIGATION_METHODS if _at(capabilities, *method.split("/"), "dynamicRegistration") is True
    )


def _has_markdown(formats: object) -> bool:
    return isinstance(formats, list) and "markdown" in formats


def _has_symbol_kinds(capabilities: object) -> bool:
    """Tells whether the editor knows the kinds of symbols that came with LSP 3."""
    kinds = _at(capabilities, "textDocument", "documentSymbol", "symbolKind", "valueSet")
    return isinstance(kinds, list) and {19, 20, 22, 23} <= {kind for kind in kinds if type(kind) is int}


def _at(value: object, *names: str) -> object:
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
