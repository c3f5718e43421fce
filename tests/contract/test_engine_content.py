"""What engines do with files of containers that run: the same tests over the fake one and a real one."""

from typing import Any

from gitopsd.model.live import LayerChange
from tests.contract.grounds import Ground
from tests.engine_json.builders import created, directory, file, service

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
