"""What a spot is, and the spots that ship with Fimble: places in published packages, without any source text."""

import hashlib
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from fimble.bench.crossfile.errors import SpotInvalid

SHIPPED: Final = Path(__file__).with_name("spots.json")

Kind = Literal["line", "call", "multi-line", "body"]
Part = Literal["dev", "test"]
KINDS: Final[tuple[Kind, ...]] = ("line", "call", "multi-line", "body")


class Definition(msgspec.Struct, frozen=True, order=True):
    """Where something is defined: `name` with its classes (`Store.open`), lines from 1, both inclusive."""

    path: str
    first_line: int
    last_line: int
    name: str


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A published package; `root` is the folder of its code in the source archive, `sha256` the archive's.

    `released` is the month of the release, `part` tells whether it may be tuned on.
    """

    name: str
    version: str
    sha256: str
    licence: str
    released: str
    root: str
    part: Part


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A hole: `length` code points from `offset` of a file, and what its text uses of other files.

    `path` and the definitions' paths count from the top folder of the archive.
    """

    package: str
    path: str
    offset: int
    length: int
    kind: Kind
    definitions: tuple[Definition, ...]

    @property
    def id(self) -> str:
        """A name for the spot, the same in every run."""
        return f"{self.package}:{self.path}:{self.offset}:{self.kind}"


class SpotSet(msgspec.Struct, frozen=True, kw_only=True):
    """Spots, the packages they lie in, and the seed with which they were found."""

    seed: int
    packages: tuple[Package, ...]
    spots: tuple[Spot, ...]

    def of_part(self, part: Part) -> "SpotSet":
        """Returns the spots of the packages that are for tuning (`dev`), or of those that are not (`test`)."""
        packages = tuple(package for package in self.packages if package.part == part)
        names = {package.name for package in packages}
        return SpotSet(
            seed=self.seed, packages=packages, spots=tuple(spot for spot in self.spots if spot.package in names)
        )

    def sample(self, limit: int) -> "SpotSet":
        """Returns `limit` of the spots, evenly over kinds and packages, always the same; 0 means all."""
        if not limit or limit >= len(self.spots):
            return self
        chosen = _evenly(self.spots, limit, self.seed)
        used = {spot.package for spot in chosen}
        return SpotSet(seed=self.seed, packages=tuple(p for p in self.packages if p.name in used), spots=tuple(chosen))


def read_spots(path: Path = SHIPPED) -> SpotSet:
    """Reads a file of spots.

    Raises:
        SpotInvalid: it cannot be read, or names a package that it does not describe.
    """
    try:
        spots = msgspec.json.decode(path.read_bytes(), type=SpotSet)
    except (OSError, msgspec.DecodeError) as error:
        raise SpotInvalid(f"The spots in {path} cannot be read ({error}).") from error
    known = {package.name for package in spots.packages}
    if unknown := {spot.package for spot in spots.spots} - known:
        raise SpotInvalid(f"The spots in {path} name packages that it does not describe: {', '.join(sorted(unknown))}.")
    return spots


def write_spots(spots: SpotSet, path: Path) -> None:
    """Writes spots, one a line, so that a change shows which."""
    lines = [f'{{"seed":{spots.seed},', '"packages":[']
    lines.append(",\n".join(msgspec.json.encode(package).decode() for package in spots.packages))
    lines += ["],", '"spots":[', ",\n".join(msgspec.json.encode(spot).decode() for spot in spots.spots), "]}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def digest(spots: Iterable[Spot]) -> str:
    """Returns a hash by which results tell which spots they are of."""
    return hashlib.sha256("\n".join(sorted(spot.id for spot in spots)).encode()).hexdigest()[:16]


def _evenly(spots: Sequence[Spot], limit: int, seed: int) -> list[Spot]:
    """Takes one of each kind and package in turn, so that a small sample is as mixed as the whole."""
    mixed = sorted(spots, key=lambda spot: spot.id)
    random.Random(f"{seed}:sample").shuffle(mixed)  # noqa: S311 - a sample.
    turns: dict[tuple[str, str], int] = {}
    ranked: list[tuple[int, int, Spot]] = []
    for place, spot in enumerate(mixed):
        turn = turns[spot.package, spot.kind] = turns.get((spot.package, spot.kind), 0) + 1
        ranked.append((turn, place, spot))
    ranked.sort(key=lambda row: row[:2])
    return sorted((spot for _, _, spot in ranked[:limit]), key=lambda spot: spot.id)
