"""Makes the shipped file of spots anew: `python -m fimble.bench.crossfile.make FILE` finds the spots of its packages.

Other packages are chosen by changing the file's `packages`; whatever is measured on spots of other ones is not the same
benchmark any more.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fimble import folders
from fimble.bench.crossfile.find import find_spots
from fimble.bench.crossfile.run import workspaces
from fimble.bench.crossfile.spots import Package, Spot, SpotSet, read_spots, write_spots

PER_KIND: Final = 7


def make_spots(
    packages: Sequence[Package], cache: Path, *, seed: int, per_kind: int = PER_KIND, offline: Path | None = None
) -> SpotSet:
    """Returns the spots of packages, whose archives lie in `cache` or the folder `offline`, or are downloaded.

    Raises:
        PackageMissing: a package cannot be had.
    """
    spots: list[Spot] = []
    with (
        tempfile.TemporaryDirectory(prefix="fimble-bench-") as name,
        workspaces(packages, Path(name), cache, offline, lambda _: None) as places,
    ):
        for package in packages:
            spots += find_spots(places[package.name].folder, package, per_kind=per_kind, seed=seed)
    return SpotSet(seed=seed, packages=tuple(packages), spots=tuple(spots))


def _main(file: Path) -> None:
    known = read_spots(file)
    write_spots(make_spots(known.packages, folders.cache_folder() / "bench" / "packages", seed=known.seed), file)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
