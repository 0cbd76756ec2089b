"""Indentation as the file has it: a text that was written with four spaces a level is no use among tabs."""

from typing import Final

from fimble.features.completion.surroundings import BLOCK_SIGNS, Surroundings, is_indent, leading_blanks

_COLUMNS: Final = 4
_USUAL_STEP: Final = " " * _COLUMNS


def restyled(written: str, around: Surroundings) -> str:
    """Returns a text whose further lines are indented by the file's own steps, counted from the cursor's line.

    Each line depends on what stands above it only, so that a text that is still being written is shown as it will be.
    """
    if "\n" not in written or not around.indents or (around.language is not None and around.language.is_data):
        return written
    lines = written.split("\n")
    base = leading_blanks(around.line_before if around.line_before.strip() else around.line_before + lines[0])
    before, step = around.line_before + lines[0], ""
    for number, line in enumerate(lines[1:], 1):
        if not line.strip():
            continue
        blanks = leading_blanks(line)
        if not step and before.rstrip().endswith(BLOCK_SIGNS):
            step = _step(leading_blanks(before), blanks)
        before = line
        if (now := _converted(blanks, base, step, around.indents)) != blanks:
            lines[number] = now + line[len(blanks) :]
    return "\n".join(lines)


def _step(before: str, blanks: str) -> str:
    """Returns what a line is deeper by than the one that opens its block, empty where that is not one level."""
    if len(blanks) > len(before) and blanks.startswith(before):
        step = blanks[len(before) :]
    else:
        # Spaces below tabs: the model counts in columns.
        step = " " * (_columns(blanks) - _columns(before))
    return step if is_indent(step) else ""


def _converted(blanks: str, base: str, step: str, indents: tuple[str, ...]) -> str:
    """Returns an indentation with the file's steps in place of those of the text, unless the file has those too."""
    indent = indents[0]
    has_tabs, has_spaces = "\t" in indents, any(" " in one for one in indents)
    is_foreign = ("\t" in blanks and not has_tabs) or (" " in blanks and not has_spaces)
    if not is_foreign and (not step or step in indents):
        return blanks
    if blanks.strip("\t") == "" and indent != "\t":
        return indent * len(blanks)
    deeper = _columns(blanks) - _columns(base)
    if deeper < 0:
        # Back at a level that the file has, which the model has seen; only the kind of blanks may be another.
        levels, rest = divmod(_columns(blanks), _columns(indent))
        return indent * levels + " " * rest if is_foreign else blanks
    levels, rest = divmod(deeper, _columns(step or _USUAL_STEP))
    # The rest aligns a line with something above.
    return base + indent * levels + " " * rest


def _columns(blanks: str) -> int:
    return len(blanks.expandtabs(_COLUMNS))
