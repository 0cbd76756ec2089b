"""Asks every arm for every spot, one after the other, and keeps each answer at once, so that a run can go on later."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from fimble.bench.crossfile.archives import archive_of, unpack
from fimble.bench.crossfile.arms import Answer, Arm
from fimble.bench.crossfile.errors import SpotInvalid
from fimble.bench.crossfile.kept import Kept
from fimble.bench.crossfile.measures import Measures, measure
from fimble.bench.crossfile.spots import Kind, Package, Spot, SpotSet
from fimble.bench.crossfile.workspace import Workspace

ANSWERS_FILE: Final = "answers.jsonl"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, what it was for, and its measures before and after the product's rules."""

    spot: str
    package: str
    kind: Kind
    arm: str
    gold: str
    answer: Answer
    raw: Measures
    shown: Measures


class Answers(Kept[Row]):
    """The answers of a run, in a file where there is a folder for it."""

    def __init__(self, folder: Path | None, settings: dict[str, str]) -> None:
        """`settings` is everything that answers depend on; a file with other ones is not gone on with.

        Raises:
            ResultsOther: the folder has answers of other settings.
        """
        super().__init__(folder, ANSWERS_FILE, settings, Row)


@contextlib.contextmanager
def workspaces(
    packages: Sequence[Package], place: Path, cache: Path, offline: Path | None, on_step: Callable[[str], None]
) -> Iterator[dict[str, Workspace]]:
    """Unpacks packages below `place`, and yields them by name.

    Raises:
        PackageMissing: one cannot be had.
        ArchiveUnsafe: one must not be unpacked.
    """
    found: dict[str, Workspace] = {}
    for package in packages:
        on_step(f"{package.name} {package.version}")
        folder = unpack(archive_of(package, cache, offline=offline), place / package.name)
        found[package.name] = Workspace(package, folder)
    yield found


async def ask_all(
    spots: SpotSet,
    places: Mapping[str, Workspace],
    arms: Mapping[str, Arm],
    answers: Answers,
    on_step: Callable[[str], None],
) -> None:
    """Asks all arms for each spot in turn, so that whatever else the machine does meets them alike.

    Raises:
        SpotInvalid: a spot does not fit its package.
    """
    for number, spot in enumerate(spots.spots, 1):
        workspace = places[spot.package]
        for name, arm in arms.items():
            if (spot.id, name) in answers.rows:
                continue
            row = measured(spot, name, await arm(spot, workspace), workspace)
            answers.add(row)
        on_step(f"{number} of {len(spots.spots)} spots")


def measured(spot: Spot, arm: str, answer: Answer, workspace: Workspace) -> Row:
    """Returns an answer with its measures."""
    hole = workspace.hole(spot)
    if not hole.gold.strip():
        raise SpotInvalid(f"The spot {spot.id} is blank.")
    return Row(
        spot=spot.id,
        package=spot.package,
        kind=spot.kind,
        arm=arm,
        gold=hole.gold,
        answer=answer,
        raw=measure(answer.raw, hole, spot.kind, workspace.code, spot.path),
        shown=measure(answer.shown, hole, spot.kind, workspace.code, spot.path, replaced=answer.replaced),
    )
