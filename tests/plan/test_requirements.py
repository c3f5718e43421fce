"""What a manifest needs of the engine is told before anything is written."""

from dataclasses import replace

import pytest

from gitopsd.model.canonical import Json
from gitopsd.model.desired import Attachment, DesiredState, Network, Service, Volume, VolumeMount
from gitopsd.model.errors import Place
from gitopsd.plan.requirements import Offer, externals, impossible, unmet

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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mem_limit": "1024"}, "the memory limit of 1024 bytes is below the 6 MB that Docker needs; write 6m or more"),
        (
            {"mem_reservation": "1024"},
            "the memory reservation of 1024 bytes is below the 6 MB that Docker needs; write 6m or more",
        ),
        (
            {"deploy": {"resources": {"limits": {"memory": "16777216"}, "reservations": {"memory": "33554432"}}}},
            "the memory reservation of 33554432 bytes is above the limit of 16777216; lower it",
        ),
        ({"cpus": 0.005}, "0.005 CPUs are below the 0.01 that Docker needs; write 0.01 or more"),
    ],
)
def test_a_limit_that_no_engine_takes_is_told_with_its_place(options: dict[str, Json], message: str) -> None:
    service = replace(a_service(), options=options)
    assert [str(problem) for problem in impossible(desired(service))] == [f"compose.yaml:2:3: services.web: {message}"]


def test_limits_that_engines_take_are_no_problem() -> None:
    for options in ({}, {"mem_limit": str(6 << 20), "cpus": 0.01}, {"mem_reservation": str(64 << 20)}):
        assert impossible(desired(replace(a_service(), options=options))) == ()
