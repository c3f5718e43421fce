"""In which order an instance and its replacement meet, why, what it costs, and how to change that."""

from dataclasses import replace

from gitopsd.model.desired import Attachment, Bind, SealedService, Service
from gitopsd.plan import replacement
from tests.builders import a_service


def with_(sealed: SealedService, **fields: object) -> SealedService:
    service: Service = replace(sealed.service, **fields)  # type: ignore[arg-type]
    return replace(sealed, service=service)


def test_a_plain_service_is_replaced_start_first_without_interruption() -> None:
    found = replacement(a_service())
    assert (found.order, found.reason, found.interruption_s) == ("start-first", "", 0.0)


def test_a_published_port_can_be_bound_once() -> None:
    found = replacement(a_service(ports=[80]))
    assert found.order == "stop-first"
    assert found.reason == "host port 80 can be bound once; without a published port it would be start-first"


def test_not_even_the_manifest_can_bind_a_port_twice() -> None:
    assert replacement(a_service(ports=[80], order="start-first")).order == "stop-first"


def test_a_writable_volume_is_written_by_one_at_a_time() -> None:
    found = replacement(a_service(volumes=["data:/data"]))
    assert found.order == "stop-first"
    assert found.reason.startswith(
        "it writes to volume data at /data; `deploy.update_config.order: start-first` allows"
    )


def test_an_anonymous_volume_counts() -> None:
    assert replacement(a_service(volumes=["/data"])).reason.startswith("it writes to an anonymous volume at /data; ")


def test_a_volume_that_only_the_image_declares_counts() -> None:
    assert replacement(a_service(image_volumes=["/var/lib/x"])).reason.startswith("its image declares the volume /var")


def test_host_data_counts_unless_it_is_read_only() -> None:
    writes = with_(a_service(), mounts=(Bind("/srv/x", "/x"),))
    reads = with_(a_service(), mounts=(Bind("/srv/x", "/x", read_only=True),))
    assert replacement(writes).reason.startswith("it writes to /srv/x on the host")
    assert replacement(reads).order == "start-first"


def test_a_fixed_address_and_a_fixed_name_count() -> None:
    address = with_(a_service(), networks=(Attachment("default", ipv4_address="10.0.0.2"),))
    assert "its address on network default is fixed" in replacement(address).reason
    assert replacement(a_service(container_name="front")).reason.startswith("its container_name is fixed")


def test_the_manifest_may_allow_two_writers() -> None:
    assert replacement(a_service(volumes=["data:/data"], order="start-first")).order == "start-first"


def test_the_manifest_may_ask_for_stop_first() -> None:
    found = replacement(a_service(order="stop-first"))
    assert (found.order, found.reason) == ("stop-first", "the manifest says order: stop-first")


def test_the_interruption_is_stop_start_and_min_ready() -> None:
    assert replacement(a_service(order="stop-first", min_ready=5)).interruption_s == 7.0


def test_slots_that_take_turns_leave_no_gap() -> None:
    assert replacement(a_service(order="stop-first", replicas=3, parallelism=2)).interruption_s == 0.0
    assert replacement(a_service(order="stop-first", replicas=3, parallelism=0)).interruption_s == 7.0
