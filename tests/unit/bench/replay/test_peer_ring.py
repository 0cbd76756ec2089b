from fimble.bench.replay.peer_ring import CHUNKS_MAX, Ring, similarity


def lines(name: str, count: int = 64) -> list[str]:
    return [f"{name}_{number} = {name}({number})" for number in range(count)]


def test_half_a_chunk_is_taken_and_put_in_when_it_is_promoted() -> None:
    ring = Ring(seed=1)
    ring.pick(lines("alpha"))
    assert ring.chunks() == []
    assert ring.promote()
    (chunk,) = ring.chunks()
    assert chunk.count("\n") == 32
    assert not ring.promote()


def test_the_oldest_chunk_goes_first() -> None:
    ring = Ring(seed=1)
    for number in range(CHUNKS_MAX + 1):
        ring.pick(lines(f"name{number}", 32))
        ring.promote()
    assert len(ring.chunks()) == CHUNKS_MAX
    assert ring.chunks()[0].startswith("name1_0")


def test_a_chunk_that_is_nearly_the_same_takes_the_place_of_the_older() -> None:
    ring = Ring(seed=1)
    ring.pick(lines("alpha", 32))
    ring.promote()
    ring.pick([*lines("alpha", 31), "changed = 1"])
    ring.promote()
    (chunk,) = ring.chunks()
    assert "changed" in chunk


def test_chunks_like_the_text_around_the_cursor_are_dropped() -> None:
    ring = Ring(seed=1)
    for name in ("alpha", "beta"):
        ring.pick(lines(name, 32))
        ring.promote()
    ring.evict_like(lines("alpha", 32))
    (chunk,) = ring.chunks()
    assert chunk.startswith("beta")


def test_a_few_lines_are_not_worth_a_chunk() -> None:
    ring = Ring(seed=1)
    ring.pick(["a = 1", "b = 2"])
    assert not ring.promote()


def test_similarity_counts_words() -> None:
    assert similarity(["a b c"], ["a b c"]) == 1.0
    assert similarity(["a b"], ["b c"]) == 0.5
    assert similarity(["a"], ["b"]) == 0.0
