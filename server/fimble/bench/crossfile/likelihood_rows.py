"""How probable the gold text of each spot was found, by arm."""

from pathlib import Path
from typing import Final

import msgspec

from fimble.bench.crossfile.kept import Kept
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


class Rows(Kept[Row]):
    """The rows of a run, in a file where there is a folder for it."""

    def __init__(self, folder: Path | None, settings: dict[str, str]) -> None:
        """`settings` is everything that rows depend on; a file with other ones is not gone on with.

        Raises:
            ResultsOther: the folder has rows of other settings.
        """
        super().__init__(folder, ROWS_FILE, settings, Row)
