"""Which questions about the code the editor should send here: only those that will be answered.

Being asked and answering nothing is not the same as not being asked: Helix asks one server only, Neovim says "No
information available" next to another server's hover, and outlines take the first server that says it has one.
So nothing is promised where nothing would be answered. Editors that can be told later are told per language; to the
others `initialize` promises what the settings of that moment allow.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from lsprotocol import types

from fimble.errors import EditorRefused
from fimble.features.navigation.served import Served
from fimble.lsp.editor import Editor

Ask = Callable[[str, Any, float], Awaitable[Any]]

_TIMEOUT_S: Final = 5.0
_OPTIONS: Final[dict[str, Callable[..., Any]]] = {
    types.TEXT_DOCUMENT_DEFINITION: types.DefinitionRegistrationOptions,
    types.TEXT_DOCUMENT_REFERENCES: types.ReferenceRegistrationOptions,
    types.TEXT_DOCUMENT_HOVER: types.HoverRegistrationOptions,
    types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: types.DocumentSymbolRegistrationOptions,
}
NAVIGATION_METHODS: Final = (*_OPTIONS, types.WORKSPACE_SYMBOL)


def static_navigation(editor: Editor, served: Served) -> frozenset[str]:
    """Returns the methods that `initialize` promises for the whole session."""
    if not served.is_anything:
        return frozenset()
    return frozenset(NAVIGATION_METHODS) - editor.can_register


class NavigationRegistrations:
    """Keeps what the editor was told later in step with the settings."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._told: list[types.Registration] = []
        # Two changes of the settings in a row must not be told in the wrong order.
        self._turn = asyncio.Lock()

    async def update(self, editor: Editor, served: Served) -> None:
        """Tells the editor what is answered now, if that has changed; an editor that refuses is not asked again."""
        async with self._turn:
            wanted = _registrations(editor, served)
            if wanted == self._told:
                return
            told, self._told = self._told, wanted
            try:
                if told:
                    gone = [types.Unregistration(id=each.id, method=each.method) for each in told]
                    params = types.UnregistrationParams(unregisterations=gone)
                    await self._ask(types.CLIENT_UNREGISTER_CAPABILITY, params, _TIMEOUT_S)
                if wanted:
                    registration = types.RegistrationParams(registrations=wanted)
                    await self._ask(types.CLIENT_REGISTER_CAPABILITY, registration, _TIMEOUT_S)
            except EditorRefused:
                return


def _registrations(editor: Editor, served: Served) -> list[types.Registration]:
    if not served.is_anything:
        return []
    # Without a selector the documents that the editor sends us at all are meant.
    selector = None
    if not served.is_everything:
        selector = [types.TextDocumentFilterLanguage(language=id_) for id_ in served.language_ids()]
    registrations = [
        types.Registration(id=f"fimble-{method}", method=method, register_options=make(document_selector=selector))
        for method, make in _OPTIONS.items()
        if method in editor.can_register
    ]
    if types.WORKSPACE_SYMBOL in editor.can_register:
        method = types.WORKSPACE_SYMBOL
        options = types.WorkspaceSymbolRegistrationOptions()
        registrations.append(types.Registration(id=f"fimble-{method}", method=method, register_options=options))
    return registrations
