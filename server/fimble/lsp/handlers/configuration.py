"""Reads the settings whenever they may have changed, and the workspace folders."""

import asyncio
from typing import Any, Final

from lsprotocol import types

from fimble.errors import EditorRefused, FimbleError
from fimble.lsp.editor import folders_from_lsp
from fimble.lsp.options import options_from_lsp
from fimble.lsp.server import FimbleServer
from fimble.lsp.status import status_of

_SECTION: Final = "fimble"
_EDITOR_TIMEOUT_S: Final = 5.0
_CONFIGURE_TIMEOUT_S: Final = 60.0


async def register_for_changes(server: FimbleServer) -> None:
    """Asks the editor to tell when settings change, where it wants to be asked."""
    if not server.editor.can_register_configuration:
        return
    registration = types.Registration(
        id="fimble-configuration",
        method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
        register_options=types.DidChangeConfigurationRegistrationOptions(section=_SECTION),
    )
    params = types.RegistrationParams(registrations=[registration])
    try:
        await server.protocol.ask(types.CLIENT_REGISTER_CAPABILITY, params, _EDITOR_TIMEOUT_S)
    except EditorRefused:
        # The settings as they are now still count.
        return


async def read_settings(server: FimbleServer, pushed: object = None) -> None:
    """Takes over the settings: those that the editor has when asked, or else those that it pushed."""
    server.settings_generation += 1
    generation = server.settings_generation
    settings = pushed
    if server.editor.has_configuration:
        params = types.ConfigurationParams(items=[types.ConfigurationItem(section=_SECTION)])
        try:
            answer = await server.protocol.ask(types.WORKSPACE_CONFIGURATION, params, _EDITOR_TIMEOUT_S)
            settings = answer[0] if isinstance(answer, list) and answer else pushed
        except EditorRefused:
            settings = pushed
    if generation != server.settings_generation:
        # A later change has asked for the settings too, and its answer is the newer one.
        return
    server.options, problems = options_from_lsp(settings, server.initial_options)
    if problems:
        server.editor_log.warning("Some settings were not used: " + " ".join(problems))
    follow_workspace(server)
    server.protocol.spawn(server.registrations.update(server.editor, server.served), "registering navigation")
    try:
        async with asyncio.timeout(_CONFIGURE_TIMEOUT_S):
            await server.services.configure(server.options)
    except FimbleError as error:
        server.status.engine_is(status_of(error))


async def did_change_configuration(server: FimbleServer, params: Any) -> None:
    """Reads the settings anew; some editors send them along."""
    await read_settings(server, params.settings)


def did_change_workspace_folders(server: FimbleServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Follows the workspace folders, which decide how files and repositories are called."""
    removed = {folder.uri for folder in params.event.removed}
    added = folders_from_lsp([{"uri": folder.uri, "name": folder.name} for folder in params.event.added])
    uris = {folder.uri for folder in added}
    kept = (folder for folder in server.documents.folders if folder.uri not in removed | uris)
    server.documents.folders = (*kept, *added)
    follow_workspace(server)


def follow_workspace(server: FimbleServer) -> None:
    """Gives every workspace folder an index, or none where the user wants none."""
    navigation = server.services.navigation
    if navigation is not None:
        is_on = server.options.index_enabled
        navigation.switch(is_on=is_on)
        navigation.follow(server.documents.folders if is_on else ())


HANDLERS: Final = {
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: did_change_configuration,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: did_change_workspace_folders,
}
