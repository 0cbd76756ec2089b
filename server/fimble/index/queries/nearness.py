"""How near a file is to the one that the user looks at: what to show first when many files define the same name."""

import re
from functools import lru_cache
from typing import Final

from fimble.index.languages import language_of_path
from fimble.index.store.schema import FileFlag

_FAMILIES: Final = (
    frozenset({"typescript", "tsx", "javascript"}),
    frozenset({"c", "cpp"}),
    frozenset({"java", "kotlin", "scala"}),
)
_FAMILY_OF: Final = {language: number for number, family in enumerate(_FAMILIES) for language in family}

_TEST: Final = re.compile(
    r"(?:^|/)(?:tests?|__tests__|testing|specs?|fixtures|__mocks__|testdata)/"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.[^/.]+$"
    r"|[._-](?:test|spec|tests)\.[^/]+$"
    r"|Tests?\.(?:java|kt|cs|swift|scala)$"
)
_VENDORED: Final = re.compile(
    r"(?:^|/)(?:node_modules|vendor|vendored|third_party|thirdparty|site-packages|dist|build|generated|__generated__)/"
)

SAME_FOLDER: Final = 30.0
SAME_LANGUAGE: Final = 40.0
_CLOSENESS: Final = 20.0
_TEST_MALUS: Final = 25.0
_VENDORED_MALUS: Final = 50.0
_GENERATED_MALUS: Final = 40.0
_DATA_MALUS: Final = 100.0
_REMEMBERED_PATHS: Final = 16_384


class Nearness:
    """Compares files with one file; with an empty path, with none in particular."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._folders = path.split("/")[:-1]
        self._family = family_of(path) if path else None
        self._is_test = bool(_TEST.search(path))

    def of(self, path: str, flags: int = 0) -> float:
        """Returns a number that is larger for nearer files, between about -250 and 100."""
        folder, family, malus, is_test_file, is_data = _traits(path)
        score = -malus
        if self._path:
            folders = folder.split("/") if folder else []
            common = 0
            for own, other in zip(self._folders, folders, strict=False):
                if own != other:
                    break
                common += 1
            score += _CLOSENESS * (1 + 2 * common) / (1 + len(self._folders) + len(folders))
            if folders == self._folders:
                score += SAME_FOLDER
            if self._family is not None and family == self._family:
                score += SAME_LANGUAGE
        else:
            score -= folder.count("/")
        if is_test_file and not self._is_test:
            score -= _TEST_MALUS
        if flags & FileFlag.VENDORED and not malus:
            score -= _VENDORED_MALUS
        if flags & FileFlag.GENERATED:
            score -= _GENERATED_MALUS
        if is_data and family != self._family:
            score -= _DATA_MALUS
        return score


def family_of(path: str) -> str | int | None:
    """Returns what a file's language shares with those whose names it can use, to be compared for equality."""
    language = language_of_path(path)
    return _FAMILY_OF.get(language.name, language.name) if language else None


def is_test(path: str) -> bool:
    """Returns whether a file's path says that it holds tests or what tests need."""
    return bool(_TEST.search(path))


@lru_cache(_REMEMBERED_PATHS)
def _traits(path: str) -> tuple[str, str | int | None, float, bool, bool]:
    """Returns a file's folder, family, malus, whether it is a test and whether it is data."""
    language = language_of_path(path)
    malus = _VENDORED_MALUS if _VENDORED.search(path) else 0.0
    return path.rpartition("/")[0], family_of(path), malus, is_test(path), language is None or language.is_data
