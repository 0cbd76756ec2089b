"""ExLlamaV2's real generator under our worker, with a model whose output shows any mistake of the cache."""

import math
import os
import random
from collections.abc import Callable

import pytest

from fimble.engine.messages.frames import (
    Cancelled,
    ControlPart,
    Done,
    EngineFrame,
    Failed,
    Piece,
    State,
    TextPart,
    Urgency,
)
from fimble.engine.process.scheduler import Job, Scheduler
from fimble.engine.process.worker import Worker
from tests.exllamav2_cpu import import_exllamav2

exllamav2 = import_exllamav2()

from fimble.engine.process.backends.backend import Fragment, Run  # noqa: E402 - what follows imports exllamav2.
from fimble.engine.process.backends.exl2 import attention  # noqa: E402
from fimble.engine.process.backends.exllamav2 import PAGE_TOKENS, ExLlamaV2Backend  # noqa: E402
from tests.functional.exllamav2.hash_model import (  # noqa: E402
    CONTROL,
    CONTROL_ID,
    PEAK,
    VOCABULARY,
    ForgetfulCache,
    Opened,
    read,
    spell,
    truth,
)

JOBS = int(os.environ.get("FIMBLE_TEST_JOBS", "2400"))


@pytest.fixture(autouse=True, scope="module")
def _paged_attention() -> None:
    """The generator asks whether there is paged attention before it starts; the hash model has none to compute."""
    attention.install(exllamav2, device_majors=[])


def numbers(count: int, seed: int) -> list[int]:
    """Returns a prompt of ordinary tokens that no other seed starts with."""
    return [seed % 400, *random.Random(seed).choices(range(CONTROL_ID - 1), k=count - 1)]


def backend(opened: Opened | None = None) -> ExLlamaV2Backend:
    opened = opened or Opened()
    made = ExLlamaV2Backend(opened)
    made.load(lambda _: None)
    return made


def write(
    model: ExLlamaV2Backend, prompt: list[int], tokens_max: int = 16, **settings: object
) -> tuple[Run, str, list[float]]:
    """Runs one prompt alone; returns the run, its text and the log-probabilities of its pieces."""
    run = Run(prompt=prompt, tokens_max=tokens_max, **settings)  # type: ignore[arg-type]
    texts: list[str] = []
    log_probabilities: list[float] = []

    def emit(_: Run, fragment: Fragment) -> None:
        texts.append(fragment.text)
        log_probabilities.append(fragment.log_probability)

    model.start(run)
    while not model.advance(lambda _: False, emit):
        pass
    return run, "".join(texts), log_probabilities


class Engine:
    """A worker that runs in the test's own thread until every job has ended."""

    def __init__(self, opened: Opened | None = None, queue_max: int = 2000) -> None:
        self.opened = opened or Opened()
        self.backend = ExLlamaV2Backend(self.opened)
        self.scheduler = Scheduler(queue_max=queue_max, clock=lambda: 0.0, places=self.backend.runs_max)
        self.worker = Worker(self.backend, self.scheduler, self, controls={}, idle_unload_s=1e9)
        self.prompts: dict[int, Job] = {}
        self.ends: dict[int, EngineFrame] = {}
        self.pieces: dict[int, list[Piece]] = {}
        self.order: list[int] = []
        self.faults: list[str] = []
        self.states: list[State] = []
        self.on_piece: Callable[[Piece], None] = lambda _: None

    def on_frame(self, client: int, frame: EngineFrame) -> None:
        if isinstance(frame, Piece):
            self.pieces.setdefault(frame.id, []).append(frame)
            self.on_piece(frame)
        elif isinstance(frame, Done | Cancelled | Failed):
            assert frame.id not in self.ends, "a job ends once"
            self._end(frame.id, frame)

    def on_state(self, state: State, message: str) -> None:
        self.states.append(state)

    def on_idle(self) -> None:
        raise AssertionError("nobody waited for so long")

    def on_fault(self, message: str) -> None:
        self.faults.append(message)

    def submit(self, id: int, prompt: list[int], tokens_max: int = 16, **settings: object) -> Job:
        # Text is read in pieces, so that a control token may stand anywhere.
        job = Job(client=1, id=id, parts=[TextPart(spell(prompt))], tokens_max=tokens_max, **settings)  # type: ignore[arg-type]
        self.prompts[id] = job
        for gone in self.scheduler.submit(job):
            self._end(gone.id, Cancelled(gone.id, "superseded"))
        return job

    def cancel(self, id: int) -> None:
        gone = self.scheduler.cancel(1, id)
        if gone is not None:
            self._end(id, Cancelled(id, "cancelled"))

    def run(self) -> None:
        """Runs until all that was submitted has ended; jobs may be submitted meanwhile."""
        if len(self.ends) < len(self.prompts):
            self.worker.run()

    def text(self, id: int) -> str:
        return "".join(piece.text for piece in self.pieces.get(id, []))

    def _end(self, id: int, frame: EngineFrame) -> None:
        self.ends[id] = frame
        self.order.append(id)
        if len(self.ends) == len(self.prompts):
            self.worker.stop()


def test_text_tokens_and_costs_are_those_of_the_model() -> None:
    model, prompt = backend(), numbers(700, 1)
    run, text, log_probabilities = write(model, prompt, 40)
    expected = truth(prompt, 40)
    assert (text, run.generated, run.generated_tokens) == (spell(expected), expected, len(expected))
    assert run.stop_reason == ("length" if len(expected) == 40 else "stop")
    assert (run.cached_tokens, run.evaluated_tokens) == (0, 700)
    # One logit of 5 among 500, of which greedy sampling by itself would report 1.0.
    true = PEAK - math.log(math.exp(PEAK) + VOCABULARY - 1)
    assert log_probabilities == pytest.approx([true] * len(expected), abs=1e-4)


def test_a_stop_token_ends_the_text_and_is_not_written() -> None:
    model = backend()
    prompt = next(p for seed in range(1000) if 0 < len(truth(p := numbers(20, seed), 64)) < 64)
    run, text, _ = write(model, prompt, 64)
    assert (run.stop_reason, text) == ("stop", spell(truth(prompt, 64)))


@pytest.mark.parametrize("start", ["1", "12", "12,3", "7,", "39,40,41", "0,0,0,4"])
@pytest.mark.parametrize("drafts", [False, True])
def test_the_text_starts_with_what_was_asked_for(start: str, drafts: bool) -> None:
    run, text, _ = write(backend(), numbers(30, 5), 12, starts_with=start, drafts=drafts)
    assert text.startswith(start)
    assert run.generated_tokens == 12 or run.stop_reason == "stop"


def test_a_start_that_no_token_spells_is_given_up_rather_than_the_text() -> None:
    _, text, _ = write(backend(), numbers(30, 5), 12, starts_with="x")
    assert text
    assert not text.startswith("x")


def test_a_keystroke_reads_what_was_typed_and_nothing_else() -> None:
    model, context = backend(), numbers(2300, 2)
    write(model, context)
    for typed in range(1, 9):
        run, text, _ = write(model, context + list(range(100, 100 + typed)))
        assert run.evaluated_tokens <= 2, "the token typed, and the last one, which is read while writing"
        assert text == spell(truth(context + list(range(100, 100 + typed)), 16))


def test_a_chat_and_two_editors_keep_their_places_in_the_cache() -> None:
    model = backend(Opened(cache_tokens=16384))
    prompts = [numbers(2000, 3), numbers(2000, 4), numbers(4000, 5)]
    for prompt in prompts:
        assert write(model, prompt)[0].cached_tokens == 0
    for _ in range(3):
        for prompt in prompts:
            run, text, _ = write(model, prompt)
            assert (run.evaluated_tokens, text) == (1, spell(truth(prompt, 16)))


def test_a_prompt_that_is_only_read_writes_nothing_and_is_there_for_the_next() -> None:
    model, prompt = backend(), numbers(1500, 6)
    run, text, _ = write(model, prompt, 0)
    assert (run.stop_reason, run.generated, text, run.evaluated_tokens) == ("length", [], "", 1500)
    assert write(model, prompt)[0].evaluated_tokens == 1


def test_what_is_copied_from_the_prompt_takes_fewer_passes_with_guesses_ahead() -> None:
    prompt = [*range(40), *range(40), *numbers(100, 8)]
    passes = []
    for drafts in (False, True):
        opened = Opened()
        model = backend(opened)
        _, text, _ = write(model, prompt, 120, drafts=drafts)
        assert text == spell(truth(prompt, 120))
        passes.append(len(opened.model.rows))
    assert passes[1] < 0.7 * passes[0]


@pytest.mark.parametrize(("shift", "share"), [(0, 0.3), (1, 1.0)])
def test_a_draft_model_changes_the_speed_and_never_the_text(shift: int, share: float) -> None:
    opened = Opened(draft_shift=shift)
    model, prompt = backend(opened), numbers(300, 9)
    expected = truth(prompt, 100)
    run, text, _ = write(model, prompt, 100)
    assert (text, run.generated_tokens) == (spell(expected), len(expected))
    assert len(opened.model.rows) <= share * len(expected) + 1


def test_eight_requests_run_together_and_none_gets_the_text_of_another() -> None:
    engine = Engine(Opened(cache_tokens=32768))
    for id in range(8):
        engine.submit(id, numbers(500 + id, id), 60)
    engine.run()
    assert not engine.faults
    assert {id: engine.text(id) for id in range(8)} == {id: spell(truth(numbers(500 + id, id), 60)) for id in range(8)}
    assert max(engine.opened.model.rows) == 8
    written = sum(len(truth(numbers(500 + id, id), 60)) for id in range(8))
    assert len(engine.opened.model.rows) < written / 2


def test_an_urgent_request_waits_for_one_chunk_of_a_long_prompt_which_then_goes_on_where_it_was() -> None:
    engine = Engine(Opened(cache_tokens=32768, chunk=512))
    long, short = numbers(8000, 1), numbers(300, 2)
    engine.submit(1, long, urgency=Urgency.ACTION)
    read_before: list[int] = []

    def on_forward() -> None:
        if len(engine.opened.model.read_tokens) == 4 and 2 not in engine.prompts:
            engine.submit(2, short, urgency=Urgency.INLINE)

    def on_piece(piece: Piece) -> None:
        if piece.id == 2 and not read_before:
            read_before.append(sum(engine.opened.model.read_tokens))

    engine.on_piece = on_piece
    engine.opened.on_open = lambda model: setattr(model, "on_forward", on_forward)
    engine.run()
    assert engine.order == [2, 1]
    # Four chunks were read when it came, the fifth was under way, and its own prompt follows.
    assert read_before[0] <= 5 * 512 + 300
    assert sum(engine.opened.model.read_tokens) <= 8000 + 300 + PAGE_TOKENS
    assert (engine.text(1), engine.text(2)) == (spell(truth(long, 16)), spell(truth(short, 16)))


def test_a_cancelled_request_ends_within_one_token() -> None:
    engine = Engine()
    prompt = next(p for seed in range(1000) if len(truth(p := numbers(400, seed), 200)) == 200)
    engine.submit(1, prompt, 200)
    engine.on_piece = lambda _: engine.cancel(1)
    engine.run()
    assert isinstance(engine.ends[1], Cancelled)
    assert len(engine.opened.model.rows) <= 2


def test_a_newer_request_of_the_same_window_replaces_the_one_that_runs() -> None:
    engine = Engine()
    engine.submit(1, numbers(400, 1), 200, supersede_key="window")

    def on_piece(_: Piece) -> None:
        if 2 not in engine.prompts:
            engine.submit(2, numbers(401, 1), supersede_key="window")

    engine.on_piece = on_piece
    engine.run()
    assert isinstance(engine.ends[1], Cancelled)
    assert engine.ends[1].reason == "superseded"
    assert engine.text(2) == spell(truth(numbers(401, 1), 16))


def test_an_urgent_request_takes_the_pages_of_a_less_urgent_one_where_the_cache_is_full() -> None:
    engine = Engine(Opened(cache_tokens=8192))
    for id in (1, 2):
        engine.submit(id, numbers(3500, id), 400, urgency=Urgency.ACTION)

    def on_piece(piece: Piece) -> None:
        if piece.id == 2 and 3 not in engine.prompts:
            engine.submit(3, numbers(3000, 3), 20, urgency=Urgency.INLINE)

    engine.on_piece = on_piece
    engine.run()
    assert engine.order[0] == 3
    assert {id: engine.text(id) for id in (1, 2, 3)} == {
        1: spell(truth(numbers(3500, 1), 400)),
        2: spell(truth(numbers(3500, 2), 400)),
        3: spell(truth(numbers(3000, 3), 20)),
    }


def test_a_prompt_that_is_too_long_fails_alone() -> None:
    engine = Engine()
    engine.submit(1, numbers(100, 1), 64)
    engine.submit(2, numbers(6000, 2))
    engine.run()
    failed = engine.ends[2]
    assert isinstance(failed, Failed)
    assert failed.message == "The prompt has 6000 tokens; the model takes 4096."
    assert isinstance(engine.ends[1], Done)


def test_a_failed_pass_is_a_fault_that_ends_the_process() -> None:
    engine = Engine()
    engine.submit(1, numbers(400, 1), 64)
    engine.opened.on_open = lambda model: setattr(model, "breaks_at", 3)
    engine.run()
    assert "illegal memory access" in engine.faults[0]
    assert not engine.ends


def test_loading_is_told_and_the_model_is_let_go_of_in_the_end() -> None:
    engine = Engine()
    engine.submit(1, numbers(20, 1))
    engine.run()
    assert engine.states == [State.LOADING, State.LOADING, State.READY]
    assert (engine.opened.opened, engine.opened.closed) == (1, 1)


def storm(engine: Engine, jobs: int, seed: int) -> tuple[int, int]:
    """Submits, supersedes and cancels at random while the engine runs; returns how many were done, and done wrongly."""
    source = random.Random(seed)
    files = [numbers(source.randrange(200, 2400), seed * 1000 + number) for number in range(6)]
    submitted = 0

    def more() -> None:
        nonlocal submitted
        while submitted < jobs and engine.scheduler.queued < 40 and source.random() < 0.5:
            base = source.choice(files)
            cut = source.randrange(1, len(base)) if source.random() < 0.3 else len(base)
            prompt = base[:cut] + source.choices(range(CONTROL_ID - 1), k=source.randrange(0, 12))
            engine.submit(
                submitted,
                prompt,
                source.choice((0, 1, 5, 40, 300)),
                urgency=source.choice(list(Urgency)),
                supersede_key=source.choice(("", "", "a", "b")),
                drafts=source.random() < 0.3,
            )
            submitted += 1
        if engine.prompts and source.random() < 0.1:
            engine.cancel(source.choice(list(engine.prompts)))

    engine.opened.on_open = lambda model: setattr(model, "on_forward", more)
    while not engine.prompts:
        more()
    while submitted < jobs or len(engine.ends) < len(engine.prompts):
        engine.run()
        if submitted < jobs:
            engine.scheduler = Scheduler(queue_max=2000, clock=lambda: 0.0, places=engine.backend.runs_max)
            engine.worker = Worker(engine.backend, engine.scheduler, engine, controls={}, idle_unload_s=1e9)
            more()
        assert not engine.faults, engine.faults
    done = [id for id, end in engine.ends.items() if isinstance(end, Done)]
    assert not [end for end in engine.ends.values() if isinstance(end, Failed)]
    wrong = [
        id
        for id in done
        if engine.text(id) != spell(truth(read_parts(engine.prompts[id]), engine.prompts[id].tokens_max))
    ]
    return len(done), len(wrong)


def read_parts(job: Job) -> list[int]:
    (part,) = job.parts
    assert isinstance(part, TextPart)
    return read(part.text)


@pytest.mark.parametrize(("cache_tokens", "chunk"), [(8192, 256), (12288, 512), (24576, 1024)])
def test_a_storm_of_requests_writes_nothing_wrong(cache_tokens: int, chunk: int) -> None:
    engine = Engine(Opened(cache_tokens=cache_tokens, chunk=chunk))
    done, wrong = storm(engine, JOBS // 3, seed=cache_tokens)
    assert wrong == 0
    assert done > JOBS / 9, "of the rest, each was superseded or cancelled"


def test_the_storm_would_notice_a_wrong_page() -> None:
    engine = Engine(Opened(cache=ForgetfulCache))
    _, wrong = storm(engine, 120, seed=1)
    assert wrong > 0


def test_a_control_token_in_a_text_stays_text() -> None:
    engine = Engine()
    engine.prompts[1] = Job(client=1, id=1, parts=[TextPart("1,2,"), ControlPart(CONTROL)], tokens_max=4)
    engine.scheduler.submit(engine.prompts[1])
    engine.run()
    assert engine.text(1) == spell(truth([1, 2, CONTROL_ID], 4))
