"""Every error that Fimble raises on purpose, named by who failed and how.

A message is one sentence that says what to do next; foreign exceptions become one of these at the seam
where they appear, and nowhere else.
"""


class FimbleError(Exception):
    """Base of all errors that Fimble raises on purpose; its text may be shown to the user."""


class SettingsInvalid(FimbleError):
    """A setting has a value that cannot be used."""


class PlaceInvalid(FimbleError):
    """A place on the command line is not FILE:LINE:COL, or there is no such file."""


class FolderUnusable(FimbleError):
    """A folder that Fimble needs cannot be made or written to."""


class FolderUnsafe(FimbleError):
    """A folder that must be private belongs to someone else or is open to others."""


# Documents.


class DocumentUnknown(FimbleError):
    """A message names a document that is not open."""


class PositionInvalid(FimbleError):
    """A position is negative or otherwise not a place in a text."""


# Models.


class ModelError(FimbleError):
    """Something is wrong with a model card or its files."""


class ModelUnknown(ModelError):
    """No card and no file has this name."""


class ModelCardInvalid(ModelError):
    """A model card cannot be read."""


class ModelFileMissing(ModelError):
    """The model's files are not on this machine yet."""


class ModelFileWrong(ModelError):
    """A model file differs from what its card pins."""


class DownloadFailed(ModelError):
    """No source delivered the file."""


class SourceFailed(ModelError):
    """One source could not deliver a file; the next one is tried, so users see this only inside another message."""


class DownloadCancelled(ModelError):
    """The user stopped a download; what has arrived stays and the next download goes on from there."""


class DiskFull(ModelError):
    """There is not enough space for the file."""


class ModelRefused(ModelError):
    """The model cannot do what it is asked to do, for example fill in the middle."""


# Engine.


class EngineError(FimbleError):
    """The engine could not do its work."""


class EngineUnavailable(EngineError):
    """No engine runs and none could be started."""


class EngineGone(EngineError):
    """The engine ended, or stopped answering, while work was under way."""


class EngineRefused(EngineError):
    """The engine declined the connection, for example because of another protocol version."""


class EngineBusy(EngineError):
    """The engine's queue is full."""


class RequestFailed(EngineError):
    """The engine could not serve one request; the engine itself is well."""


class RequestCancelled(EngineError):
    """The request was cancelled or superseded before it ended."""


class FrameInvalid(EngineError):
    """A frame is too large or cannot be decoded; the connection cannot go on."""


class PeerRefused(EngineError):
    """The process at the other end of the socket belongs to another user."""


# Index.


class StoreUnusable(FimbleError):
    """The index's database cannot be written, for example because the disk is full."""


class IndexUnavailable(FimbleError):
    """The index process could not be started, or does not get on."""


# Editor.


class EditorRefused(FimbleError):
    """The editor answered a request of ours with an error, or not in time."""


class StreamBroken(FimbleError):
    """The editor's bytes are not LSP frames, or it stopped reading ours; the connection cannot go on."""
