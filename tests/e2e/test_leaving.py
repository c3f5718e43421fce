"""Whoever leaves goes on with `docker compose` alone: nothing stops, no data is lost, and what it would do was said."""

from tests.e2e.compose import Compose
from tests.e2e.conftest import ONE, MakeRig
from tests.e2e.process import ask
from tests.e2e.rig import web


def test_compose_goes_on_with_the_file_that_is_printed(make_rig: MakeRig, compose: Compose) -> None:
    rig = make_rig().start()
    pages = {"pages/index.html": "from Git\n"}
    services = {"web": web(ONE, volumes=["./pages:/www:ro", "data:/data"]), "other": web(ONE)}
    rig.synced(rig.push_document({"services": services, "volumes": {"data": {"labels": {"a": "b"}}}}, **pages))
    rig.run_inside("web-1", "sh", "-c", "echo precious > /data/it")
    rig.process.stop()
    before = rig.ids()

    left = ask(rig.config, "eject", "shop")
    running = rig.ids()
    (compose.directory / "compose.yaml").write_text(left.stdout)
    (compose.directory / "pages").mkdir()
    (compose.directory / "pages" / "index.html").write_text("from here\n")
    up = compose.run("-p", rig.project, "up", "--detach")

    assert (left.returncode, running) == (0, before)
    assert "`docker compose up` would recreate other, web" in left.stderr
    assert "Recreate (data will be lost)?" not in up.stdout + up.stderr
    assert up.returncode == 0, up.stderr
    assert not set(rig.ids().values()) & set(before.values())
    assert rig.run_inside("web-1", "cat", "/data/it") == "precious\n"
    assert rig.page() == "from here\n"
    assert rig.networks() == ["default"]


def test_a_project_that_was_adopted_and_never_replaced_is_kept_by_compose(make_rig: MakeRig, compose: Compose) -> None:
    rig = make_rig()
    text = f"name: {rig.project}\nservices: {{web: {{image: {ONE}, stop_signal: SIGKILL}}}}\n"
    (compose.directory / "compose.yaml").write_text(text)
    compose.says("up", "--detach")
    rig.repository.push({"environments/shop/compose.yaml": text})
    before = rig.ids()

    adopted = ask(rig.config, "adopt", rig.project)
    left = ask(rig.config, "eject", "shop")
    (compose.directory / "compose.yaml").write_text(left.stdout)
    compose.says("up", "--detach")

    assert adopted.returncode == 0, adopted.stderr
    assert "`docker compose up` keeps web only where" in left.stderr
    assert rig.ids() == before
