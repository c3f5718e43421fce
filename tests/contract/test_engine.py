"""What every engine does: the same tests over the fake one and a real one."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from gitopsd.controller.addressing import Addresses
from gitopsd.engine_json import keep_body, network_body, update_body, volume_body
from gitopsd.engine_json.routed import NETWORK, routed_endpoint
from gitopsd.model.desired import Attachment, Image, Port, Volume, VolumeMount
from gitopsd.model.errors import Conflict, EngineRefused, HostTrouble, NotFound
from gitopsd.model.image import Disk, HeldImage, OutOfSight
from gitopsd.model.live import KeptVolume
from gitopsd.model.traffic import Traffic
from tests.contract.grounds import Ground
from tests.engine_json.builders import created, desired, directory, file, sealed, service
from tests.fakes.store import FakeStore

QUICK: dict[str, Any] = {"stop_signal": "SIGKILL"}


def test_a_started_container_is_seen_with_its_slot_its_fingerprint_and_its_name(ground: Ground) -> None:
    container = ground.run(service(**QUICK))

    seen = ground.only()
    assert (seen.id, seen.name, seen.state) == (container, f"{ground.project}-web-1", "running")
    assert (seen.service, seen.slot, seen.fingerprint, seen.release) == ("web", 1, "v1:abc", 7)
    assert (seen.environment, seen.image_id) == ("production", ground.hands.image("steady").id)
    assert seen.networks == {f"{ground.project}_default"}
    assert seen.started_at is not None


def test_a_project_that_nobody_has_touched_is_empty(ground: Ground) -> None:
    state = ground.engine.observe(ground.project)

    assert (state.instances, state.networks, state.volumes, state.owner) == ((), (), (), "")


def test_a_created_container_does_not_run(ground: Ground) -> None:
    ground.create(service())

    assert ground.only().state == "created"
    assert ground.only().started_at is None


def test_creating_again_after_a_crash_replaces_the_one_that_was_never_started(ground: Ground) -> None:
    first = ground.create(service())
    second = ground.create(service())

    assert first != second
    assert ground.only().id == second


def test_a_name_that_a_running_container_has_is_a_conflict(ground: Ground) -> None:
    ground.run(service(**QUICK))

    with pytest.raises(Conflict, match="already in use"):
        ground.create(service())


def test_a_container_of_somebody_else_is_never_taken_for_a_leftover(ground: Ground) -> None:
    ground.hands.somebodys_container(f"{ground.project}-web-1")

    with pytest.raises(Conflict, match="already in use"):
        ground.create(service())


def test_what_is_already_so_is_no_error(ground: Ground) -> None:
    engine, container = ground.engine, ground.run(service(**QUICK))

    engine.start(container)
    engine.unpause(container)
    engine.rename(container, f"{ground.project}-web-1")
    engine.stop(container)
    engine.stop(container)
    engine.remove(container)
    engine.remove(container)

    assert ground.instances() == ()


def test_a_container_that_is_gone_cannot_be_started_renamed_or_updated(ground: Ground) -> None:
    for call in (ground.engine.start, ground.engine.stop, ground.engine.unpause):
        with pytest.raises(NotFound):
            call("gitopsd-test-no-such-container")
    with pytest.raises(NotFound):
        ground.engine.rename("gitopsd-test-no-such-container", "other")
    with pytest.raises(NotFound):
        ground.engine.update("gitopsd-test-no-such-container", keep_body())


def aliases(ground: Ground, network: str) -> list[str]:
    shown: Any = ground.only().fields["networks"]
    return list(shown[network]["aliases"])


def test_what_was_asked_for_is_shown_field_by_field(ground: Ground) -> None:
    attachment = Attachment("back", aliases=("shop",))
    ground.run(service(networks=(attachment,), mem_limit=str(64 << 20), restart="always", **QUICK))

    shown = ground.only().fields

    assert (shown["resources.memory"], shown["restart"]) == (64 << 20, "always")
    assert set(aliases(ground, f"{ground.project}_back")) == {"web", "shop"}


def test_a_container_leaves_a_network_and_joins_it_with_all_its_names(ground: Ground) -> None:
    container = ground.run(service(networks=(Attachment("back"), Attachment("front")), **QUICK))
    back = f"{ground.project}_back"
    was = aliases(ground, back)

    ground.engine.disconnect(container, back)
    ground.engine.disconnect(container, back)

    assert ground.only().networks == {f"{ground.project}_front"}
    ground.engine.connect(container, back, {"Aliases": was})
    ground.engine.connect(container, back, {"Aliases": was})
    assert (was, aliases(ground, back)) == (["web"], ["web"])


def test_nothing_joins_a_network_that_is_not_there(ground: Ground) -> None:
    container = ground.run(service(**QUICK))

    with pytest.raises(NotFound):
        ground.engine.connect(container, f"{ground.project}_nowhere", {})


def test_a_running_container_is_not_removed(ground: Ground) -> None:
    container = ground.run(service(**QUICK))

    with pytest.raises(Conflict):
        ground.engine.remove(container)

    assert ground.only().state == "running"


def test_a_paused_container_is_seen_as_such_and_can_be_unpaused(ground: Ground) -> None:
    container = ground.run(service(**QUICK))
    ground.hands.pause(container)
    assert ground.only().state == "paused"

    ground.engine.unpause(container)

    assert ground.only().state == "running"


def test_a_container_that_was_removed_by_hand_is_gone_at_the_next_look(ground: Ground) -> None:
    container = ground.run(service(**QUICK))
    assert ground.only().state == "running"

    ground.hands.remove(container)

    assert ground.instances() == ()


def test_a_replacement_takes_the_name_when_the_old_one_is_gone(ground: Ground) -> None:
    name = f"{ground.project}-web-1"
    old = ground.run(service(**QUICK))
    new = ground.run(service(**QUICK), name=f"{name}.gitopsd-8")
    with pytest.raises(Conflict):
        ground.engine.rename(new, name)

    ground.engine.stop(old)
    ground.engine.remove(old)
    ground.engine.rename(new, name)

    assert [(each.id, each.name) for each in ground.instances()] == [(new, name)]


def test_a_job_ends_with_its_exit_code_and_its_last_words(ground: Ground) -> None:
    container = ground.run(service(), kind="fails")

    ended = ground.eventually(lambda: next((each for each in ground.instances() if each.state == "exited"), None))

    assert ended is not None
    assert (ended.exit_code, ended.finished_at is not None) == (3, True)
    assert ground.engine.logs(container, 10) == "no database\n"


def test_a_passing_check_makes_it_healthy(ground: Ground) -> None:
    ground.run(service(**QUICK), kind="healthy")

    assert ground.eventually(lambda: ground.only().check == "healthy")


def test_a_failing_check_makes_it_unhealthy(ground: Ground) -> None:
    ground.run(service(**QUICK), kind="unhealthy")

    assert ground.eventually(lambda: ground.only().check == "unhealthy")


def test_without_a_check_there_is_no_word_on_health(ground: Ground) -> None:
    ground.run(service(healthcheck={"disable": True}, **QUICK), kind="healthy")

    assert ground.only().check == "none"


def test_an_anonymous_volume_outlives_its_container_and_is_carried_into_the_next(ground: Ground) -> None:
    old = ground.run(service(**QUICK), kind="volume")
    volumes = ground.only().volumes
    ground.engine.stop(old)
    ground.engine.remove(old)

    ground.run(service(**QUICK), kind="volume", carry=volumes)

    assert list(volumes) == ["/data"]
    assert ground.only().volumes == volumes


def test_a_new_container_without_anything_to_carry_gets_a_volume_of_its_own(ground: Ground) -> None:
    ground.run(service(**QUICK), kind="volume")
    ground.run(service(**QUICK), kind="volume", slot=2)

    first, second = ground.instances()
    assert first.volumes["/data"] != second.volumes["/data"]


def test_a_kept_container_has_no_restart_policy_until_it_gets_its_own_back(ground: Ground) -> None:
    each = service(restart="unless-stopped", **QUICK)
    container = ground.run(each)
    assert ground.only().restart_policy == "unless-stopped"

    assert ground.engine.update(container, keep_body()) == ()
    assert ground.only().restart_policy == "no"

    assert ground.engine.update(container, update_body(sealed(each))) == ()
    assert ground.only().restart_policy == "unless-stopped"


def test_limits_are_changed_on_the_live_container(ground: Ground) -> None:
    container = ground.run(service(mem_limit="67108864", cpus=0.5, **QUICK))
    other = service(mem_limit="268435456", cpus=1.5, pids_limit=100, **QUICK)

    ignored = ground.engine.update(container, update_body(sealed(other)))

    assert ignored == ()
    assert ground.only().id == container


def test_everything_that_an_engine_can_change_in_place_is_changed(ground: Ground) -> None:
    before = service(mem_limit="67108864", cpu_shares=512, cpu_quota=50000, cpuset="0", pids_limit=50, **QUICK)
    after = service(
        mem_limit="134217728",
        memswap_limit="-1",
        mem_reservation="33554432",
        cpu_shares=256,
        cpu_period=50000,
        cpu_quota=25000,
        cpuset="0",
        pids_limit=-1,
        restart="on-failure:3",
        **QUICK,
    )
    container = ground.run(before)

    assert ground.engine.update(container, update_body(sealed(after))) == ()
    assert ground.only().restart_policy == "on-failure"


def test_a_container_is_seen_in_the_one_that_it_lives_in(ground: Ground) -> None:
    home = ground.run(service("vpn", ipc="shareable", **QUICK))
    modes = {"network_mode": "service:vpn", "pid": "service:vpn", "ipc": "service:vpn", "volumes_from": ["vpn:ro"]}

    ground.run(service("app", networks=(), **modes, **QUICK), joins={"vpn": home})

    app, vpn = ground.instances()
    assert (app.joined, app.borrowed, app.state) == ((home,), (home,), "running")
    assert (vpn.joined, vpn.borrowed) == ((), ())


@pytest.mark.parametrize("mode", ["network_mode", "pid", "ipc"])
def test_a_container_cannot_start_in_one_that_does_not_run(ground: Ground, mode: str) -> None:
    home = ground.run(service("vpn", ipc="shareable", **QUICK))
    networks = () if mode == "network_mode" else (Attachment("default"),)
    app = ground.create(service("app", networks=networks, **{mode: "service:vpn"}), joins={"vpn": home})
    ground.engine.stop(home)

    with pytest.raises(HostTrouble):
        ground.engine.start(app)


def test_a_container_cannot_start_in_one_that_is_gone(ground: Ground) -> None:
    home = ground.run(service("vpn", **QUICK))
    app = ground.create(service("app", networks=(), network_mode="service:vpn"), joins={"vpn": home})
    ground.engine.stop(home)
    ground.engine.remove(home)

    with pytest.raises(HostTrouble):
        ground.engine.start(app)


def test_the_first_claim_wins_until_it_is_given_up(ground: Ground) -> None:
    assert ground.engine.claim(ground.project, "first") == "first"
    assert ground.engine.claim(ground.project, "second") == "first"
    assert ground.engine.observe(ground.project).owner == "first"

    ground.engine.disclaim(ground.project)
    ground.engine.disclaim(ground.project)

    assert ground.engine.observe(ground.project).owner == ""
    assert ground.engine.claim(ground.project, "second") == "second"


def test_a_network_is_made_once_and_known_by_what_it_was_made_from(ground: Ground) -> None:
    state = ground.desired(service())
    ground.desired(service())

    (network,) = ground.engine.observe(ground.project).networks
    assert network.name == f"{ground.project}_default"
    assert network.options_digest == network_body(state.networks["default"], state)["Labels"]["gitopsd.options"]  # type: ignore[index,call-overload]

    ground.engine.remove_network(network.id)
    ground.engine.remove_network(network.id)
    assert ground.engine.observe(ground.project).networks == ()


def test_a_network_of_somebody_else_is_a_conflict(ground: Ground) -> None:
    ground.hands.somebodys_network(f"{ground.project}_default")

    with pytest.raises(Conflict, match="not this project's"):
        ground.desired(service())


def test_a_network_in_use_is_not_removed(ground: Ground) -> None:
    ground.run(service(**QUICK))

    with pytest.raises(EngineRefused, match="active endpoints"):
        ground.engine.remove_network(f"{ground.project}_default")


def test_a_volume_is_made_once_and_mounted(ground: Ground) -> None:
    each = service(mounts=[VolumeMount("data", "/var/lib/data")], **QUICK)
    state = desired(each, project=ground.project)
    for _ in range(2):
        volume = state.volumes["data"]
        ground.engine.create_volume(volume.name, volume_body(volume, state))

    ground.run(each)

    (found,) = ground.engine.observe(ground.project).volumes
    assert found.name == f"{ground.project}_data"
    assert ground.only().volumes == {"/var/lib/data": f"{ground.project}_data"}


def test_the_volumes_of_all_projects_are_shown_with_whom_they_were_made_for_and_whether_they_are_mounted(
    ground: Ground,
) -> None:
    each = service(mounts=[VolumeMount("data", "/var/lib/data")], **QUICK)
    state = desired(each, project=ground.project)
    volume = state.volumes["data"]
    ground.engine.create_volume(volume.name, volume_body(volume, state))

    def shown() -> list[KeptVolume]:
        return [found for found in ground.engine.kept_volumes() if found.project == ground.project]

    free = KeptVolume(volume.name, ground.project, state.environment)
    assert shown() == [free]
    ground.run(each)
    assert shown() == [replace(free, mounted=True)]
    ground.engine.claim(ground.project, "somebody")
    assert shown() == [replace(free, mounted=True)]


def test_a_volume_of_somebody_else_is_a_conflict(ground: Ground) -> None:
    name = f"{ground.project}_data"
    ground.hands.somebodys_volume(name)

    with pytest.raises(Conflict, match="not this project's"):
        ground.engine.create_volume(name, volume_body(Volume("data", name), desired(project=ground.project)))


def test_only_names_that_were_asked_for_are_said_to_exist(ground: Ground) -> None:
    ground.desired(service(networks=(Attachment("front"), Attachment("front-2"))))
    ground.hands.somebodys_volume(f"{ground.project}-volume-2")
    front = f"{ground.project}_front"

    assert ground.engine.existing([front, "nowhere"], [f"{ground.project}-volume"]) == (frozenset({front}), frozenset())
    assert ground.engine.existing([], []) == (frozenset(), frozenset())


def test_a_host_port_that_another_container_holds_is_refused_at_the_start(ground: Ground) -> None:
    ports = (Port(8080, published="39471", host_ip="127.0.0.1"),)
    ground.run(service(ports=ports, **QUICK))
    second = ground.create(service(ports=ports, **QUICK), slot=2)

    with pytest.raises(HostTrouble, match="port is already allocated"):
        ground.engine.start(second)


def test_a_missing_network_is_named(ground: Ground) -> None:
    container = ground.create(service())
    ground.engine.remove_network(f"{ground.project}_default")

    with pytest.raises(NotFound, match="network"):
        ground.engine.start(container)


def test_an_image_is_known_by_its_name_and_by_its_id(ground: Ground) -> None:
    image = ground.hands.image("volume")

    assert image.volumes == ("/data",)
    assert ground.engine.image(image.reference) == image
    by_id = ground.engine.image(image.id)
    assert by_id is not None
    assert by_id.identity == image.identity
    # The containerd image store has a digest for what was made locally, too, but only under its name.
    assert replace(by_id, reference=image.reference, digest=image.digest) == image
    assert ground.engine.image("gitopsd-test/nothing:1") is None


def held(ground: Ground, image: Image) -> HeldImage:
    """How an image is held; without a name when it is not."""
    found = next((each for each in ground.engine.held_images() if each.id == image.id), None)
    return found or HeldImage(image.id)


def test_an_image_is_held_by_its_names_and_used_while_a_container_of_it_is_there(ground: Ground) -> None:
    name, other = (f"gitopsd-test/{ground.project}:{number}" for number in (1, 2))
    image = ground.hands.own_image(name)
    ground.hands.tag(name, other)
    assert (held(ground, image).tags, held(ground, image).used) == ((name, other), False)
    assert image.identity in held(ground, image).identities

    each = service()
    ground.engine.create(created(each, image, ground.desired(each), name=f"{ground.project}-web-1"))

    assert held(ground, image).used


def test_an_image_goes_with_its_last_name_and_what_is_gone_is_no_error(ground: Ground) -> None:
    name, other = (f"gitopsd-test/{ground.project}:{number}" for number in (1, 2))
    image = ground.hands.own_image(name)
    ground.hands.tag(name, other)

    ground.engine.remove_image(name)
    assert held(ground, image).tags == (other,)
    ground.engine.remove_image(other)
    ground.engine.remove_image(other)

    assert held(ground, image) == HeldImage(image.id)


def test_an_image_that_a_container_uses_keeps_its_last_name(ground: Ground) -> None:
    name = f"gitopsd-test/{ground.project}:1"
    image = ground.hands.own_image(name)
    each = service()
    ground.engine.create(created(each, image, ground.desired(each), name=f"{ground.project}-web-1"))

    with pytest.raises(Conflict, match=r"must force|must be forced"):
        ground.engine.remove_image(name)

    assert ground.engine.image(name) == image


def test_the_disk_of_an_engine_on_this_host_can_be_looked_at(ground: Ground) -> None:
    match ground.engine.disk():
        case Disk(path=path, free=free, total=total):
            assert path.startswith("/")
            assert 0 < free < total
        case OutOfSight(why=why):  # an engine does not say where a containerd that is not its own keeps images
            assert "containerd" in why


def test_a_container_of_an_image_that_is_not_there_is_not_found(ground: Ground) -> None:
    each = service()
    state = ground.desired(each)
    gone = Image("gitopsd-test/gone:1", "sha256:" + 64 * "0")

    with pytest.raises(NotFound):
        ground.engine.create(created(each, gone, state))


def test_content_is_there_before_the_start(ground: Ground) -> None:
    mounts = [
        file("/etc/app/app.conf", b"one file\n"),
        directory("/etc/app.d", {"a.conf": b"a\n", "deep/b.conf": b"b\n"}),
    ]

    container = ground.run(service(mounts=mounts, **QUICK), environment=ground.project)

    assert ground.hands.read(container, "/etc/app/app.conf") == b"one file\n"
    assert ground.hands.read(container, "/etc/app.d/a.conf") == b"a\n"
    assert ground.hands.read(container, "/etc/app.d/deep/b.conf") == b"b\n"


def test_content_reaches_a_container_with_a_read_only_root(ground: Ground) -> None:
    mounts = [file("/etc/app.conf", b"one file\n"), directory("/srv", {"page": b"page\n"})]

    container = ground.run(service(mounts=mounts, read_only=True, **QUICK), environment=ground.project)

    assert ground.hands.read(container, "/etc/app.conf") == b"one file\n"
    assert ground.hands.read(container, "/srv/page") == b"page\n"


def test_content_that_no_container_uses_is_collected_and_the_rest_stays(ground: Ground) -> None:
    used = ground.run(service(mounts=[directory("/srv", {"page": b"used\n"})], **QUICK), environment=ground.project)
    old = service("old", mounts=[directory("/srv", {"page": b"unused\n"})], **QUICK)
    unused = ground.run(old, environment=ground.project)
    ground.engine.stop(unused)
    ground.engine.remove(unused)

    assert ground.engine.collect_content(ground.project) == 1
    assert ground.engine.collect_content(ground.project) == 0
    assert ground.hands.read(used, "/srv/page") == b"used\n"


def test_what_happens_after_subscribing_is_told_though_nobody_has_listened_yet(ground: Ground) -> None:
    stream = ground.engine.events(None)
    container = ground.create(service())

    assert next(event for event in stream if event.id == container).action == "create"
    ground.engine.close_events()


def test_events_tell_of_a_start_and_an_end_and_stop_when_they_are_closed(ground: Ground) -> None:
    listener = ground.listen()
    ground.eventually(lambda: ground.create(service()) and listener.heard)  # subscribed
    container = ground.run(service(**QUICK))
    ground.engine.stop(container)

    ground.eventually(lambda: {"start", "die"} <= set(listener.actions(container)))
    assert {event.project for event in listener.heard if event.id == container} == {ground.project}

    ground.engine.close_events()
    ground.eventually(lambda: listener.over)


def test_what_running_containers_use_is_known_and_what_does_not_run_or_is_gone_is_left_out(ground: Ground) -> None:
    running = ground.run(service(**QUICK))
    created = ground.create(service("idle"))

    used = ground.eventually(lambda: ground.engine.used([running, created, "0" * 64]))

    assert list(used) == [running]
    assert 0 < used[running].memory < 64 << 20
    worked = used[running].processor
    assert worked is not None
    assert 0 <= worked < 60


def test_a_routed_instance_keeps_its_address_whether_it_runs_or_not(ground: Ground) -> None:
    address = routed(ground)
    container = ground.run(service(traffic=Traffic(80, 8080), **QUICK), routed=address)
    assert ground.only().routed_address == address
    assert ground.only().networks == {f"{ground.project}_default", NETWORK}

    ground.engine.stop(container)
    assert ground.only().routed_address == address

    ground.engine.start(container)
    assert ground.only().routed_address == address
    assert ground.only().address != address


def test_an_address_counts_as_taken_from_the_creation_of_its_container_to_its_removal(ground: Ground) -> None:
    address = routed(ground)
    container = ground.create(service(traffic=Traffic(80, 8080)), routed=address)
    found = ground.engine.addresses(NETWORK)
    assert found is not None
    assert (found.ours, address in found.taken) == (True, True)
    assert found.subnet in ground.engine.subnets()

    ground.engine.remove(container)

    found = ground.engine.addresses(NETWORK)
    assert found is not None
    assert address not in found.taken


def test_a_network_that_is_not_there_has_no_addresses_and_somebodys_is_not_ours(ground: Ground) -> None:
    name = f"{ground.project}-somebodys"
    assert ground.engine.addresses(name) is None
    ground.hands.somebodys_network(name)

    found = ground.engine.addresses(name)

    assert found is not None
    assert not found.ours


def test_a_routed_instance_lives_beside_the_default_bridge_too(ground: Ground) -> None:
    address = routed(ground)

    ground.run(service(traffic=Traffic(80, 8080), networks=(), network_mode="bridge", **QUICK), routed=address)

    assert (ground.only().routed_address, ground.only().state) == (address, "running")


def test_a_cut_connection_is_made_again_with_the_address(ground: Ground) -> None:
    address = routed(ground)
    container = ground.run(service(traffic=Traffic(80, 8080), **QUICK), routed=address)
    ground.engine.disconnect(container, NETWORK)
    assert ground.only().routed_address == ""

    ground.engine.connect(container, NETWORK, routed_endpoint(address))

    assert ground.only().routed_address == address


def routed(ground: Ground) -> str:
    """An address that no other test gets."""
    return Addresses(ground.engine, FakeStore(str(uuid4()))).give()
