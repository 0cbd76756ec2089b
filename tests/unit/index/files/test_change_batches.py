"""When changes are told, with a clock that the test moves; and on which file systems events can be trusted."""

import pytest

from fimble.index.files.changes import HOLD_S, QUIET_S, SETTLE_S, Batch, Change, Changes
from fimble.index.files.mounts import file_system_of, may_change_unseen


def test_a_finished_file_is_told_at_once_after_a_quiet_time() -> None:
    changes = Changes()
    assert changes.due_s() is None
    changes.add("x.py", Change.FINISHED, 10.0)
    assert changes.due_s() == 10.0
    assert changes.take() == Batch(frozenset({"x.py"}))
    assert changes.due_s() is None
    changes.add("y.py", Change.FINISHED, 10.0 + QUIET_S + 0.001)
    assert changes.due_s() == 10.0 + QUIET_S + 0.001


def test_a_half_done_change_waits_for_the_other_half() -> None:
    changes = Changes()
    changes.add("x.py", Change.TOUCHED, 10.0)
    assert changes.due_s() == 10.0 + SETTLE_S
    changes.add("x.py", Change.FINISHED, 10.01)
    assert changes.due_s() is not None
    assert changes.take().paths == {"x.py"}


def test_a_burst_is_told_in_few_batches() -> None:
    changes = Changes()
    batches, now_s, ms = [], 10.0, 0.001
    for number in range(1000):
        now_s += ms
        changes.add(f"{number}.py", Change.FINISHED, now_s)
        due_s = changes.due_s()
        if due_s is not None and due_s <= now_s:
            batches.append(changes.take())
    batches.append(changes.take())
    assert len(batches) <= 1 / HOLD_S + 2
    assert frozenset().union(*(batch.paths for batch in batches)) == {f"{number}.py" for number in range(1000)}


def test_folders_and_what_else_happened_are_told_and_forgotten() -> None:
    changes = Changes()
    changes.add("a", Change.FOLDER, 1.0)
    changes.is_unknown = changes.is_head_moved = True
    assert changes.take(is_git_busy=True) == Batch(
        folders=frozenset({"a"}), is_unknown=True, is_head_moved=True, is_git_busy=True
    )
    assert changes.take() == Batch()


MOUNTS = (
    "/dev/vda / ext4 rw 0 0\n"
    "server:/home /home nfs4 rw 0 0\n"
    "/dev/vdb /home/me/local xfs rw 0 0\n"
    "C:\\134 /mnt/c 9p rw 0 0\n"
    "host /mnt/with\\040space fuse.sshfs rw 0 0\n"
    "overlay /var/over overlay rw 0 0\n"
    "broken\n"
)


@pytest.mark.parametrize(
    ("folder", "file_system", "is_unseen"),
    [
        ("/src", "ext4", False),
        ("/home/me", "nfs4", True),
        ("/home/me/local/x", "xfs", False),
        ("/homework", "ext4", False),
        ("/mnt/c/project", "9p", True),
        ("/mnt/with space/x", "fuse.sshfs", True),
        ("/var/over/x", "overlay", False),
    ],
)
def test_the_innermost_mount_says_whether_changes_may_go_unseen(folder: str, file_system: str, is_unseen: bool) -> None:
    assert file_system_of(folder, MOUNTS) == file_system
    assert may_change_unseen(file_system) is is_unseen
