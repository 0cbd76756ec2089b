from fimble.bench.replay.screen import Screen


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_ghost_text_that_is_typed_along_stays_and_gets_shorter() -> None:
    clock = Clock()
    screen = Screen(clock)
    screen.pressed("a", 0.0)
    screen.show("bcd", origin="item")
    screen.pressed("b", 0.2)
    assert screen.shown is not None
    assert (screen.shown.text, screen.shown.passed, screen.shown.since_s, screen.shown.origin) == ("cd", 1, 0.0, "item")
    assert [(span.press, span.text, span.from_s, span.until_s) for span in screen.spans] == [
        (0, "bcd", 0.0, 0.2),
        (1, "cd", 0.2, 0.2),
    ]


def test_ghost_text_goes_when_something_else_is_typed() -> None:
    screen = Screen(Clock())
    screen.show("bcd")
    screen.pressed("x", 0.0)
    assert screen.shown is None


def test_ghost_text_goes_when_it_is_typed_to_its_end() -> None:
    screen = Screen(Clock())
    screen.show("b")
    screen.pressed("b", 0.0)
    assert screen.shown is None


def test_an_answer_equal_to_what_is_shown_is_no_new_suggestion() -> None:
    clock = Clock()
    screen = Screen(clock)
    assert screen.show("bcd")
    screen.pressed("b", 0.0)
    clock.now_s = 0.1
    assert not screen.show("cd")
    assert screen.show("ce")
    assert [span.suggestion for span in screen.spans] == [0, 0, 1]


def test_an_empty_answer_takes_the_ghost_text_off() -> None:
    clock = Clock()
    screen = Screen(clock)
    screen.show("bcd")
    clock.now_s = 0.3
    assert not screen.show("")
    assert screen.shown is None
    assert screen.spans[0].until_s == 0.3
