"""The worker's thread: loading, its failures, the self-test, and what it tells."""

import queue
import time
from collections.abc import Callable, Iterator

import pytest

from fimble.engine.messages.frames import ControlPart, Done, EngineFrame, Failed, State, TextPart
from fimble.engine.process.backends.backend import Fragment, LoadProgress, Run
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

    def on_idle(self) -> None:
        self.states.append(State.UNLOADED)

    def on_fault(self, message: str) -> None:
        self.faults.put(message)


class RefusingBackend(ScriptedBackend):
    """Cannot be loaded."""

    def load(self, progress: LoadProgress) -> None:
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
    assert at_work.notebook.states == [State.LOADING, State.LOADING, State.READY]


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


class HungryBackend(ScriptedBackend):
    """Keeps its device's memory until the process ends, as CUDA does, and tells how loading goes."""

    must_end_to_free = True

    def load(self, progress: LoadProgress) -> None:
        progress("7 of 9 layers")


def test_the_progress_of_loading_is_told(bench: Make) -> None:
    at_work = bench(HungryBackend(Script()))
    at_work.ask()
    assert at_work.notebook.states[:3] == [State.LOADING, State.LOADING, State.READY]


def test_a_process_that_alone_can_free_the_memory_is_asked_to_end_when_idle() -> None:
    notebook, scheduler = Notebook(), Scheduler(queue_max=8, clock=lambda: 0.0)
    now = iter(range(10_000))
    worker = Worker(
        HungryBackend(Script()), scheduler, notebook, controls={}, idle_unload_s=50, clock=lambda: float(next(now))
    )
    worker.start()
    scheduler.submit(Job(client=1, id=1, parts=[TextPart("a b c d e")], tokens_max=4))
    assert isinstance(notebook.frames.get(timeout=5), Done)
    for _ in range(1000):
        scheduler.wake()
        if State.UNLOADED in notebook.states:
            break
        time.sleep(0.005)
    worker.stop()
    worker.join(timeout=5)
    assert notebook.states[-1] is State.UNLOADED
