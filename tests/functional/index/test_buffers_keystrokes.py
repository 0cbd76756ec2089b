"""The measurement of keystrokes gives figures for what can be measured, and leaves out the rest."""

from pathlib import Path

from fimble.bench.keystrokes import measure_keystrokes


async def test_each_file_of_a_known_language_is_measured(tmp_path: Path) -> None:
    shop = tmp_path / "shop.py"
    shop.write_text("def post(address):\n    return 'Zoë', address\n\n\n" * 30, "utf-8")
    (tmp_path / "empty.py").write_text("", "utf-8")
    (tmp_path / "latin.py").write_bytes(b"x = '\xe9'\n")
    (tmp_path / "notes.unknown").write_text("hello", "utf-8")
    names = ["notes.unknown", "shop.py", "latin.py", "empty.py"]
    rows = await measure_keystrokes([tmp_path / name for name in names], keystrokes=30)
    assert [(row.path.name, row.language, row.lines, row.symbols) for row in rows] == [
        ("shop.py", "python", 121, 30),
        ("empty.py", "python", 1, 0),
    ]
    assert rows[0].keystrokes >= 30
    assert 0 < rows[0].cpu_ms_p50 <= rows[0].cpu_ms_p95 <= rows[0].cpu_ms_max
    assert 0 < rows[0].wall_ms_p50 <= rows[0].wall_ms_p95 <= rows[0].wall_ms_max


async def test_no_files_give_no_rows() -> None:
    assert await measure_keystrokes([]) == []
