"""Services that use another's namespaces, volumes or name: it must be there, comes first, and is known to be shared."""

import pytest

from gitopsd.manifest import waves
from gitopsd.model.desired import Dependency
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_state

SHARING = ["network_mode: 'service:db'", "ipc: 'service:db'", "pid: 'service:db'", "volumes_from: ['db:ro']"]


@pytest.mark.parametrize("key", SHARING)
def test_a_service_whose_namespace_or_volumes_are_used_is_shared_and_comes_first(key: str) -> None:
    state = a_state(f"services: {{app: {{image: i, {key}}}, db: {{image: i}}}}")

    assert state.services["app"].shares == ("db",)
    assert waves(state) == (("db",), ("app",))


def test_a_link_is_a_name_only_but_comes_first_too() -> None:
    state = a_state("services: {app: {image: i, links: ['db:database']}, db: {image: i}}")

    assert state.services["app"].shares == ()
    assert state.services["app"].depends_on == (Dependency("db", restart=True),)


def test_each_service_is_shared_once_and_what_depends_on_says_counts() -> None:
    keys = "network_mode: 'service:db', pid: 'service:db', volumes_from: [db, data], depends_on: {db: HOW}"
    keys = keys.replace("HOW", "{condition: service_healthy}")

    app = a_state(f"services: {{app: {{image: i, {keys}}}, db: {{image: i}}, data: {{image: i}}}}").services["app"]

    assert app.shares == ("db", "data")
    assert app.depends_on == (Dependency("db", "service_healthy"), Dependency("data"))


def test_what_is_another_containers_or_the_hosts_is_nobodys_dependency() -> None:
    keys = "network_mode: host, ipc: 'container:a', pid: host, volumes_from: ['container:b:ro']"

    app = a_state(f"services: {{app: {{image: i, {keys}}}}}").services["app"]

    assert app.shares == ()
    assert app.depends_on == ()


def test_a_service_in_a_foreign_network_namespace_is_in_no_network() -> None:
    state = a_state("services: {app: {image: i, network_mode: host}}\nnetworks: {spare: }")

    assert state.services["app"].networks == ()
    assert state.networks == {}


@pytest.mark.parametrize(
    ("services", "said"),
    [
        ("app: {image: i, pid: 'service:nope'}", "1:29: services.app.pid: there is no service 'nope'"),
        ("app: {image: i, pid: 'service:app'}", "1:29: services.app.pid: services depend on each other in a circle"),
        (
            "app: {image: i, pid: 'service:db'}, db: {image: i, profiles: [off]}",
            "1:29: services.app.pid: no active profile enables 'db'; enable one, or remove the key",
        ),
        (
            "app: {image: i, volumes_from: [db]}, db: {image: i, depends_on: [app]}",
            "1:29: services.app.volumes_from: services depend on each other in a circle (app -> db -> app)",
        ),
    ],
)
def test_what_cannot_be_shared_is_refused_where_it_is_written(services: str, said: str) -> None:
    with pytest.raises(ManifestError) as raised:
        a_state(f"services: {{ {services} }}")

    assert f"shop/compose.yaml:{said}" in str(raised.value)


def test_a_service_that_no_profile_enables_may_share_what_is_not_there() -> None:
    state = a_state("services: {web: {image: i}, app: {image: i, pid: 'service:nope', profiles: [off]}}")

    assert list(state.services) == ["web"]
