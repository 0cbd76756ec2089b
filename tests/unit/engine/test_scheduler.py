"""The scheduler's order, its replacement of older requests, and that every job ends exactly once."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fimble.engine.messages.frames import Urgency
from fimble.engine.process.scheduler import Job, JobState, Scheduler
from fimble.errors import EngineBusy


class ManualClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def scheduler(queue_max: int = 64, places: int = 1) -> Scheduler:
    return Scheduler(queue_max=queue_max, clock=ManualClock(), places=places)


def job(id: int, client: int = 1, urgency: Urgency = Urgency.INLINE, key: str = "") -> Job:
    return Job(client=client, id=id, parts=[], tokens_max=8, urgency=urgency, supersede_key=key)


def test_the_most_urgent_job_goes_first_and_equals_go_in_order_of_arrival() -> None:
    queue = scheduler()
    for waiting in (job(1, urgency=Urgency.WARM_UP), job(2), job(3, urgency=Urgency.ACTION), job(4)):
        queue.submit(waiting)
    taken = []
    for _ in range(4):
        current = queue.take(0)
        assert current is not None
        taken.append(current.id)
        queue.end(current)
    assert taken == [2, 4, 3, 1]


def test_a_newer_request_replaces_the_waiting_one_of_its_window_and_takes_its_place() -> None:
    queue = scheduler()
    old, other, new = job(1, key="a"), job(2, client=2, key="a"), job(3, key="a")
    queue.submit(old)
    queue.submit(other)
    assert queue.submit(new) == [old]
    assert old.state is JobState.ENDED
    first = queue.take(0)
    assert first is new


def test_the_same_key_of_another_client_is_another_window() -> None:
    queue = scheduler()
    queue.submit(job(1, client=1, key="a"))
    assert queue.submit(job(1, client=2, key="a")) == []
    assert queue.queued == 2


def test_a_running_job_is_asked_to_stop_when_it_is_superseded_or_cancelled() -> None:
    queue = scheduler()
    running = job(1, key="a")
    queue.submit(running)
    assert queue.take(0) is running
    assert not queue.should_stop(running)
    assert queue.submit(job(2, key="a")) == []
    assert queue.should_stop(running)
    assert running.cancel_reason == "superseded"
    assert queue.cancel(1, 1) is None
    assert running.cancel_reason == "superseded"


def test_a_running_action_lets_an_inline_completion_go_first_and_then_goes_on() -> None:
    queue = scheduler()
    action, inline = job(1, urgency=Urgency.ACTION), job(2, urgency=Urgency.INLINE)
    queue.submit(action)
    assert queue.take(0) is action
    queue.submit(job(3, urgency=Urgency.ACTION))
    assert not queue.should_stop(action)
    queue.submit(inline)
    assert queue.should_stop(action)
    queue.give_back(action)
    assert queue.take(0) is inline
    queue.end(inline)
    assert queue.take(0) is action


def test_with_several_places_equals_run_at_once_until_the_places_are_taken() -> None:
    queue = scheduler(places=2)
    for id in (1, 2, 3):
        queue.submit(job(id))
    first, second = queue.take(0), queue.take(0)
    assert first is not None
    assert second is not None
    assert (first.id, second.id, queue.take(0), queue.running) == (1, 2, None, 2)
    assert not queue.should_stop(first)
    queue.end(first)
    third = queue.take(0)
    assert third is not None
    assert third.id == 3


def test_who_reads_a_prompt_lets_a_more_urgent_job_read_first() -> None:
    queue = scheduler(places=4)
    action, inline = job(1, urgency=Urgency.ACTION), job(2, urgency=Urgency.INLINE)
    queue.submit(action)
    assert queue.take(0) is action
    queue.submit(inline)
    assert queue.should_stop(action)
    assert queue.take(0) is inline
    assert queue.should_stop(action), "also once the urgent one has left the queue and reads"
    queue.give_back(action)
    assert queue.take(0) is None, "it does not read beside the urgent one"
    inline.is_reading = False
    assert queue.take(0) is action
    assert not queue.should_stop(action)


def test_who_writes_goes_on_beside_a_more_urgent_job_while_there_are_places() -> None:
    queue = scheduler(places=2)
    action = job(1, urgency=Urgency.ACTION)
    queue.submit(action)
    assert queue.take(0) is action
    action.is_reading = False
    queue.submit(job(2))
    assert not queue.should_stop(action)
    inline = queue.take(0)
    assert inline is not None
    assert not queue.should_stop(action)
    queue.submit(job(3))
    assert queue.should_stop(action), "the least urgent makes room"
    assert not queue.should_stop(inline)


def test_a_full_queue_refuses_but_replacing_still_works() -> None:
    queue = scheduler(queue_max=2)
    queue.submit(job(1, key="a"))
    queue.submit(job(2))
    with pytest.raises(EngineBusy):
        queue.submit(job(3))
    assert [old.id for old in queue.submit(job(4, key="a"))] == [1]


def test_a_client_that_leaves_takes_its_jobs_along() -> None:
    queue = scheduler()
    queue.submit(job(1, client=1))
    queue.submit(job(2, client=2))
    running = queue.take(0)
    assert running is not None
    queue.submit(job(3, client=1))
    assert [gone.id for gone in queue.withdraw_all("cancelled", client=1)] == [3]
    assert running.cancel_reason == "cancelled"
    assert queue.queued == 1


class EveryJobEndsOnce(RuleBasedStateMachine):
    """Any order of submitting, cancelling, running and leaving ends each accepted job exactly once."""

    places = 1

    def __init__(self) -> None:
        super().__init__()
        self.queue = Scheduler(queue_max=8, clock=ManualClock(), places=self.places)
        self.ended: list[tuple[int, int]] = []
        self.accepted: list[tuple[int, int]] = []
        self.running: list[Job] = []
        self.ids = 0

    def note(self, jobs: list[Job]) -> None:
        self.ended += [(gone.client, gone.id) for gone in jobs]

    @rule(client=st.integers(1, 3), urgency=st.sampled_from(Urgency), key=st.sampled_from(["", "a", "b"]))
    def submit(self, client: int, urgency: Urgency, key: str) -> None:
        self.ids += 1
        try:
            self.note(self.queue.submit(job(self.ids, client, urgency, key)))
        except EngineBusy:
            return
        self.accepted.append((client, self.ids))

    @rule(client=st.integers(1, 3), id=st.integers(1, 40))
    def cancel(self, client: int, id: int) -> None:
        gone = self.queue.cancel(client, id)
        self.note([gone] if gone is not None else [])

    @rule()
    def take(self) -> None:
        taken = self.queue.take(0)
        if taken is not None:
            assert not any(other.is_reading and other.urgency < taken.urgency for other in self.running)
            self.running.append(taken)

    @rule(number=st.integers(0, 2))
    def write(self, number: int) -> None:
        if number < len(self.running):
            self.running[number].is_reading = False

    @rule(number=st.integers(0, 2), preempted=st.booleans())
    def stop(self, number: int, preempted: bool) -> None:
        if number >= len(self.running):
            return
        stopped = self.running[number]
        if preempted and self.queue.should_stop(stopped) and not stopped.cancel_reason:
            self.queue.give_back(stopped)
        else:
            self.queue.end(stopped)
            self.note([stopped])
        self.running.remove(stopped)

    @rule()
    def make_way(self) -> None:
        """Once all that should stop have stopped, whoever is most urgent can run."""
        for job in [job for job in self.running if self.queue.should_stop(job)]:
            self.running.remove(job)
            if job.cancel_reason:
                self.queue.end(job)
                self.note([job])
            else:
                self.queue.give_back(job)
        if self.queue.queued and not self.running:
            self.take()
            assert self.running

    @rule(client=st.integers(1, 3))
    def leave(self, client: int) -> None:
        self.note(self.queue.withdraw_all("cancelled", client))

    @invariant()
    def nothing_is_lost_or_ended_twice(self) -> None:
        assert len(set(self.ended)) == len(self.ended)
        assert self.queue.running == len(self.running) <= self.places
        assert len(self.accepted) - len(self.ended) == self.queue.queued + len(self.running)


class EveryJobEndsOnceWithPlaces(EveryJobEndsOnce):
    places = 3


EveryJobEndsOnce.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
EveryJobEndsOnceWithPlaces.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestEveryJobEndsOnce = EveryJobEndsOnce.TestCase
TestEveryJobEndsOnceWithPlaces = EveryJobEndsOnceWithPlaces.TestCase
