"""Versions of a database, which serve their version and write to a volume, each process with a mark of its own."""

from tests.e2e.rig import Rig
from tests.images import Images

FIRST, SECOND, BROKEN = (f"gitopsd-test/database:{number}" for number in (1, 2, 3))
DATA = "data:/data"
MARK = "me=$(cat /proc/sys/kernel/random/uuid)"
WRITE = f"{MARK}; httpd -p 8080 -h /www; while :; do echo $me >> /data/marks; sleep 0.1; done"


def writing_images(images: Images) -> None:
    for tag, says in ((FIRST, "one"), (SECOND, "two"), (BROKEN, "lost")):
        images.web(tag, says, [f'CMD ["sh", "-c", "{WRITE}"]'])


def writers(rig: Rig, name: str) -> list[str]:
    """Who wrote to the volume, in order; AssertionError where one wrote between the marks of another."""
    marks = rig.run_inside(name, "cat", "/data/marks").split()
    stretches = [mark for at, mark in enumerate(marks) if at == 0 or marks[at - 1] != mark]
    assert len(stretches) == len(set(stretches)), f"two wrote at once: {stretches}"
    return stretches
