"""For which languages Fimble answers questions about the code; beside another server it would only say things twice."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fimble.index.languages import LANGUAGES, language_of_path


class Serving(StrEnum):
    """When questions about the code are answered."""

    AUTO = "auto"
    """For languages that no other server serves, as far as the editor has told us; else for none."""
    ALWAYS = "always"
    """For all languages."""
    NEVER = "never"
    """For none."""


@dataclass(frozen=True, slots=True)
class Served:
    """The languages that are served. `others` are LSP language ids that other servers serve, None if nobody told."""

    serving: Serving = Serving.AUTO
    others: frozenset[str] | None = None

    @property
    def is_anything(self) -> bool:
        """Tells whether there can be answers at all."""
        return self.serving is Serving.ALWAYS or (self.serving is Serving.AUTO and self.others is not None)

    @property
    def is_everything(self) -> bool:
        """Tells whether all languages are served."""
        return self.serving is Serving.ALWAYS or (self.serving is Serving.AUTO and self.others == frozenset())

    def has_language(self, language_id: str) -> bool:
        """Tells whether documents of this LSP language id are served."""
        return self.is_everything or (self.is_anything and language_id not in (self.others or ()))

    def has_path(self, path: str) -> bool:
        """Tells whether a file of this name is served."""
        language = language_of_path(path)
        if language is None:
            return self.is_anything
        return all(self.has_language(id_) for id_ in (language.name, *language.editor_ids))

    def language_ids(self) -> tuple[str, ...]:
        """Returns the LSP language ids that are served, of those that the index understands."""
        return tuple(id_ for id_ in _EDITOR_IDS if self.has_language(id_))


_EDITOR_IDS: Final = tuple(
    id_ for language in LANGUAGES for id_ in (language.name, *language.editor_ids) if id_ != "tsx"
)
