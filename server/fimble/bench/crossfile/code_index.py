"""The product's own index of the packages, with the spot's file laid over it as an editor would: without the gold."""

from collections.abc import Sequence
from pathlib import Path

from fimble.bench.crossfile.spots import Spot
from fimble.bench.crossfile.workspace import Workspace
from fimble.features.completion.known_names import KnownNames, known_names
from fimble.features.navigation.up_to_date import bring_up_to_date, ignore_progress
from fimble.index.extraction import extract
from fimble.index.languages import grammar_of, language_of_path
from fimble.index.queries.view import OpenFile, View
from fimble.index.store.reader import Reader
from fimble.prompting.context.activity import Activity
from fimble.prompting.context.candidate import Candidate
from fimble.prompting.context.collect import collect
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.excerpt import Excerpts
from fimble.prompting.context.rank import SHOWN
from fimble.prompting.context.search import Search
from fimble.workspace.snapshot import Snapshot


class CodeIndexes:
    """The indexes of packages, each built once, next to the package's folder."""

    def __init__(self) -> None:
        self._readers: dict[Path, Reader] = {}

    async def view(self, workspace: Workspace, spot: Spot) -> View:
        """Returns the package as it is when the spot's gold text is not written yet.

        Raises:
            IndexUnavailable: the index cannot be built.
        """
        reader = self._readers.get(workspace.folder)
        if reader is None:
            store = workspace.folder.parent / f"{workspace.folder.name}.index"
            await bring_up_to_date(workspace.folder, ignore_progress, folder=store)
            reader = self._readers[workspace.folder] = Reader(store)
        source = workspace.hole(spot).text.encode("utf-8")
        language = language_of_path(spot.path)
        grammar = grammar_of(language) if language is not None else None
        opened = {} if grammar is None else {spot.path: OpenFile(source, extract(grammar, source))}
        return View(workspace.folder, reader, opened)


class PackageContext:
    """The product's context for one spot, collected as long as it takes."""

    def __init__(self, view: View, path: str) -> None:
        self._view = view
        self._path = path

    async def candidates(self, snapshot: Snapshot, offset: int, budget_s: float) -> Sequence[Candidate]:
        """Returns what the product's sources find."""
        return collect(self._view, self._path, Cursor(snapshot, offset), Activity().moment(0.0), wanted=SHOWN)

    async def known_names(self, snapshot: Snapshot, offset: int, owners: tuple[str, ...]) -> KnownNames:
        """Returns the attributes of owners."""
        search = Search(
            view=self._view,
            path=self._path,
            cursor=Cursor(snapshot, offset),
            activity=Activity().moment(0.0),
            cut=Excerpts(self._view),
            is_cancelled=lambda: False,
        )
        return known_names(search, owners)


class GivenContext:
    """Candidates that are known beforehand."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._candidates = candidates

    async def candidates(self, snapshot: Snapshot, offset: int, budget_s: float) -> Sequence[Candidate]:
        """Returns the candidates."""
        return self._candidates

    async def known_names(self, snapshot: Snapshot, offset: int, owners: tuple[str, ...]) -> KnownNames:
        """Knows nothing."""
        return {}
