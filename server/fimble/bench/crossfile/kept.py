"""What was found for each spot and arm, kept in a file as soon as it is known, so that a run can go on later."""

from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from fimble.bench.crossfile.errors import ResultsOther


class _Row(Protocol):
    @property
    def spot(self) -> str: ...

    @property
    def arm(self) -> str: ...


RowT = TypeVar("RowT", bound=_Row)


class _Head(msgspec.Struct, frozen=True):
    """The first line of the file: what the rows depend on."""

    settings: dict[str, str]


class Kept(Generic[RowT]):
    """The rows of a run by spot and arm, in a file where there is a folder for it."""

    def __init__(self, folder: Path | None, name: str, settings: dict[str, str], row: type[RowT]) -> None:
        """`settings` is everything that rows depend on; a file with other ones is not gone on with.

        Raises:
            ResultsOther: the folder has rows of other settings.
        """
        self._file = None if folder is None else folder / name
        self._row = row
        self.rows: dict[tuple[str, str], RowT] = {}
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if self._file.exists():
            self._read(self._file, settings)
        else:
            self._file.write_bytes(msgspec.json.encode(_Head(settings)) + b"\n")

    def add(self, row: RowT) -> None:
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
                f"{file} holds results of a run with another {', '.join(other)}; name another folder by --out."
            )
        if whole != content:
            file.write_bytes(whole)
        for line in lines:
            row = msgspec.json.decode(line, type=self._row)
            self.rows[row.spot, row.arm] = row
