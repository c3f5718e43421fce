"""Real instances that fail in the ways that only time shows: told with their last words, and answered as asked."""

import re
from typing import Any

import pytest

from tests.e2e.conftest import ONE
from tests.e2e.rig import Rig, web
from tests.images import Images

LATE, MORTAL, GREEDY = "gitopsd-test/late:1", "gitopsd-test/mortal-later:1", "gitopsd-test/greedy:1"
DIES_LATE = "httpd -p 8080 -h /www; sleep 4; echo out of patience; exit 7"
GROWS = "echo warming my cache; (dd if=/dev/zero bs=1M count=59 2>/dev/null; sleep 600) | tr '\\\\0' x | grep -c y"
DIES_WHEN_TOLD = "until test -e /tmp/end; do sleep 0.2; done; echo lost my database; exit 5"


@pytest.fixture(scope="module", autouse=True)
def _servers(images: Images) -> None:
    images.busybox(LATE, {"/www/index.html": "late"}, [f'CMD ["sh", "-c", "{DIES_LATE}"]'])
    images.busybox(MORTAL, changes=[f'CMD ["sh", "-c", "{DIES_WHEN_TOLD}"]'])
    # A line without an end: what looks for a word in it keeps it all.
    images.busybox(GREEDY, changes=[f'CMD ["sh", "-c", "{GROWS}"]'])


def updated(image: str, **update: Any) -> dict[str, Any]:
    return web(image, restart="always", deploy={"update_config": update})


def test_one_that_dies_while_it_is_watched_turns_its_release_back_with_its_last_words(rig: Rig) -> None:
    rig.synced(rig.push(web=updated(ONE)))

    reason = rig.rejected(rig.push(web=updated(LATE, monitor="60s")))

    assert "restarted once, last exit code 7, while it was watched (monitor: 60 s)" in reason
    told = rig.told("RolloutRollingBack").data
    assert (told["logs"], told["exit_code"]) == ("out of patience\n", 7)
    assert rig.running() == {"web-1": ONE}


def test_one_that_crashes_again_and_again_later_is_told_and_replaced(rig: Rig) -> None:
    rig.synced(rig.push(web=web(MORTAL, restart="always")))
    [old] = rig.ids().values()

    rig.run_inside("web-1", "touch", "/tmp/end")

    told = rig.told("CrashLoop")
    assert "web-1 restarted 3 times within 120 s, last exit code 5" in told.message
    assert "lost my database" in str(told.data["logs"])
    rig.eventually(lambda: old not in rig.ids().values() and rig.status().health == "Healthy")
    assert rig.running() == {"web-1": MORTAL}


def test_one_that_takes_nearly_all_of_its_memory_is_turned_back_with_its_numbers(rig: Rig) -> None:
    spike = {"memory_spike": {"for": "2s"}}
    rig.synced(rig.push(web=web(ONE, mem_limit="64m", x=spike)))

    watched = {"update_config": {"monitor": "60s"}}
    reason = rig.rejected(rig.push(web=web(GREEDY, mem_limit="64m", x=spike, deploy=watched)))

    assert re.search(r"web-1 uses \d+ MiB of the 64 MiB that it may, 9\d % \(memory_spike, for \d+ s\)", reason)
    assert rig.told("RolloutRollingBack").data["logs"] == "warming my cache\n"
    assert rig.running() == {"web-1": ONE}
