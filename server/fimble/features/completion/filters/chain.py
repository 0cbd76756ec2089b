"""All filters, in the order in which they look at a text after the stop rules have ended it."""

from collections.abc import Callable
from dataclasses import dataclass

from fimble.features.completion.filters.balance import Balance, balanced
from fimble.features.completion.filters.closing import with_closed_quotes, without_body_below, without_early_closer
from fimble.features.completion.filters.echo import without_echo_of_above, without_echo_of_below
from fimble.features.completion.filters.joining import joining
from fimble.features.completion.filters.leaks import without_broken_token
from fimble.features.completion.filters.names import IsKnownName, knowing
from fimble.features.completion.filters.overlap import covered_length, without_overlap
from fimble.features.completion.filters.parse import parsing
from fimble.features.completion.surroundings import Surroundings
from fimble.features.completion.syntax import Syntax

_NOT_SURE = "not-sure"


@dataclass(frozen=True, slots=True)
class Filtered:
    """What is left of a text, and the names of the filters that took something away, in their order."""

    text: str
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The filters for one hole. `syntax` is asked only by a filter that needs it, since it costs a parse.

    Where `is_asked_by_hand`, a text is shown although it breaks the syntax, if no beginning of it is better: whoever
    presses a key for it wants to see what there is.
    """

    around: Surroundings
    syntax: Callable[[], Syntax | None]
    is_asked_by_hand: bool
    is_known_name: IsKnownName | None = None

    def filtered(self, text: str, rule: str | None) -> Filtered:
        """Returns what is shown of a text that `rule` ended (None: the model)."""
        names: list[str] = []
        for name, filter_ in self._filters(rule):
            if not text.strip():
                break
            kept = filter_(text)
            if kept != text:
                names.append(name)
                text = kept
        if not text.strip():
            return Filtered("", tuple(names))
        return Filtered(with_closed_quotes(text, self.around), tuple(names))

    def _filters(self, rule: str | None) -> list[tuple[str, Callable[[str], str]]]:
        around = self.around
        return [
            ("control-token", without_broken_token),
            ("suffix-overlap", lambda text: without_overlap(text, around)),
            ("body-below", lambda text: without_body_below(text, around)),
            ("unjoined", lambda text: self._joining(text, rule)),
            ("echo-above", lambda text: without_echo_of_above(text, around)),
            ("echo-below", lambda text: without_echo_of_below(text, around)),
            ("early-closer", lambda text: without_early_closer(text, around)),
            ("brackets", lambda text: self._balanced(text, rule)),
            ("parse", lambda text: self._parsing(text, rule)),
            ("unknown-name", self._knowing),
        ]

    def _joining(self, text: str, rule: str | None) -> str:
        return joining(text, rule, self.around, self.syntax()) if "\n" in text else text

    def _balanced(self, text: str, rule: str | None) -> str:
        around = self.around
        if around.is_prose or around.is_comment:
            return text
        balance = Balance(around, lambda one: covered_length(one, around))
        kept = balanced(text, balance, is_partial=rule == _NOT_SURE)
        # Asked where it matters only, since it costs a parse; as below.
        if kept == text or self._is_text:
            return text
        # A model that goes round in circles had nothing to say.
        return kept if rule == "repetition" else self._unless_asked(text, kept)

    def _parsing(self, text: str, rule: str | None) -> str:
        around = self.around
        if rule == _NOT_SURE or around.is_prose or around.is_comment or (syntax := self.syntax()) is None:
            return text
        kept = parsing(text, around, syntax, covered_length(text, around))
        return text if kept == text or self._is_text else self._unless_asked(text, kept)

    def _knowing(self, text: str) -> str:
        if self.is_known_name is None:
            return text
        return self._unless_asked(text, knowing(text, self.around, self.is_known_name))

    @property
    def _is_text(self) -> bool:
        syntax = self.syntax()
        return syntax is not None and syntax.is_text

    def _unless_asked(self, text: str, kept: str) -> str:
        return text if self.is_asked_by_hand and not kept.strip() else kept
