"""For which languages questions about the code are answered."""

from fimble.features.navigation.served import Served, Serving


def test_nobody_is_served_as_long_as_nobody_told_of_other_servers() -> None:
    served = Served()
    assert not served.is_anything
    assert not served.has_language("python")
    assert not served.has_path("a.py")
    assert served.language_ids() == ()


def test_languages_of_other_servers_are_left_to_them() -> None:
    served = Served(Serving.AUTO, frozenset({"python", "typescriptreact"}))
    assert served.is_anything
    assert not served.is_everything
    assert [served.has_language(id_) for id_ in ("python", "go", "typescriptreact", "plaintext")] == [
        False, True, False, True,
    ]  # fmt: skip
    assert [served.has_path(path) for path in ("a.py", "a.go", "a.tsx", "LICENSE")] == [False, True, False, True]
    assert "go" in served.language_ids()
    assert "python" not in served.language_ids()


def test_everything_is_served_where_there_is_no_other_server() -> None:
    assert Served(Serving.AUTO, frozenset()).is_everything
    assert Served(Serving.AUTO, frozenset()).has_language("python")


def test_always_and_never_do_not_ask() -> None:
    assert Served(Serving.ALWAYS, frozenset({"python"})).has_language("python")
    assert Served(Serving.ALWAYS).is_everything
    assert not Served(Serving.NEVER, frozenset()).has_language("python")
    assert not Served(Serving.NEVER, frozenset()).has_path("a.py")
