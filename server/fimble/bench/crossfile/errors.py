"""What can be wrong with the packages, spots and results of this benchmark."""

from fimble.errors import FimbleError


class CrossfileError(FimbleError):
    """Base of the errors of this benchmark."""


class PackageMissing(CrossfileError):
    """A package that spots lie in cannot be had, or is not the one that they were found in."""


class ArchiveUnsafe(CrossfileError):
    """A package's archive would write outside of its folder, or is far larger than a package is."""


class SpotInvalid(CrossfileError):
    """A spot does not fit the package's text."""


class ArmUnavailable(CrossfileError):
    """What an arm compares does not exist."""


class ResultsOther(CrossfileError):
    """The results folder holds those of other settings."""


class TextUnscorable(CrossfileError):
    """A model cannot be asked how probable a text is."""
