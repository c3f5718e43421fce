"""Claims of the environments of one engine: who holds a thing keeps it, newcomers wait."""

from gitopsd.controller.registry import Registry
from gitopsd.model.desired import DesiredState
from tests.builders import a_service, a_state

ENGINE = "unix:///engine"


def state(environment: str, port: int) -> DesiredState:
    return a_state(a_service(f"{environment}-web", ports=[port], networks=()), environment=environment).desired


def alone(environment: str, port: int) -> DesiredState:
    """A state whose project nobody else has."""
    desired = state(environment, port)
    return DesiredState(environment, environment, desired.services, {}, {})


def test_two_newcomers_both_wait() -> None:
    registry = Registry()
    registry.want(ENGINE, "shop", alone("shop", 80))
    registry.want(ENGINE, "blog", alone("blog", 80))
    assert registry.disputes(ENGINE, "shop", alone("shop", 80)) == (
        "host port 80/tcp is claimed by environment blog too; change it in one of the two",
    )
    assert registry.disputes(ENGINE, "blog", alone("blog", 80))


def test_who_serves_with_a_port_keeps_it() -> None:
    registry = Registry()
    registry.hold(ENGINE, "shop", alone("shop", 80))
    registry.want(ENGINE, "shop", alone("shop", 80))
    registry.want(ENGINE, "blog", alone("blog", 80))
    assert registry.disputes(ENGINE, "shop", alone("shop", 80)) == ()
    assert registry.disputes(ENGINE, "blog", alone("blog", 80))


def test_a_port_is_still_held_by_who_serves_with_it_and_wants_another_one() -> None:
    registry = Registry()
    registry.hold(ENGINE, "shop", alone("shop", 80))
    registry.want(ENGINE, "shop", alone("shop", 81))
    assert registry.disputes(ENGINE, "blog", alone("blog", 80))


def test_an_orphan_that_wants_nothing_keeps_what_it_serves_with() -> None:
    registry = Registry()
    registry.hold(ENGINE, "shop", alone("shop", 80))
    registry.want(ENGINE, "shop", None)
    assert registry.disputes(ENGINE, "blog", alone("blog", 80))


def test_who_is_gone_claims_nothing() -> None:
    registry = Registry()
    registry.hold(ENGINE, "shop", alone("shop", 80))
    registry.want(ENGINE, "shop", alone("shop", 80))
    registry.let_go("shop")
    assert registry.disputes(ENGINE, "blog", alone("blog", 80)) == ()


def test_engines_have_nothing_to_do_with_each_other() -> None:
    registry = Registry()
    registry.hold("unix:///other", "shop", alone("shop", 80))
    assert registry.disputes(ENGINE, "blog", alone("blog", 80)) == ()


def test_one_project_for_two_environments_is_a_dispute() -> None:
    registry = Registry()
    registry.want(ENGINE, "shop", state("shop", 80))
    (dispute,) = registry.disputes(ENGINE, "blog", state("blog", 81))
    assert dispute.startswith("project shop is claimed by environment shop too")


def test_one_engine_that_is_reached_by_two_urls_is_one_engine() -> None:
    registry = Registry()
    registry.identify(ENGINE, "one")
    registry.want("tcp://engine:2376", "shop", alone("shop", 80))
    assert registry.disputes(ENGINE, "blog", alone("blog", 80)) == ()
    registry.identify("tcp://engine:2376", "one")
    assert registry.disputes(ENGINE, "blog", alone("blog", 80))
    assert registry.disputes("tcp://engine:2376", "blog", alone("blog", 80))


def test_an_environment_is_elsewhere_only_where_both_engines_have_said_who_they_are() -> None:
    registry = Registry()
    registry.want(ENGINE, "shop", alone("shop", 80))
    registry.hold("unix:///other", "blog", alone("blog", 80))
    registry.want("unix:///third", "wiki", alone("wiki", 80))
    assert registry.elsewhere(ENGINE) == frozenset()
    for engine, id in ((ENGINE, "one"), ("unix:///other", "two"), ("unix:///third", "one")):
        registry.identify(engine, id)
    assert registry.elsewhere(ENGINE) == {"blog"}
    assert registry.elsewhere("unix:///other") == {"shop", "wiki"}
