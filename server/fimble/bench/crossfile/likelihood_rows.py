"""What was found for each spot and arm, kept in a file as soon as it is known, so that a run can go on later."""

from pathlib import Path
from typing import Final

import msgspec

from fimble.bench.crossfile.errors import ResultsOther
from fimble.bench.crossfile.spots import Kind

ROWS_FILE: Final = "likelihoods.jsonl"


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A share of a gold text: how long it is, and the log-probability of its tokens together."""

    characters: int
    tokens: int
    nats: float

    @property
    def per_character(self) -> float:
        """Nats per character."""
        return self.nats / self.characters

    @property
    def per_token(self) -> float:
        """Nats per token."""
        return self.nats / self.tokens


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One spot and arm: the gold text's shares by name, and how probable the model finds its end.

    A share that the text does not have is missing; `end_nats` is None where the text is longer than what is looked at.
    """

    spot: str
    package: str
    kind: Kind
    arm: str
    shares: dict[str, Share]
    end_nats: float | None
    floored: int
    prompt_tokens: int
    ms: float


class _Head(msgspec.Struct, frozen=True):
    """The first line of the file: what the rows depend on."""

    settings: dict[str, str]


class Rows:
    """The rows of a run, in a file where there is a folder for it."""

    def __init__(self, folder: Path | None, settings: dict[str, str]) -> None:
        """`settings` is everything that rows depend on; a file with other ones is not gone on with.

        Raises:
            ResultsOther: the folder has rows of other settings.
        """
        self._file = None if folder is None else folder / ROWS_FILE
        self.rows: dict[tuple[str, str], Row] = {}
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if self._file.exists():
            self._read(self._file, settings)
        else:
            self._file.write_bytes(msgspec.json.encode(_Head(settings)) + b"\n")

    def add(self, row: Row) -> None:
        """Keeps a row."""
        self.rows[row.spot, row.arm] = row
        if self._file is not None:
            with self._file.open("ab") as file:
                file.write(msgspec.json.encode(row) + b"\n")

    def _read(self, file: Path, settings: dict[str, str]) -> None:
        content = file.read_bytes()
        # What stands after the last line's end was being written when the run ended.
        whole = content[: content.rfind(b"\n") + 1]
        head, *lines = whole.splitlines() or [b""]
        try:
            known = msgspec.json.decode(head, type=_Head).settings
        except msgspec.DecodeError:
            known = {}
        if other := sorted(name for name in known.keys() | settings.keys() if known.get(name) != settings.get(name)):
            raise ResultsOther(
                f"{file} holds likelihoods of a run with another {', '.join(other)}; name another folder by --out."
            )
        if whole != content:
            file.write_bytes(whole)
        for line in lines:
            row = msgspec.json.decode(line, type=Row)
            self.rows[row.spot, row.arm] = row
