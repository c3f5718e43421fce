"""What engines do with files of containers that run: the same tests over the fake one and a real one."""

from typing import Any

import pytest

from gitopsd.engine_json.creation import Creation
from gitopsd.model.desired import Service
from gitopsd.model.errors import EngineRefused
from gitopsd.model.live import LayerChange
from tests.contract.grounds import Ground
from tests.engine_json.builders import created, directory, exchanged, file, service

QUICK: dict[str, Any] = {"stop_signal": "SIGKILL"}


def test_content_is_put_back_into_a_container_that_runs(ground: Ground) -> None:
    before = service(mounts=[file("/etc/app.conf", b"by hand\n"), directory("/srv", {"page": b"page\n"})], **QUICK)
    after = service(mounts=[file("/etc/app.conf", b"as in Git\n"), directory("/srv", {"page": b"page\n"})], **QUICK)
    container = ground.run(before, environment=ground.project)
    made = created(
        *(after, ground.hands.image("steady"), ground.desired(after)),
        name=f"{ground.project}-web-1",
        environment=ground.project,
    )

    ground.engine.deliver(container, made)
    ground.engine.deliver(container, made)

    assert ground.hands.read(container, "/etc/app.conf") == b"as in Git\n"
    assert ground.hands.read(container, "/srv/page") == b"page\n"
    assert ground.only().state == "running"


def test_a_file_in_a_containers_own_layer_is_listed(ground: Ground) -> None:
    container = ground.run(service(mounts=[file("/etc/app.conf")], **QUICK))

    assert LayerChange("/etc/app.conf", "added") in ground.engine.changes(container)


def test_files_are_exchanged_in_every_container_made_of_the_same(ground: Ground) -> None:
    before, after = _service(b"old\n"), _service(b"new\n")
    first, second = (ground.run(before, slot=slot, environment=ground.project) for slot in (1, 2))

    ground.engine.exchange(first, _made(ground, after))

    assert [ground.hands.read(each, "/etc/app/app.conf") for each in (first, second)] == [b"new\n", b"new\n"]
    assert {each.id for each in ground.instances() if each.state == "running"} == {first, second}
    (found,) = ground.engine.read(second, "/etc/app/app.conf", 100) or ()
    assert found.data == b"new\n"


def test_files_are_exchanged_more_than_once_and_back(ground: Ground) -> None:
    container = ground.run(_service(b"one\n"), environment=ground.project)
    seen = []

    for content in (b"two\n", b"two\n", b"three\n", b"one\n"):
        ground.engine.exchange(container, _made(ground, _service(content)))
        seen.append(ground.hands.read(container, "/etc/app/app.conf"))

    assert seen == [b"two\n", b"two\n", b"three\n", b"one\n"]


def test_files_of_a_read_only_container_are_exchanged_in_a_directory_of_their_own(ground: Ground) -> None:
    container = ground.run(_service(b"old\n", read_only=True), environment=ground.project)

    ground.engine.exchange(container, _made(ground, _service(b"new\n", read_only=True)))

    assert ground.hands.read(container, "/etc/app/app.conf") == b"new\n"


def test_a_container_that_was_made_without_a_place_for_them_has_no_files_exchanged(ground: Ground) -> None:
    container = ground.run(service(mounts=[file("/etc/app/app.conf")], **QUICK), environment=ground.project)

    with pytest.raises(EngineRefused, match="it was made without"):
        ground.engine.exchange(container, _made(ground, _service(b"new\n")))


def test_a_signal_reaches_the_containers_first_process(ground: Ground) -> None:
    container = ground.run(service(networks=(), **QUICK), kind="told")

    def told() -> bool:
        """It may not listen yet when the engine says that it runs."""
        ground.engine.signal(container, "SIGHUP")
        return ground.only().exit_code == 7

    ground.eventually(told)


def test_a_signal_to_what_does_not_run_is_no_error(ground: Ground) -> None:
    container = ground.create(service(**QUICK))

    ground.engine.signal(container, "SIGHUP")

    assert ground.only().state == "created"


def _service(content: bytes, **options: Any) -> Service:
    return service(mounts=[exchanged("/etc/app/app.conf", content)], networks=(), **QUICK, **options)


def _made(ground: Ground, each: Service) -> Creation:
    name = f"{ground.project}-web-1"
    return created(each, ground.hands.image("steady"), ground.desired(each), name=name, environment=ground.project)
