"""The methods and commands that LSP does not know; EXTENSIONS.md describes them and a test compares both."""

from typing import Final

STATUS: Final = "fimble/status"
SUGGESTION: Final = "fimble/suggestion"
COSTS: Final = "fimble/costs"
DID_CHANGE_STATUS: Final = "didChangeStatus"
DID_SHOW_COMPLETION: Final = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT_COMPLETION: Final = "textDocument/didPartiallyAcceptCompletion"
DID_FOCUS: Final = "textDocument/didFocus"

# Editors register a server's commands globally, so the names must not meet those of an extension.
ACCEPTED_COMPLETION: Final = "fimble.server.acceptedCompletion"
DOWNLOAD_MODEL: Final = "fimble.server.downloadModel"
RESTART_ENGINE: Final = "fimble.server.restartEngine"
WHY: Final = "fimble.server.why"

METHODS: Final = (
    STATUS,
    SUGGESTION,
    COSTS,
    DID_CHANGE_STATUS,
    DID_SHOW_COMPLETION,
    DID_PARTIALLY_ACCEPT_COMPLETION,
    DID_FOCUS,
)
COMMANDS: Final = (ACCEPTED_COMPLETION, DOWNLOAD_MODEL, RESTART_ENGINE, WHY)
