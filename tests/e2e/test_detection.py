"""Real instances that fail in the ways that only time shows: told with their last words, and answered as asked."""

from typing import Any

import pytest

from tests.e2e.conftest import ONE
from tests.e2e.rig import Rig, web
from tests.images import Images

LATE, MORTAL = "gitopsd-test/late:1", "gitopsd-test/mortal-later:1"
DIES_LATE = "httpd -p 8080 -h /www; sleep 4; echo out of patience; exit 7"
DIES_WHEN_TOLD = "until test -e /tmp/end; do sleep 0.2; done; echo lost my database; exit 5"


@pytest.fixture(scope="module", autouse=True)
def _servers(images: Images) -> None:
    images.busybox(LATE, {"/www/index.html": "late"}, [f'CMD ["sh", "-c", "{DIES_LATE}"]'])
    images.busybox(MORTAL, changes=[f'CMD ["sh", "-c", "{DIES_WHEN_TOLD}"]'])


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
