"""Whose memory is looked at while newer content comes."""

from gitopsd.release.weighing import SAMPLE, to_weigh
from tests.builders import a_service, a_state
from tests.crowd import REPLICAS, served


def test_all_new_instances_are_weighed_beside_a_few_of_those_that_served_before() -> None:
    old, new = (
        a_state(a_service("web", image, replicas=REPLICAS, parallelism=0, min_ready=30))
        for image in ("shop:1", "shop:2")
    )
    daemon = served(old)
    daemon.commit(new).look()
    daemon.act()
    daemon.look()  # who was made is known from the pass after

    weighed = to_weigh(daemon.journal, daemon.world.look(), daemon.world.now)["web"]

    assert len(weighed.stable) == SAMPLE < REPLICAS
    assert len(weighed.new) == REPLICAS
