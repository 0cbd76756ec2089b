"""Decides which requests run: urgency first, then who waited longest; the newest of a key replaces older ones.

A backend has one or several places. No job reads its prompt while a more urgent one waits or reads, since reading is
what takes long; jobs that write go on beside it as long as there are places. Pure bookkeeping under one lock: the
event loop submits and cancels, the worker's thread takes jobs and asks whether they should go on. Every job that was
submitted is ended exactly once: by whoever withdraws it, or by the worker.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from fimble.engine.messages.frames import ControlPart, TextPart, Timings, Urgency
from fimble.errors import EngineBusy


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    """It waits."""
    RUNNING = "running"
    """The worker is at it."""
    ENDED = "ended"
    """It has been answered, or is about to be by whoever ended it."""


@dataclass(eq=False, slots=True, kw_only=True)
class Job:
    """One `Generate` request of one client. `place` orders jobs of the same urgency; times are seconds.

    `is_reading` is true until the first token of its prompt's continuation.
    """

    client: int
    id: int
    parts: list[TextPart | ControlPart]
    tokens_max: int
    starts_with: str = ""
    urgency: Urgency = Urgency.INLINE
    supersede_key: str = ""
    temperature: float = 0.0
    seed: int = 0
    drafts: bool = False
    version_of: str = ""
    submitted: float = 0.0
    place: int = 0
    state: JobState = JobState.QUEUED
    is_reading: bool = True
    cancel_reason: str = ""
    written_tokens: int = 0
    written_text: str = ""
    prompt_tokens: int = 0
    cached_tokens: int | None = None
    first_started: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0

    def timings(self, prefill_ms: float = 0.0) -> Timings:
        """Returns what the job has cost until now, with `prefill_ms` of the run at hand."""
        return Timings(
            prompt_tokens=self.prompt_tokens,
            cached_tokens=self.cached_tokens or 0,
            generated_tokens=self.written_tokens,
            queue_ms=max(0.0, self.first_started - self.submitted) * 1000,
            prefill_ms=self.prefill_ms + prefill_ms,
            decode_ms=self.decode_ms,
        )


class Scheduler:
    """The bounded queue in front of the device, and the jobs on it."""

    def __init__(self, *, queue_max: int, clock: Callable[[], float], places: int = 1) -> None:
        """`queue_max` bounds the waiting jobs of all clients together; `clock` returns seconds."""
        self._queue_max = queue_max
        self._places_max = places
        self._clock = clock
        self._changed = threading.Condition()
        self._queue: list[Job] = []
        self._running: list[Job] = []
        self._places = 0
        self._closed = False
        self._woken = False

    def submit(self, job: Job) -> list[Job]:
        """Queues `job` and returns the waiting jobs that it supersedes; a running one is only asked to stop.

        Raises:
            EngineBusy: the queue is full.
        """
        with self._changed:
            superseded = [other for other in self._queue if _supersedes(job, other)]
            if len(self._queue) - len(superseded) >= self._queue_max:
                raise EngineBusy(f"{len(self._queue)} requests are waiting already; try again in a moment.")
            self._places += 1
            # Who types quickly replaces a waiting request again and again; keeping its place in the queue keeps
            # the window from starving behind slower typists.
            job.place = min((other.place for other in superseded), default=self._places)
            job.submitted = self._clock()
            for other in superseded:
                self._withdraw(other, "superseded")
            for other in self._running:
                if _supersedes(job, other):
                    other.cancel_reason = other.cancel_reason or "superseded"
            self._queue.append(job)
            self._changed.notify_all()
            return superseded

    def cancel(self, client: int, id: int) -> Job | None:
        """Returns the job if it waited and is now withdrawn; a running one is only asked to stop."""
        with self._changed:
            for job in self._queue:
                if (job.client, job.id) == (client, id):
                    self._withdraw(job, "cancelled")
                    return job
            for job in self._running:
                if (job.client, job.id) == (client, id):
                    job.cancel_reason = job.cancel_reason or "cancelled"
            return None

    def withdraw_all(self, reason: str, client: int | None = None) -> list[Job]:
        """Withdraws all waiting jobs (of one client) and asks the running one to stop; returns the withdrawn."""
        with self._changed:
            gone = [job for job in self._queue if client is None or job.client == client]
            for job in gone:
                self._withdraw(job, reason)
            for job in self._running:
                if client is None or job.client == client:
                    job.cancel_reason = job.cancel_reason or reason
            return gone

    def take(self, timeout_s: float) -> Job | None:
        """Waits for a job that may run and returns it, now running; None after the timeout or when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() or self._closed or self._woken, timeout_s)
            self._woken = False
            job = self._next()
            if job is None:
                return None
            self._queue.remove(job)
            job.state = JobState.RUNNING
            job.first_started = job.first_started or self._clock()
            self._running.append(job)
            return job

    def should_stop(self, job: Job) -> bool:
        """Tells whether a running job was cancelled, or must let a more urgent one go first."""
        # Read without the lock, once per token: the lists are only ever changed by single operations, and a stale
        # answer costs one token.
        if job.cancel_reason:
            return True
        running = tuple(self._running)
        if any(waiting.urgency < job.urgency for waiting in tuple(self._queue)):
            return job.is_reading or (len(running) >= self._places_max and job is max(running, key=_order))
        return job.is_reading and any(other.is_reading and other.urgency < job.urgency for other in running)

    def give_back(self, job: Job) -> None:
        """Returns a running job to the queue, in its old place: a more urgent one goes first."""
        with self._changed:
            self._running.remove(job)
            job.state = JobState.QUEUED
            job.is_reading = True
            self._queue.append(job)

    def end(self, job: Job) -> None:
        """Ends the running job; the caller answers it."""
        with self._changed:
            self._running.remove(job)
            job.state = JobState.ENDED

    def wake(self) -> None:
        """Lets a waiting `take` return at once, without a job if there is none."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Wakes the worker; from now on `take` returns what is left, then None at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def queued(self) -> int:
        """The number of waiting jobs."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """The number of jobs on the device."""
        return len(self._running)

    def _next(self) -> Job | None:
        if not self._queue or len(self._running) >= self._places_max:
            return None
        job = min(self._queue, key=_order)
        waits = any(other.is_reading and other.urgency < job.urgency for other in self._running)
        return None if waits else job

    def _withdraw(self, job: Job, reason: str) -> None:
        self._queue.remove(job)
        job.state = JobState.ENDED
        job.cancel_reason = reason


def _order(job: Job) -> tuple[int, int]:
    return job.urgency, job.place


def _supersedes(newer: Job, older: Job) -> bool:
    return bool(newer.supersede_key) and (newer.client, newer.supersede_key) == (
        older.client,
        older.supersede_key,
    )
