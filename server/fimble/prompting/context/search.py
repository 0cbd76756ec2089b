"""What every source of context needs to know: the code, the place, and how long somebody waits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fimble.index.queries.describe import enclosing
from fimble.index.queries.view import View
from fimble.index.symbols import FUNCTIONS, TYPES, Symbol
from fimble.prompting.context.activity import ActivityMoment
from fimble.prompting.context.cursor import Cursor
from fimble.prompting.context.excerpt import Excerpts

_SCOPES: Final = FUNCTIONS | TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search for the candidates of one cursor, in the file `path` of `view`; `cut` reads each file once."""

    view: View
    path: str
    cursor: Cursor
    activity: ActivityMoment
    cut: Excerpts
    is_cancelled: Callable[[], bool]

    def scopes(self) -> tuple[Symbol, ...]:
        """Returns the types and functions around the cursor, outermost first.

        A function whose body is not written yet ends before the cursor as parsers see it, so that what is indented
        less above the cursor counts as well.
        """
        around = tuple(each for each in enclosing(self.view, self.path, self.cursor.line) if each.kind in _SCOPES)
        symbols = self.view.symbols(self.path)
        lines = self.cut.lines(self.path)
        width = self.cursor.indentation
        found: list[Symbol] = []
        for symbol in reversed(symbols.symbols if symbols is not None else ()):
            if symbol.kind not in _SCOPES or symbol.start_line >= self.cursor.line or symbol.line >= len(lines):
                continue
            own = len(lines[symbol.line]) - len(lines[symbol.line].lstrip())
            if own < width:
                found.append(symbol)
                width = own
        return around if len(around) >= len(found) else tuple(reversed(found))
