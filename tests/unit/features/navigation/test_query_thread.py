"""Questions to the index: one after the other, the newest of a kind, none for longer than its budget."""

import asyncio
import threading
import time

from fimble.features.navigation.query_thread import WAITING_MAX, IsCancelled, QueryThread


class Blocked:
    """Work that keeps the thread busy until it is let go."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.was_cancelled = False

    def __call__(self, is_cancelled: IsCancelled) -> str:
        self.has_begun.set()
        self.may_end.wait(10)
        self.was_cancelled = is_cancelled()
        return "blocked"


async def busy(thread: QueryThread) -> tuple[Blocked, "asyncio.Task[str]"]:
    blocked = Blocked()
    task = asyncio.create_task(thread.ask("blocked", blocked, nothing="", budget_s=10))
    await asyncio.to_thread(blocked.has_begun.wait, 10)
    return blocked, task


async def test_an_answer_comes_from_the_thread() -> None:
    thread = QueryThread("test")
    assert await thread.ask("a", lambda _: threading.current_thread().name, nothing="", budget_s=10) == "test"
    thread.close()


async def test_a_newer_question_of_a_kind_replaces_an_older_one_that_has_not_begun() -> None:
    thread = QueryThread("test")
    blocked, first = await busy(thread)
    older = asyncio.create_task(thread.ask("a", lambda _: "older", nothing="", budget_s=10))
    other = asyncio.create_task(thread.ask("b", lambda _: "other", nothing="", budget_s=10))
    await asyncio.sleep(0)
    newer = asyncio.create_task(thread.ask("a", lambda _: "newer", nothing="", budget_s=10))
    assert await older == ""
    blocked.may_end.set()
    assert [await first, await other, await newer] == ["blocked", "other", "newer"]
    thread.close()


async def test_nobody_waits_longer_than_the_budget_and_the_work_hears_of_it() -> None:
    thread = QueryThread("test")
    blocked = Blocked()
    began_s = time.monotonic()
    assert await thread.ask("a", blocked, nothing="late", budget_s=0.05) == "late"
    assert time.monotonic() - began_s < 5
    blocked.may_end.set()
    # The thread is free again.
    assert await thread.ask("b", lambda _: "next", nothing="", budget_s=10) == "next"
    assert blocked.was_cancelled
    thread.close()


async def test_who_stops_waiting_stops_the_work() -> None:
    thread = QueryThread("test")
    blocked, task = await busy(thread)
    task.cancel()
    await asyncio.wait([task])
    blocked.may_end.set()
    assert await thread.ask("b", lambda _: "next", nothing="", budget_s=10) == "next"
    assert blocked.was_cancelled
    thread.close()


async def test_a_failure_is_no_answer_and_does_not_end_the_thread() -> None:
    thread = QueryThread("test")

    def fail(_: IsCancelled) -> str:
        raise ValueError("the user's code")

    assert await thread.ask("a", fail, nothing="nothing", budget_s=10) == "nothing"
    assert await thread.ask("a", lambda _: "next", nothing="", budget_s=10) == "next"
    thread.close()


async def test_too_many_questions_cost_the_oldest_their_answer() -> None:
    thread = QueryThread("test")
    blocked, _ = await busy(thread)
    asked = [
        asyncio.create_task(thread.ask(f"{number}", lambda _: "yes", nothing="no", budget_s=10))
        for number in range(WAITING_MAX + 1)
    ]
    await asyncio.sleep(0)
    assert await asked[0] == "no"
    blocked.may_end.set()
    assert await asked[1] == "yes"
    thread.close()


async def test_a_closed_thread_answers_nothing_and_does_one_last_thing() -> None:
    thread = QueryThread("test")
    blocked, first = await busy(thread)
    waiting = asyncio.create_task(thread.ask("a", lambda _: "yes", nothing="no", budget_s=10))
    await asyncio.sleep(0)
    last = threading.Event()
    thread.close(last=last.set)
    assert await waiting == "no"
    assert await thread.ask("a", lambda _: "yes", nothing="no", budget_s=10) == "no"
    blocked.may_end.set()
    assert await first == "blocked"
    assert await asyncio.to_thread(last.wait, 10)
