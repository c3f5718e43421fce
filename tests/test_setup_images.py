"""Images made on the spot run on the engine, answer, and are made once."""

import urllib.error
import urllib.request

import docker

from tests.images import Images, busybox_tar
from tests.waiting import eventually


def test_the_same_files_give_the_same_bytes() -> None:
    files = {"/www/index.html": "one", "/bin/start": "#!/bin/sh\nexec httpd\n"}

    assert busybox_tar(files, busybox=b"program") == busybox_tar(files, busybox=b"program")


def test_a_web_image_answers_on_a_published_port(images: Images, docker_api: docker.APIClient, project: str) -> None:
    tag = images.web("gitopsd-test/setup-web:1", says="hello from one")
    container = docker_api.create_container_from_config(
        {
            "Image": tag,
            "Labels": {"com.docker.compose.project": project},
            "HostConfig": {"PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}},
            "ExposedPorts": {"8080/tcp": {}},
        }
    )["Id"]

    docker_api.start(container)

    port = docker_api.port(container, 8080)[0]["HostPort"]
    assert eventually(lambda: page(f"http://127.0.0.1:{port}/")) == "hello from one\n"


def test_containers_of_one_network_find_each_other_by_name(
    images: Images, docker_api: docker.APIClient, project: str
) -> None:
    tag = images.web("gitopsd-test/setup-web:1", says="hello from one")
    labels = {"com.docker.compose.project": project}
    network = docker_api.create_network(f"{project}_default", labels=labels)["Id"]
    ask = ["sh", "-c", "until wget -q -O - http://web:8080/; do sleep 0.05; done"]
    for name, command in (("web", None), ("asks", ask)):
        config = {"Image": tag, "Labels": labels, "HostConfig": {"NetworkMode": network}}
        config["NetworkingConfig"] = {"EndpointsConfig": {network: {"Aliases": [name]}}}
        if command:
            config["Cmd"] = command
        docker_api.start(docker_api.create_container_from_config(config, name=f"{project}-{name}")["Id"])

    ended = docker_api.wait(f"{project}-asks", timeout=30)

    assert ended["StatusCode"] == 0
    assert docker_api.logs(f"{project}-asks", stdout=True, stderr=False) == b"hello from one\n"


def test_an_image_is_made_once_and_anew_when_its_content_changes(images: Images, docker_api: docker.APIClient) -> None:
    tag = "gitopsd-test/setup-once:1"
    first = docker_api.inspect_image(images.web(tag, says="one"))["Id"]

    again = docker_api.inspect_image(images.web(tag, says="one"))["Id"]
    changed = docker_api.inspect_image(images.web(tag, says="two"))["Id"]

    assert again == first
    assert changed != first


def page(url: str) -> str:
    """The page at `url`; empty while nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, ConnectionError):
        return ""
