"""Why a suggestion is as it is: `fimble/suggestion`, and the command that says it in words."""

from dataclasses import replace
from typing import Any

from lsp_fakes import FakeEditor, FakeWorld

from fimble.features.completion.suggestion import CompletionQuery, ContextItem, Explanation, Section, Suggestion
from fimble.lsp.suggestions import suggestion_from_lsp

URI = "file:///w/a.py"


class ExplainingWorld(FakeWorld):
    """Tells how it came to its suggestion."""

    async def suggest(self, query: CompletionQuery) -> Suggestion:
        answer = await super().suggest(query)
        section = Section(name="context", path="b.py", first_line=2, last_line=4, why="defines it", tokens=30)
        return replace(
            answer,
            model="small",
            prompt_tokens=50,
            cached_tokens=40,
            context=(ContextItem(path="b.py", first_line=2, last_line=4, why="defines it", tokens=30),),
            explanation=Explanation(
                sections=(section, Section(name="typed")),
                stages_ms=(("context", 1.5), ("decode", 30.0)),
                filters=("indentation",),
                expected_wrong_characters=0.5,
            ),
            alternatives=() if "alternatives" not in query.snapshot.text.content else (replace(answer, text="other"),),
        )


async def ready_editor(text: str = "x = \n", **more: Any) -> FakeEditor:
    editor = FakeEditor(ExplainingWorld())
    await editor.initialize(**more)
    editor.open(text)
    return editor


async def suggestion(editor: FakeEditor, msg_id: int = 1) -> Any:
    editor.ask(msg_id, 0, 4, method="fimble/suggestion")
    return (await editor.reply(msg_id))["result"]


async def why(editor: FakeEditor, *arguments: Any) -> Any:
    editor.request("why", "workspace/executeCommand", {"command": "fimble.server.why", "arguments": list(arguments)})
    result = (await editor.reply("why"))["result"]
    editor.sent.clear()
    return result


async def test_a_suggestion_comes_with_its_explanation() -> None:
    result = await suggestion(await ready_editor())
    assert result["text"] == "suggested()"
    assert result["context"] == [{"path": "b.py", "range": [2, 4], "why": "defines it", "tokens": 30}]
    assert result["explanation"] == {
        "sections": [
            {"name": "context", "path": "b.py", "range": [2, 4], "why": "defines it", "tokens": 30},
            {"name": "typed", "path": "", "range": None, "why": "", "tokens": None},
        ],
        "stages_ms": [{"stage": "context", "ms": 1.5}, {"stage": "decode", "ms": 30.0}],
        "filters": ["indentation"],
        "expected_wrong_characters": 0.5,
        "wrong_characters_max": None,
        "mean_log_probability": None,
    }
    assert result["alternatives"] == []
    assert "offset" not in result


async def test_what_was_sent_can_be_read_again() -> None:
    editor = await ready_editor("x = # alternatives\n")
    result = await suggestion(editor)
    assert result["alternatives"] == [{"text": "other", "replace_length": 0}]
    read = suggestion_from_lsp(result)
    assert [other.text for other in read.alternatives] == ["other"]
    assert (read.text, read.offset, read.prompt_tokens) == ("suggested()", 0, 50)
    assert read.context[0].first_line == 2
    assert read.explanation.sections[1] == Section(name="typed")
    assert read.explanation.stages_ms == (("context", 1.5), ("decode", 30.0))


async def test_the_command_explains_the_last_answer_of_a_document() -> None:
    editor = await ready_editor()
    await suggestion(editor)
    for arguments in ([URI], [{"uri": URI}], [{"textDocument": {"uri": URI}}], []):
        result = await why(editor, *arguments)
        assert result["markdown"].startswith(
            "# Why this suggestion?\n\na.py, line 1, column 5 · asked for by a key · written by small\n"
        )
        assert "| context | b.py | 3–5 | 30 | defines it |" in result["markdown"]
        assert result["suggestion"]["text"] == "suggested()"
        assert (result["textDocument"], result["trigger"]) == ({"uri": URI}, "manual")
        assert result["position"] == {"line": 0, "character": 4}


async def test_the_command_says_why_there_is_nothing() -> None:
    editor = await ready_editor("x = #nothing\n")
    await suggestion(editor)
    result = await why(editor, URI)
    assert result["markdown"].startswith("# Why no suggestion?\n")
    assert "**Nothing is shown:** `confidence`." in result["markdown"]
    assert result["suggestion"]["suppressed_by"] == "confidence"


async def test_where_nothing_was_asked_it_says_so() -> None:
    editor = await ready_editor()
    nothing = {"markdown": "# Why no suggestion?\n\nNothing was asked here yet.\n", "suggestion": None}
    for arguments in ([], [URI], ["file:///unknown"], [5], [None], [[]], [{"uri": 5}]):
        assert await why(editor, *arguments) == nothing, arguments


async def test_where_suggestions_are_switched_off_it_says_so() -> None:
    editor = await ready_editor(options={"completion": {"languagesDisabled": ["python"]}})
    result = await why(editor, URI)
    assert result == {
        "markdown": "# Why no suggestion?\n\nSuggestions are switched off for this file.\n",
        "suggestion": None,
    }


async def test_positions_are_counted_as_the_editor_counts() -> None:
    editor = await ready_editor("😀=\n", capabilities={"general": {"positionEncodings": ["utf-8"]}})
    editor.ask(1, 0, 5, method="fimble/suggestion")
    await editor.reply(1)
    result = await why(editor, URI)
    assert result["position"] == {"line": 0, "character": 5}
    assert "line 1, column 3" in result["markdown"]
