"""Real instances that fail in the ways that only time shows: told with their last words, and answered as asked."""

from typing import Any

import pytest

from tests.e2e.conftest import ONE
from tests.e2e.rig import Rig, web
from tests.images import Images

LATE = "gitopsd-test/late:1"
DIES_LATE = "httpd -p 8080 -h /www; sleep 4; echo out of patience; exit 7"


@pytest.fixture(scope="module", autouse=True)
def _servers(images: Images) -> None:
    images.busybox(LATE, {"/www/index.html": "late"}, [f'CMD ["sh", "-c", "{DIES_LATE}"]'])


def updated(image: str, **update: Any) -> dict[str, Any]:
    return web(image, restart="always", deploy={"update_config": update})


def test_one_that_dies_while_it_is_watched_turns_its_release_back_with_its_last_words(rig: Rig) -> None:
    rig.synced(rig.push(web=updated(ONE)))

    reason = rig.rejected(rig.push(web=updated(LATE, monitor="60s")))

    assert "restarted once, last exit code 7, while it was watched (monitor: 60 s)" in reason
    told = rig.told("RolloutRollingBack").data
    assert (told["logs"], told["exit_code"]) == ("out of patience\n", 7)
    assert rig.running() == {"web-1": ONE}
