"""Holes in documents, for the tests of rules and filters: `$0` is the cursor."""

from fimble.features.completion.confidence import Scored, sure_end
from fimble.features.completion.surroundings import Surroundings, surroundings
from fimble.features.completion.syntax import Syntax
from fimble.features.completion.writing import Writing
from fimble.providers.provider import GenerationReport
from fimble.workspace.snapshot import Snapshot
from fimble.workspace.text import Text


def hole(document: str, language: str = "python") -> tuple[Snapshot, int]:
    """Returns the document without its cursor, and where that was."""
    offset = document.index("$0")
    text = Text.from_string(document.replace("$0", "", 1))
    return Snapshot(uri="file:///hole", path="hole", language=language, version=1, text=text), offset


def around(document: str, language: str = "python") -> Surroundings:
    """Returns what the rules see around the cursor."""
    snapshot, offset = hole(document, language)
    return surroundings(snapshot.text, offset, snapshot)


def syntax(document: str, language: str = "python") -> Syntax:
    """Returns the syntax around the cursor."""
    found = Syntax.of(*hole(document, language))
    assert found is not None
    return found


class Written(Writing):
    """A text without a model: `log_probability` is that of each of its pieces of three characters."""

    def __init__(
        self, text: str, *, is_running: bool = False, stop_reason: str = "stop", log_probability: float = 0.0
    ) -> None:
        self.start = ""
        self.report = GenerationReport()
        self.report.stop_reason = stop_reason
        self._whole = text
        self._runs = is_running
        ends = [min(end + 3, len(text)) for end in range(0, len(text), 3)]
        self._pieces = [Scored(end, log_probability) for end in ends]

    @property
    def text(self) -> str:
        return self._whole

    @property
    def is_running(self) -> bool:
        return self._runs

    @property
    def is_whole(self) -> bool:
        return not self._runs

    def sure_end(self, start: int, wrong_max: float) -> int | None:
        return sure_end(self._pieces, start, wrong_max)
