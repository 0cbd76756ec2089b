"""What every source is given to deliver one file, and what it gives back."""

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fimble.errors import DownloadCancelled
from fimble.models.card import ModelFile
from fimble.models.progress import Progress, silent


@dataclass(frozen=True)
class Patience:
    """How long a source may take."""

    # A source that shows no sign of life this long after the first question is given up. The processes that
    # ask need about half a second to start, so that together it stays below five seconds.
    reach_s: float = 4.3
    # A process that has not even started to ask; only a very busy machine takes this long.
    start_s: float = 30.0
    # A source that was alive and then sends nothing for this long.
    stall_s: float = 60.0
    # How many failures of the network a part survives once its source was alive.
    attempts: int = 3


@dataclass(frozen=True)
class Surroundings:
    """The outside world of a download: the Python that runs child processes, and their environment."""

    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    patience: Patience = Patience()


@dataclass(frozen=True)
class Fetching:
    """One file to be fetched from one source.

    `folder` belongs to this source alone and survives interruptions; what lies there is taken up again.
    """

    file: ModelFile
    folder: Path
    surroundings: Surroundings = field(default_factory=Surroundings)
    progress: Progress = silent
    cancelled: threading.Event = field(default_factory=threading.Event)

    def check_cancelled(self) -> None:
        """Raises DownloadCancelled when the user has stopped the download."""
        if self.cancelled.is_set():
            raise DownloadCancelled("The download was stopped; it goes on from here when you start it again.")


@dataclass(frozen=True)
class Delivered:
    """A file that has arrived.

    `sha256` is the hash of its content; `resumed` tells that some of it came from an interrupted download, so
    that a wrong hash may be that download's fault and not the source's.
    """

    path: Path
    sha256: str
    resumed: bool = False
