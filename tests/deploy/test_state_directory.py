"""What gitopsd keeps on disk, which people copy and back up, holds no secret in the clear."""

from pathlib import Path

import docker

from tests.e2e.rig import Rig, web
from tests.images import Images

WEB = "gitopsd-test/secret-web:1"
FIRST, SECOND = b"zebra-crossing-42", b"pelican-crossing-43"


def test_no_file_of_the_state_directory_has_the_value_of_a_hosts_variable(
    tmp_path: Path, docker_api: docker.APIClient, engine_url: str, images: Images, project: str
) -> None:
    images.web(WEB, "a page")
    variables = tmp_path / "production.env"
    variables.write_bytes(b"TOKEN=" + FIRST)
    settings = {"environments": {"shop": {"vars_file": str(variables)}}}
    service = web(WEB, environment={"TOKEN": "${TOKEN}"}, secrets=["token"])
    document = {"services": {"web": service}, "secrets": {"token": {"environment": "TOKEN"}}}
    rig = Rig(tmp_path / "rig", docker_api, engine_url, project, settings).start()
    try:
        rig.synced(rig.push_document(document))
        variables.write_bytes(b"TOKEN=" + SECOND)
        rig.synced(rig.push_document({**document, "x-note": "another commit"}))
        seen_inside = rig.run_inside("web-1", "cat", "/run/secrets/token").encode()
    finally:
        rig.close()

    assert seen_inside == SECOND
    kept = {path: path.read_bytes() for path in rig.state.rglob("*") if path.is_file()}
    assert len(kept) > 3
    assert [path for path, data in kept.items() if FIRST in data or SECOND in data] == []
    assert FIRST not in rig.process.words().encode()
