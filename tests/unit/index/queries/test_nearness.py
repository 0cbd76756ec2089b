"""Which files are near to another one."""

import pytest

from fimble.index.queries.nearness import Nearness, is_test
from fimble.index.store.schema import FileFlag


def test_nearer_files_score_higher() -> None:
    nearness = Nearness("src/app/core/loading.ts")
    paths = [
        "src/app/core/saving.ts",
        "src/app/core/old.js",
        "src/app/view.tsx",
        "other/deep/down/here/view.ts",
        "src/app/core/loading.py",
        "src/app/core/loading.test.ts",
        "src/app/core/package.json",
        "node_modules/lib/index.ts",
    ]
    ranked = sorted(paths, key=lambda path: -nearness.of(path))
    assert ranked[:2] == paths[:2]
    assert ranked[-1] == "src/app/core/package.json"
    assert nearness.of("src/app/view.tsx") > nearness.of("node_modules/lib/index.ts")
    assert nearness.of("src/app/core/saving.ts") > nearness.of("src/app/core/loading.test.ts")


def test_generated_and_vendored_files_score_lower() -> None:
    nearness = Nearness("src/a.py")
    plain = nearness.of("src/b.py")
    assert nearness.of("src/b.py", FileFlag.GENERATED) < plain
    assert nearness.of("src/b.py", FileFlag.VENDORED) < plain


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True),
        ("src/test_a.py", True),
        ("pkg/a_test.go", True),
        ("src/a.spec.ts", True),
        ("src/__tests__/a.ts", True),
        ("src/test/java/A.java", True),
        ("src/ATest.java", True),
        ("src/attest.py", False),
        ("src/latest.ts", False),
        ("contest/a.py", False),
        ("src/testing_tools.py", False),
        ("", False),
    ],
)
def test_a_path_says_whether_a_file_is_a_test(path: str, expected: bool) -> None:
    assert is_test(path) is expected
