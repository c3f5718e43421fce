"""What Swarm is told of its routers: what makes others of them, and what does not."""

from collections.abc import Mapping

from gitopsd.engine_json.swarm_router import MOST_AT_RUN_TIME, router_spec
from gitopsd.model.swarm import SwarmSpec

FILES = {"haproxy.cfg": "global\n", "share.map": "shop:web 0\n"}


def told(shown: Mapping[str, str]) -> SwarmSpec:
    return router_spec("haproxy", FILES, "proof", (443,), shown)


def test_a_certificate_is_a_secret_beside_the_configuration_that_names_it() -> None:
    spec = told({"certificate-a.pem": "one"})
    container = spec.body["TaskTemplate"]["ContainerSpec"]  # type: ignore[index, call-overload]
    secrets = {each["File"]["Name"]: each["SecretName"] for each in container["Secrets"]}
    held = {each.name: (each.kind, each.data) for each in spec.objects}
    assert held[secrets["/gitopsd/config/certificate-a.pem"]] == ("secret", b"one")
    assert b"one" not in {data for kind, data in held.values() if kind == "config"}


def test_a_renewed_certificate_makes_no_other_routers_and_is_there_for_the_next() -> None:
    old, new = told({"certificate-a.pem": "old"}), told({"certificate-a.pem": "new"})
    assert old.digest == new.digest
    assert b"new" in {each.data for each in new.objects}


def test_one_that_no_router_could_be_told_at_run_time_makes_others() -> None:
    long = "x" * MOST_AT_RUN_TIME
    assert told({"certificate-a.pem": long}).digest != told({"certificate-a.pem": f"{long}y"}).digest


def test_a_certificate_for_another_host_makes_others() -> None:
    one = told({"certificate-a.pem": "one"})
    assert one.digest != told({"certificate-a.pem": "one", "certificate-b.pem": "one"}).digest


def test_two_files_that_hold_the_same_are_two_secrets() -> None:
    names = [each.name for each in told({"certificate-a.pem": "one", "certificate-b.pem": "one"}).objects]
    assert len(names) == len(set(names))
