"""How long-running work on model files tells how far it is."""

from collections.abc import Callable

# Called with the bytes done, the bytes in all, and what is being done, in words for the user.
Progress = Callable[[int, int, str], None]


def silent(done_bytes: int, total_bytes: int, what: str) -> None:
    """Reports nothing; the default where nobody watches."""
