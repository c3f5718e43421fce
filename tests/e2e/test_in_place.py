"""Files that change while the service that reads them goes on: never half of them, and never another container."""

from hashlib import md5

import pytest

from tests.e2e.conftest import ONE
from tests.e2e.rig import Rig, web

PATIENCE = 120.0
FLAGS, CONF = "/etc/gitopsd/flags.yaml", "/etc/app/app.conf"
# It reads as often as it can, and keeps what it has seen; what it is told, it writes down.
READER = (
    "trap 'cat /etc/app/app.conf >> /tmp/told' HUP; "
    f"while :; do cat {FLAGS} 2>&1 | busybox md5sum >> /tmp/seen; sleep 0.02; done"
)


def flags(word: str) -> str:
    return f"{word}\n" * 5_000


def push(rig: Rig, word: str, conf: str = "one") -> str:
    extension = {"flags": "flags.yaml", "on_config_change": "signal:SIGHUP"}
    service = web(
        ONE,
        entrypoint=["sh", "-c", READER],
        configs=[{"source": "app", "target": CONF}],
        deploy={"replicas": 2},
        network_mode="none",
        x=extension,
    )
    document = {"services": {"web": service}, "configs": {"app": {"file": "./app.conf"}}}
    return rig.push_document(document, **{"flags.yaml": flags(word), "app.conf": f"{conf}\n"})


@pytest.mark.timeout(600)
def test_who_reads_a_file_that_is_exchanged_sees_whole_ones_only_and_goes_on(rig: Rig) -> None:
    rig.synced(push(rig, "off"), within=PATIENCE)
    before = rig.ids()

    rig.synced(push(rig, "on"), within=PATIENCE)
    rig.eventually(lambda: have_seen(rig, "off", "on"), PATIENCE)
    assert read(rig, FLAGS) == flags("on")
    assert told(rig) == ""

    rig.synced(push(rig, "on", "two"), within=PATIENCE)
    rig.eventually(lambda: told(rig) == "two\n", PATIENCE)

    rig.synced(push(rig, "off", "two"), within=PATIENCE)
    rig.eventually(lambda: read(rig, FLAGS) == flags("off"), PATIENCE)
    assert have_seen(rig, "off", "on")
    assert rig.ids() == before
    (change,) = rig.events("ReleaseStarted")[-1].data["changes"].values()  # type: ignore[union-attr]
    assert (change["change"], change["cause"]) == ("update-in-place", f"{FLAGS} changed")  # type: ignore[index,call-overload]

    # What a container makes of its files in its first seconds is its own; a command that is run has them looked at.
    rig.eventually(lambda: read(rig, FLAGS) and rig.content_known() == 2)
    rig.run_inside("web-1", "sh", "-c", f"rm {FLAGS} && echo by hand > {FLAGS}")
    rig.eventually(lambda: read(rig, FLAGS) == flags("off"), PATIENCE)
    assert rig.ids() == before


def have_seen(rig: Rig, *words: str) -> bool:
    """Both readers have seen these whole files, and nothing else; AssertionError before."""
    wanted = {f"{md5(flags(word).encode(), usedforsecurity=False).hexdigest()}  -" for word in words}
    for name in ("web-1", "web-2"):
        assert set(rig.run_inside(name, "cat", "/tmp/seen").splitlines()) == wanted
    return True


def read(rig: Rig, path: str) -> str:
    return rig.run_inside("web-1", "cat", path)


def told(rig: Rig) -> str:
    return rig.run_inside("web-1", "sh", "-c", "cat /tmp/told 2>/dev/null || true")
