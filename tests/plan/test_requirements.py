"""What a manifest needs of the engine is told before anything is written."""

from dataclasses import replace

from gitopsd.model.desired import Attachment, DesiredState, Network, Service, Volume, VolumeMount
from gitopsd.model.errors import Place
from gitopsd.plan.requirements import Offer, externals, unmet

OFFER = Offer((1, 41))


def desired(service: Service, *, external: bool = True) -> DesiredState:
    networks = {
        "front": Network("front", "proxy", external=external),
        "spare": Network("spare", "spare", external=True),
    }
    volumes = {"data": Volume("data", "archive", external=external)}
    return DesiredState("shop", "shop", {service.name: service}, networks, volumes)


def a_service() -> Service:
    return Service(
        "web",
        "web:1",
        {},
        Place("compose.yaml", 2, 3),
        networks=(Attachment("front"),),
        mounts=(VolumeMount("data", "/data"),),
    )


def test_only_external_names_that_services_use_are_asked_for() -> None:
    assert externals(desired(a_service())) == (("proxy",), ("archive",))
    assert externals(desired(a_service(), external=False)) == ((), ())


def test_an_external_name_that_does_not_exist_is_told_with_the_command_that_makes_it() -> None:
    found = unmet(desired(a_service()), OFFER)

    assert [problem.message for problem in found] == [
        "external network proxy does not exist on the engine; `docker network create proxy` makes it",
        "external volume archive does not exist on the engine; `docker volume create archive` makes it",
    ]
    assert unmet(desired(a_service()), replace(OFFER, networks={"proxy"}, volumes={"archive"})) == ()


def test_a_key_that_the_engine_is_too_old_for_names_both_versions() -> None:
    service = replace(a_service(), networks=(), mounts=(VolumeMount("data", "/data", subpath="part"),))

    (problem,) = unmet(desired(service, external=False), OFFER)

    assert "needs engine API 1.45, this engine speaks 1.41" in problem.message
    assert unmet(desired(service, external=False), Offer((1, 45))) == ()
