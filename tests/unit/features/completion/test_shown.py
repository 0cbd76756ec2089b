"""What is shown of a text at a place: every filter by its name, and what holds for any text at any place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.features.completion.filters.names import IsKnownName
from fimble.features.completion.shown import Place, Shown
from tests.unit.features.completion.holes import Written, hole


def shown(
    document: str,
    text: str,
    *,
    language: str = "python",
    wrong_max: float = 1.0,
    is_known_name: IsKnownName | None = None,
    stop_reason: str = "stop",
) -> Shown:
    place = Place(*hole(document, language), wrong_max, is_known_name=is_known_name)
    return place.shown(Written(text, stop_reason=stop_reason), "")


CUT = [
    ("suffix-overlap", "f(a, $0)\n", "b)", "b", "python"),
    ("control-token", "x = $0\n", "1<|fim_", "1", "python"),
    ("body-below", "for j in k:\n    $0\n        return 1\n", "if j: return 1", "if j:", "python"),
    ("unjoined", "def f():\n    $0\n    return b\n", "b = 1\n    c = 2\n\n", "b = 1", "python"),
    ("brackets", "x = f($0\n", "a))", "a)", "python"),
    ("brackets", "x = $0\n", "a)", "a", "cobol"),
    ("parse", "def f():\n    $0\n\n\n", "x = 1\n    return return 1", "x = 1", "python"),
    ("indentation", "f {\n\ta {\n\t\tb\n\t}\n\tg {$0\n\t}\n}\n", "\n        c", "\n\t\tc", "javascript"),
]


@pytest.mark.parametrize(("name", "document", "text", "expected", "language"), CUT)
def test_a_filter_that_cuts_is_named(name: str, document: str, text: str, expected: str, language: str) -> None:
    result = shown(document, text, language=language)
    assert (result.text, result.suppressed_by) == (expected, None)
    assert name in result.filters


SUPPRESSED = [
    ("echo-above", "self.pending = {}\n$0\n", "self.pending = {}", "python"),
    ("echo-below", "$0\nself.pending = {}\n", "self.pending = {}", "python"),
    ("early-closer", "switch (x) {\n    case 0: f();\n    $0\n    default:\n}\n", "}", "javascript"),
    ("brackets", "x = $0\n", "f(a", "python"),
    ("parse", "def f():\n    $0\n", "return return", "python"),
    ("empty", "x = $0\n", "  \n  ", "python"),
    ("control-token", "x = $0\n", "<|endoftext|>y", "python"),
    ("fence", "$0\n", "```python\nx\n```", "python"),
]


@pytest.mark.parametrize(("name", "document", "text", "language"), SUPPRESSED)
def test_a_filter_that_suppresses_is_named(name: str, document: str, text: str, language: str) -> None:
    result = shown(document, text, language=language)
    assert (result.text, result.suppressed_by) == ("", name)


def test_a_good_text_is_named_by_none() -> None:
    assert shown("def f(a):\n    return $0\n", "a + 1\n\n\n") == Shown(text="a + 1", ended_by="blank-line")


def test_a_name_that_does_not_exist_suppresses() -> None:
    def is_known_name(owner: str, attribute: str) -> bool | None:
        return None if owner != "store" else attribute == "open"

    assert shown("store.$0\n", "opne()", is_known_name=is_known_name).suppressed_by == "unknown-name"
    assert shown("store.$0\n", "open()", is_known_name=is_known_name).text == "open()"
    assert shown("other.$0\n", "opne()", is_known_name=is_known_name).text == "opne()"


@pytest.mark.parametrize("text", ["f(a", "return return"])
def test_whoever_asks_by_hand_sees_what_breaks_the_syntax(text: str) -> None:
    assert shown("$0\n", text).text == ""
    assert shown("$0\n", text, wrong_max=float("inf")).text == text


def test_a_model_that_goes_round_in_circles_is_not_shown_even_then() -> None:
    text = "x = f(\n    a,\n    a,\n    a,\n    a,"
    assert shown("$0\n", text, wrong_max=float("inf")).suppressed_by == "brackets"


def test_of_several_lines_the_last_is_shown_whole_or_not_at_all() -> None:
    place = Place(*hole("def f():\n    $0\n"), 1.0)
    assert place.shown(Written("return 1", log_probability=-0.05), "").text.startswith("return")
    result = place.shown(Written("a = 1\n    b = 2\n    c = 3", log_probability=-0.015), "")
    assert (result.text, result.ended_by) == ("a = 1\n    b = 2", "not-sure")
    result = place.shown(Written("return a + b + c + d + e", log_probability=-0.015), "")
    assert (result.text, result.ended_by) == ("return a + b + c +", "not-sure")


def test_inside_of_a_docstring_brackets_and_syntax_do_not_matter() -> None:
    assert shown('def f():\n    """Doc.\n\n    $0\n    """\n', "Returns 1) or (2 of them.").filters == ()


def test_prose_may_have_fences_and_brackets() -> None:
    assert shown("# Use\n\n$0\n", "```sh\nrun :)", language="markdown").text == "```sh\nrun :)"


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_documents_line_ends_are_kept(ends: str) -> None:
    document = "def f():\n    a = 1\n    b = g($0)\n    return b\n".replace("\n", ends)
    assert shown(document, "\n        a,\n        1,\n    )\n").text == "\n        a,\n        1,\n    ".replace(
        "\n", ends
    )


LINES = st.sampled_from(
    [
        "x = 1",
        "if a:",
        "else:",
        "return f(a, b)",
        "f(",
        ")",
        "}",
        "if (a) {",
        "a, a, a, a, a",
        '"""',
        "'",
        "# a (b",
        "",
        "  ",
        "<|fim_middle|>",
        "```",
        "ä = 'ö'",
        "for x in y: pass",
        "[1, 2",
        "\t",
        "self.a = {}",
    ]
)
INDENTED = st.builds(lambda width, line: " " * width + line, st.sampled_from([0, 2, 3, 4, 8]), LINES)
TEXTS = st.lists(INDENTED, min_size=0, max_size=8).map("\n".join)
LANGUAGES = st.sampled_from(["python", "javascript", "go", "markdown", "cobol", "yaml"])
WRONG = st.sampled_from([1.0, float("inf")])


@settings(max_examples=400, deadline=None)
@given(before=TEXTS, after=TEXTS, text=TEXTS, language=LANGUAGES, wrong_max=WRONG, size=st.integers(1, 7))
def test_stopping_early_shows_what_the_whole_text_would(
    before: str, after: str, text: str, language: str, wrong_max: float, size: int
) -> None:
    snapshot, offset = hole(f"{before}$0{after}", language)
    whole = Place(snapshot, offset, wrong_max).shown(Written(text), "")
    place = Place(snapshot, offset, wrong_max)
    for end in range(0, len(text), size):
        partial = Written(text[:end], is_running=True)
        if place.has_enough(partial, ""):
            assert place.shown(partial, "") == whole
            return


@settings(max_examples=200, deadline=None)
@given(before=TEXTS, after=TEXTS, text=TEXTS, language=LANGUAGES, log_probability=st.floats(-0.1, 0))
def test_what_is_sure_is_the_same_while_more_is_written(
    before: str, after: str, text: str, language: str, log_probability: float
) -> None:
    snapshot, offset = hole(f"{before}$0{after}", language)
    whole = Place(snapshot, offset, 1.0).shown(Written(text, log_probability=log_probability), "")
    place = Place(snapshot, offset, 1.0)
    # Whole pieces, as they come from the model.
    for end in range(0, len(text), 3):
        partial = Written(text[:end], is_running=True, log_probability=log_probability)
        if place.has_enough(partial, ""):
            assert place.shown(partial, "") == whole
            return


@settings(max_examples=400, deadline=None)
@given(before=TEXTS, after=TEXTS, text=TEXTS, language=LANGUAGES, wrong_max=WRONG)
def test_nothing_is_invented_but_closing_quotes(
    before: str, after: str, text: str, language: str, wrong_max: float
) -> None:
    snapshot, offset = hole(f"{before}$0{after}", language)
    result = Place(snapshot, offset, wrong_max).shown(Written(text), "")
    assert bool(result.text) == (result.suppressed_by is None)
    lines = [line.strip() for line in text.split("\n")]
    for number, line in enumerate(result.text.replace("\r\n", "\n").split("\n")):
        kept = line.strip().removesuffix('"""').removesuffix("'''")
        assert lines[number].startswith(kept)
    assert result.replace_length <= len(after.split("\n", maxsplit=1)[0])


@pytest.mark.parametrize(
    ("language", "before", "text"),
    [
        ("python", "(" * 20_000, "a\nb = 2\nc = 3"),
        ("javascript", "/*" * 5_000, "x\n/*/*\ny"),
        ("cpp", "a<b<c<d<" * 1_000, "int x = 1;\nint y;"),
        ("python", "\"'`" * 5_000, "x = \"''\"\ny"),
        ("python", "x\n", ", a" * 3_000),
        ("python", "x\n", "ab" * 10_000),
        ("python", "\n" * 50_000, " \n" * 5_000 + "x"),
        ("cobol", "x\n", "((((((" * 3_000),
    ],
)
def test_a_text_that_is_hard_to_read_comes_to_an_end(language: str, before: str, text: str) -> None:
    result = shown(f"{before}$0", text, language=language)
    assert bool(result.text) == (result.suppressed_by is None)
