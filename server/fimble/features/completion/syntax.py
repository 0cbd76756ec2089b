"""What the grammar says about a text that is being written into a hole: where its node ends, and how broken it is.

Only a window of whole lines around the hole is parsed, each time from its frame's tree. A parse that takes too many
steps is given up, and with it all of the hole's syntax: the rules for text and indentation decide then.
"""

import re
from functools import cached_property
from typing import Final

import tree_sitter

from fimble.features.completion.frame import BoundedParser, Frame, Frames, errors_in, window_around
from fimble.features.completion.surroundings import language_of
from fimble.workspace.snapshot import Snapshot

_CLIMB_MAX: Final = 60

# Nodes whose children are statements, declarations or the like, in the grammars that the index knows.
_CONTAINER: Final = re.compile(
    r"^(?:module|program|source_file|source|translation_unit|compilation_unit|chunk|document|stylesheet|statements)$"
    r"|block$|_body$|^body$|body_statement$|statement_list$|compound_statement$|declaration_list$|^do_group$|^then$"
    r"|^suite$|^switch_"
)
_TEXT: Final = re.compile(r"string|comment|heredoc|template_literal|regex")
_DECORATION: Final = re.compile(r"^attribute_item$|^decorator$|^(?:marker_)?annotation$")
# Inside of a string, these hold code again.
_CODE: Final = re.compile(r"interpolation|substitution|expansion|embedded")
_TEXT_CLIMB_MAX: Final = 4


class Syntax:
    """The parsed window around one hole."""

    def __init__(self, frame: Frame, line_before: str, line_after: str) -> None:
        """`line_before` and `line_after` are what stands on the hole's line on both sides of it."""
        self._frame = frame
        self._parser = BoundedParser(frame.grammar, frame.steps_max, frame.steps_left)
        self._line_before, self._line_after = line_before, line_after
        self._before = frame.above + line_before
        self._before_bytes = frame.hole_byte + len(line_before.encode())
        self._cursor_line = line_before.rpartition("\n")[2]
        self._ends: dict[tuple[str, str], bool | None] = {}
        self._counts: dict[str, int | None] = {}

    @classmethod
    def of(cls, snapshot: Snapshot, offset: int, frames: Frames | None = None) -> "Syntax | None":
        """Returns the syntax around a place, None where no grammar is installed for the document's language.

        `frames` are those of questions before, which spare the parse of the frame.
        """
        language = language_of(snapshot)
        if language is None:
            return None
        window = window_around(snapshot.text, offset)
        frame = (frames or Frames()).of(language, window)
        return None if frame is None else cls(frame, window.line_before, window.line_after)

    @property
    def is_given_up(self) -> bool:
        """Whether a parse took too long, so that nothing is known any more."""
        return self._frame.parsed is None or self._parser.is_given_up

    def ends_before(self, written: str, line: str) -> bool | None:
        """Tells whether the node in which the hole is ends before `line`, which was written after the lines `written`.

        With text before the cursor, that is its statement, else the block of what was written first. None where the
        grammar cannot tell.
        """
        key = written, line
        if key not in self._ends:
            self._ends[key] = self._ends_before(written, line)
        return self._ends[key]

    def first_statement(self, written: str, skipped: int = 0) -> str | None:
        """Returns a text that begins on a blank line up to the end of the first statement after `skipped` characters.

        That is all of the text where the hole is inside of a statement, and None where none is whole.
        """
        root = self._root(self._line_before + written, has_below=False)
        start = self._first_sign(written)
        if root is None or start is None:
            return None
        rest = written[skipped:]
        place = len(f"{self._before}{written[:skipped]}{rest.removesuffix(rest.lstrip())}".encode())
        statement = _statement_at(root, place)
        if statement is None or statement.type == "ERROR" or statement.has_error:
            return None
        if statement.start_byte < start:
            return written
        source = f"{self._before}{written}".encode()
        end = source.find(b"\n", statement.end_byte - 1)
        return source[: end if end >= 0 else len(source)].decode("utf-8", "replace")[len(self._before) :].rstrip()

    def errors(self, written: str, covered: int = 0) -> int | None:
        """Returns how many errors the window has with a text in the hole; None where it cannot be parsed in time.

        `covered` is how many characters after the cursor it replaces.
        """
        return self._count(self._filled(written, covered))

    def errors_without_line(self) -> int | None:
        """Returns how many errors the window has without what stands on the cursor's line before the cursor."""
        return self._count(self._line_before.removesuffix(self._cursor_line) + self._line_after)

    @cached_property
    def is_text(self) -> bool:
        """Whether the hole is inside of a string or a comment."""
        root = self._root(self._filled("", 0))
        is_line_comment = bool(self._cursor_line.strip())
        return root is not None and _text_at(root, self._before_bytes, is_line_comment=is_line_comment) is not None

    def _filled(self, written: str, covered: int) -> str:
        """Returns what stands between the lines of the frame with a text in the hole."""
        return f"{self._line_before}{written}{self._line_after[covered:]}"

    def _count(self, inside: str) -> int | None:
        if inside not in self._counts:
            root = self._root(inside)
            self._counts[inside] = None if root is None else errors_in(root)
        return self._counts[inside]

    def _ends_before(self, written: str, line: str) -> bool | None:
        # With what follows, since most grammars make nothing of a block that is not closed.
        root = self._root(self._filled(f"{written}\n{line}", 0))
        start = self._first_sign(written)
        if root is None or start is None or not line.strip():
            return None
        place = len(f"{self._before}{written}\n".encode()) + len(line) - len(line.lstrip())
        text = _text_at(root, place)
        if text is not None:
            # A string that was begun goes on, whatever its indentation; of one that was there already, nobody knows.
            return False if text.start_byte >= self._before_bytes else None
        statement = _statement_at(root, start)
        if statement is None or statement.type == "ERROR" or statement.has_error:
            return None
        if not self._is_new_block(written):
            cursor_row = self._before.count("\n")
            # Of a statement that began further up, one more line may be all that is wanted.
            return statement.end_byte <= place if statement.start_point.row == cursor_row else None
        block = statement.parent
        if block is None or block.parent is None:
            return None
        if block.end_byte <= place:
            return True
        closer = root.descendant_for_byte_range(place, place + 1)
        return True if closer is not None and not closer.is_named and closer.parent == block else None

    def _is_new_block(self, written: str) -> bool:
        """Tells whether the text begins on a line of its own."""
        return not self._cursor_line.strip() or not written.partition("\n")[0].strip()

    def _first_sign(self, written: str) -> int | None:
        """Returns where the first sign of the cursor's line is, or of a text on a line of its own, in bytes."""
        line, text = self._cursor_line, written.lstrip()
        if not self._is_new_block(written):
            return self._before_bytes - len(line.lstrip().encode())
        return len(f"{self._before}{written.removesuffix(text)}".encode()) if text else None

    def _root(self, inside: str, *, has_below: bool = True) -> tree_sitter.Node | None:
        """Returns the root with a text between the lines of the frame; None where it cannot be parsed in time."""
        tree = self._frame.tree(inside, self._parser, has_below=has_below)
        return None if tree is None else tree.root_node


def _statement_at(root: tree_sitter.Node, place: int) -> tree_sitter.Node | None:
    """Returns the statement, or whatever else stands in a block, that has the sign at `place`."""
    node = root.descendant_for_byte_range(place, place + 1)
    for _ in range(_CLIMB_MAX):
        if node is None or node.parent is None:
            return None
        is_in_block = _CONTAINER.search(node.parent.type) or node.parent.parent is None
        # A block's own brackets belong to the statement around it.
        if (is_in_block and node.is_named) or _DECORATION.search(node.type):
            return node
        node = node.parent
    return None


def _text_at(root: tree_sitter.Node, place: int, *, is_line_comment: bool = False) -> tree_sitter.Node | None:
    """Returns the string or the comment that begins before the byte `place` and goes on after it.

    A comment may also end there (`is_line_comment`).
    """
    node = root.descendant_for_byte_range(max(0, place - 1), place)
    for _ in range(_TEXT_CLIMB_MAX):
        if node is None or _CODE.search(node.type):
            return None
        reaches = node.end_byte > place or (is_line_comment and "comment" in node.type and node.end_byte == place)
        if _TEXT.search(node.type) and node.start_byte < place and reaches:
            return node
        node = node.parent
    return None
