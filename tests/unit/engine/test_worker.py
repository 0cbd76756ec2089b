"""The worker's thread: loading, its failures, the self-test, and what it tells."""

import queue
from collections.abc import Callable, Iterator

import pytest

from fimble.engine.messages.frames import ControlPart, Done, EngineFrame, Failed, State, TextPart
from fimble.engine.process.backends.backend import Fragment, Run
from fimble.engine.process.backends.scripted import Script, ScriptedBackend
from fimble.engine.process.scheduler import Job, Scheduler
from fimble.engine.process.worker import Worker
from fimble.errors import ModelRefused


class Notebook:
    """Writes down what the worker says."""

    def __init__(self) -> None:
        self.frames: queue.Queue[EngineFrame] = queue.Queue()
        self.states: list[State] = []
        self.faults: queue.Queue[str] = queue.Queue()

    def on_frame(self, client: int, frame: EngineFrame) -> None:
        if isinstance(frame, Done | Failed):
            self.frames.put(frame)

    def on_state(self, state: State, message: str) -> None:
        self.states.append(state)

    def on_fault(self, message: str) -> None:
        self.faults.put(message)


class RefusingBackend(ScriptedBackend):
    """Cannot be loaded."""

    def load(self) -> None:
        raise ModelRefused("The file is broken; fetch it again.")


class LeakingBackend(ScriptedBackend):
    """Writes a control token as text, like a model with the wrong prompt format."""

    def run(self, run: Run, keep_going: Callable[[], bool], emit: Callable[[Fragment], None]) -> None:
        emit(Fragment("<|fim_middle|>", 1, -0.1))
        run.stop_reason = "stop"


class PlainBackend(ScriptedBackend):
    """Has no fill-in-the-middle tokens."""

    def control(self, token: str) -> int | None:
        return None


class BrokenBackend(ScriptedBackend):
    """Breaks in a way that nobody foresaw, once it is loaded."""

    def run(self, run: Run, keep_going: Callable[[], bool], emit: Callable[[Fragment], None]) -> None:
        if len(run.prompt) < 5:
            raise ZeroDivisionError
        super().run(run, keep_going, emit)


class Bench:
    """A worker at work."""

    def __init__(self, backend: ScriptedBackend) -> None:
        self.scheduler = Scheduler(queue_max=8, clock=lambda: 0.0)
        self.notebook = Notebook()
        self.worker = Worker(backend, self.scheduler, self.notebook, controls={}, idle_unload_s=1e9)
        self.worker.start()

    def ask(self, *parts: TextPart | ControlPart) -> EngineFrame:
        self.scheduler.submit(Job(client=1, id=1, parts=list(parts) or [TextPart("a b c d e")], tokens_max=4))
        return self.notebook.frames.get(timeout=5)


@pytest.fixture
def bench() -> Iterator[Callable[[ScriptedBackend], Bench]]:
    benches: list[Bench] = []

    def make(backend: ScriptedBackend) -> Bench:
        benches.append(Bench(backend))
        return benches[-1]

    yield make
    for each in benches:
        each.worker.stop()
        each.worker.join(timeout=5)
        assert not each.worker.is_alive()


Make = Callable[[ScriptedBackend], Bench]


def test_the_first_job_loads_the_model(bench: Make) -> None:
    at_work = bench(ScriptedBackend(Script()))
    assert isinstance(at_work.ask(), Done)
    assert at_work.notebook.states[:2] == [State.LOADING, State.READY]


def test_a_model_that_cannot_be_loaded_fails_its_jobs_and_the_engine_lives_on(bench: Make) -> None:
    at_work = bench(RefusingBackend(Script()))
    for _ in range(2):
        failed = at_work.ask()
        assert isinstance(failed, Failed)
        assert (failed.code, failed.message) == ("model", "The file is broken; fetch it again.")
    # The file is not read again for every key.
    assert at_work.notebook.states == [State.LOADING, State.FAILED]


def test_a_model_that_leaks_control_tokens_is_refused(bench: Make) -> None:
    failed = bench(LeakingBackend(Script())).ask()
    assert isinstance(failed, Failed)
    assert "self-test" in failed.message


def test_a_model_that_writes_nothing_into_a_hole_is_refused(bench: Make) -> None:
    assert isinstance(bench(ScriptedBackend(Script(otherwise=""))).ask(), Failed)


def test_a_model_without_fill_in_the_middle_can_still_continue_text(bench: Make) -> None:
    at_work = bench(PlainBackend(Script()))
    assert isinstance(at_work.ask(), Done)
    assert at_work.worker.controls == {}


def test_an_unforeseen_error_on_the_device_ends_the_process(bench: Make) -> None:
    at_work = bench(BrokenBackend(Script()))
    at_work.scheduler.submit(Job(client=1, id=1, parts=[TextPart("a")], tokens_max=4))
    assert "ZeroDivisionError" in at_work.notebook.faults.get(timeout=5)
