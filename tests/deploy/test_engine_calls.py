"""The filter in front of the Docker socket lets through every call that gitopsd makes in the life of an environment."""

from pathlib import Path

import docker

from tests.deploy.allow_list import turned_away
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.rig import Rig, web
from tests.images import Images
from tests.registry import MakeRegistry, Registry

ONE, TWO, CRASHING = "gitopsd-test/call:1", "gitopsd-test/call:2", "gitopsd-test/call:crash"
MISSING = "localhost:1/gitopsd-test/nothing:1"


def test_the_filter_lets_through_whatever_an_environment_needs_from_its_first_release_to_its_removal(
    tmp_path: Path,
    docker_api: docker.APIClient,
    engine_url: str,
    images: Images,
    project: str,
    make_registry: MakeRegistry,
) -> None:
    images.web(ONE, "one")
    images.web(TWO, "two")
    images.busybox(CRASHING, changes=['CMD ["sh", "-c", "echo no database; exit 3"]'])
    proxy = EngineProxy(engine_url)
    rig = Rig(tmp_path / "rig", docker_api, proxy.url, project, {"images": {"keep_releases": 1, "min_free": 0}}).start()
    try:
        live(rig)
        pull(rig, make_registry())
    finally:
        rig.close()
        proxy.close()

    calls = {(method, url.partition("?")[0]) for method, _, url in (call.partition(" ") for call in proxy.calls)}
    verbs = {path.rpartition("/")[2] for _, path in calls}
    assert any(method == "DELETE" and "/images/" in path for method, path in calls)
    assert verbs >= {"events", "create", "archive", "connect", "start", "stop", "rename", "update", "logs"}
    assert turned_away(proxy.calls) == []


def live(rig: Rig) -> None:
    """First release, upgrade in both orders, content of both kinds, two networks, a repair, a failure, the end."""
    content = {"pages/index.html": "from Git\n", "app.conf": "colour = blue\n"}
    networks = {"networks": {"front": {}, "back": {}}}
    mounts = ["./pages:/www:ro", "./app.conf:/etc/app.conf:ro"]

    def shop(image: str, **more: object) -> dict[str, object]:
        services = {
            "web": web(image, volumes=mounts, networks=["front", "back"], mem_limit="64m", **more),
            "store": web(image, volumes=["data:/data"], networks=["back"], restart="unless-stopped"),
        }
        return {"services": services, "volumes": {"data": {}}, **networks}

    rig.synced(rig.push_document(shop(ONE), **content))
    rig.synced(rig.push_document(shop(TWO, deploy={"replicas": 2}), **{**content, "app.conf": "colour = red\n"}))
    rig.api.remove_container(rig.container("web-2")["Id"], force=True)
    rig.eventually(lambda: "web-2" in rig.running())
    rig.rejected(rig.push_document(shop(CRASHING, deploy={"replicas": 2}), **content))
    rig.push_document(shop(MISSING), **content)
    rig.held("image")
    rig.ask("remove")


def pull(rig: Rig, registry: Registry) -> None:
    """An image from a registry, and a newer one that supersedes it."""
    for number in (1, 2):
        registry.push(f"shop/web:{number}")
        rig.synced(rig.push("blog", web=web(f"{registry.host}/shop/web:{number}")), "blog")
    rig.told("ImageRemoved", "blog")
