"""The image of gitopsd, built by deploy/Dockerfile as it is, on a base made here and without any network."""

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import docker
import docker.errors
import pytest

from tests.e2e.conftest import make_rig, nodes, start_engine
from tests.images import Images, cache_directory

__all__ = ("make_rig", "nodes", "start_engine")  # fixtures of the end-to-end tests, for tests here

ROOT = Path(__file__).resolve().parents[2]
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-build.lock")
PACKAGES = ("ca-certificates", "git", "openssh-client", "python3", "python3-venv")
PIP = "[global]\nno-index = true\nfind-links = /wheels\ndisable-pip-version-check = true\n"
DEBIAN, BASE, IMAGE = "gitopsd-test/debian:git", "gitopsd-test/base:wheels", "gitopsd-test/gitopsd:1"


@pytest.fixture(scope="session")
def gitopsd_image(docker_api: docker.APIClient, images: Images) -> str:
    """The tag of the built image. The base has Git, Python and the locked wheels; the build gets no network.

    It stays, as all images of tests do: those that run beside these may need it still.
    """
    images.debian(DEBIAN, PACKAGES)
    wheels = wheelhouse(python_of(docker_api, DEBIAN))
    built(docker_api, BASE, fileobj=base_context(wheels), custom_context=True)
    dockerfile = "deploy/Dockerfile"
    built(docker_api, IMAGE, path=str(ROOT), dockerfile=dockerfile, buildargs={"BASE": BASE}, network_mode="none")
    return IMAGE


def python_of(api: docker.APIClient, image: str) -> str:
    """The image's version of Python, as 3.11."""
    asked = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    container = api.create_container(image, ["python3", "-c", asked])["Id"]
    try:
        api.start(container)
        assert api.wait(container)["StatusCode"] == 0
        return str(api.logs(container).decode().strip())
    finally:
        api.remove_container(container, force=True)


def wheelhouse(python: str) -> Path:
    """The locked packages as wheels for that Python, got as `make setup` gets them; kept for later."""
    locked = hashlib.sha256(b"".join(path.read_bytes() for path in LOCKS)).hexdigest()[:12]
    directory = cache_directory() / f"wheels-{python}-{locked}"
    if not directory.is_dir():
        draft = directory.with_suffix(".part")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
        ]
        command += ["--only-binary=:all:", f"--python-version={python}", f"--dest={draft}"]
        for path in LOCKS:
            command += ["--requirement", str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        draft.rename(directory)
    return directory


def base_context(wheels: Path) -> io.BytesIO:
    """A build context that adds the wheels to the Debian image, and tells pip to look nowhere else."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in {
            "Dockerfile": f"FROM {DEBIAN}\nCOPY wheels /wheels\nCOPY pip.conf /etc/pip.conf\n",
            "pip.conf": PIP,
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
        archive.add(wheels, "wheels")
    buffer.seek(0)
    return buffer


def built(api: docker.APIClient, tag: str, **how: object) -> None:
    """Build an image; what the build said is in the failure."""
    said: list[str] = []
    for line in api.build(tag=tag, rm=True, forcerm=True, decode=True, **how):
        said.append(str(line.get("stream") or line.get("error") or ""))
        if "error" in line:
            pytest.fail(f"{tag} cannot be built:\n{''.join(said[-40:])}")
