"""Makes the images of tests and demo on the spot, from programs of this machine, as no image registry may be assumed.

Debian's static busybox crashes in `wget -T`, so a check in an image uses `wget` without it, or `nc -w`.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors

ROOT = Path(__file__).resolve().parent.parent
APPLETS = (
    *("sh", "httpd", "sleep", "cat", "wget", "nc", "true", "false", "kill", "echo", "ls", "touch", "rm", "mkdir", "id"),
    *("env", "grep", "test", "date", "trap", "stat", "head", "tail", "sed", "hostname", "printf", "chmod", "cp", "mv"),
)
WEB = ("httpd", "-f", "-v", "-p", "8080", "-h", "/www")
EPOCH = 1_700_000_000
PROGRAM = (b"#!", b"\x7fELF")  # how a file begins that is executable in an image
CONTENT_LABEL = "gitopsd-test.content"


@dataclass(frozen=True, slots=True)
class Images:
    """The image makers of this file, bound to one engine; each gives back the tag, for use in a manifest."""

    api: docker.APIClient

    def busybox(self, tag: str, files: Mapping[str, str | bytes] | None = None, changes: Sequence[str] = ()) -> str:
        busybox_image(self.api, tag, files, changes)
        return tag

    def web(self, tag: str, says: str, changes: Sequence[str] = ()) -> str:
        web_image(self.api, tag, says, changes)
        return tag

    def debian(self, tag: str, packages: Sequence[str] = ()) -> str:
        debian_image(self.api, tag, packages)
        return tag


def busybox_image(
    api: docker.APIClient,
    tag: str,
    files: Mapping[str, str | bytes] | None = None,
    changes: Sequence[str] = (),
) -> str:
    """Makes `tag` of busybox and `files`, and returns its id.

    `files` is content by path; scripts and programs are executable.
    `changes` are Dockerfile instructions (`CMD ["sleep", "60"]`, `HEALTHCHECK ...`, `USER 1000`).
    """
    return import_image(api, tag, busybox_tar(files or {}), changes)


def web_image(api: docker.APIClient, tag: str, says: str, changes: Sequence[str] = ()) -> str:
    """Makes `tag`: a web service on port 8080 whose page is `says`, as a version of an application would be."""
    command = f"CMD {json.dumps(list(WEB))}"
    return busybox_image(api, tag, {"/www/index.html": f"{says}\n"}, [command, "EXPOSE 8080/tcp", *changes])


def import_image(api: docker.APIClient, tag: str, root: bytes, changes: Sequence[str]) -> str:
    """Makes an image of one layer from the tar archive of its root directory; returns its id.

    An engine that has the same content under this tag keeps it: an import gives a new id every time.
    """
    content = hashlib.sha256(root + json.dumps(list(changes)).encode()).hexdigest()
    kept = kept_image(api, tag, content)
    if kept is not None:
        return kept
    repository, _, version = tag.rpartition(":")
    labelled = [*changes, f"LABEL {CONTENT_LABEL}={content}"]
    answer = api.import_image_from_data(root, repository=repository, tag=version, changes=labelled)
    last = json.loads(answer.strip().splitlines()[-1])
    if "error" in last:
        raise RuntimeError(f"{tag}: the engine refuses the image: {last['error']}")
    return str(last["status"])


def kept_image(api: docker.APIClient, tag: str, content: str) -> str | None:
    """Finds the id of the image that is `tag` already, where its content is the same."""
    try:
        found = api.inspect_image(tag)
    except docker.errors.ImageNotFound:
        return None
    labels = found["Config"].get("Labels") or {}
    return str(found["Id"]) if labels.get(CONTENT_LABEL) == content else None


def busybox_tar(files: Mapping[str, str | bytes], busybox: bytes | None = None) -> bytes:
    """Packs the root directory of an image: busybox, links for its applets, a few accounts, and `files`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for directory, mode in (("tmp", 0o1777), ("bin", 0o755), ("etc", 0o755), ("www", 0o755), ("proc", 0o755)):
            add(archive, directory, tarfile.DIRTYPE, mode)
        add(archive, "bin/busybox", tarfile.REGTYPE, 0o755, busybox or busybox_program())
        for applet in APPLETS:
            add(archive, f"bin/{applet}", tarfile.SYMTYPE, 0o777, link="busybox")
        for path, content in {"/etc/passwd": ACCOUNTS, "/etc/group": GROUPS, **files}.items():
            data = content.encode() if isinstance(content, str) else content
            add(archive, path.lstrip("/"), tarfile.REGTYPE, 0o755 if data.startswith(PROGRAM) else 0o644, data)
    return buffer.getvalue()


ACCOUNTS = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
GROUPS = "root:x:0:\nnogroup:x:65534:\n"


def add(archive: tarfile.TarFile, name: str, kind: bytes, mode: int, data: bytes = b"", link: str = "") -> None:
    """Adds one member with a fixed owner and time."""
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime, member.size, member.linkname = kind, mode, EPOCH, len(data), link
    archive.addfile(member, io.BytesIO(data))


def busybox_program() -> bytes:
    """Reads the static busybox of this machine, installing it first where that is possible."""
    program = static_busybox()
    if program is None:
        install("busybox-static")
        program = static_busybox()
    if program is None:
        raise RuntimeError("busybox of this machine is not static; install busybox-static")
    return program


def static_busybox() -> bytes | None:
    """Finds a busybox that runs in an empty root: one without a program interpreter (PT_INTERP)."""
    for place in ("/bin/busybox", "/usr/bin/busybox", shutil.which("busybox")):
        if place and Path(place).is_file():
            program = Path(place).read_bytes()
            if b"/ld-linux" not in program and b"/ld-musl" not in program:
                return program
    return None


def install(*packages: str) -> None:
    """Installs Debian packages as root; otherwise says what to install."""
    done = subprocess.run([ROOT / "scripts" / "apt-install", *packages], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())


def debian_image(api: docker.APIClient, tag: str, packages: Sequence[str] = ()) -> str:
    """Makes `tag`: a minimal Debian with `packages`, of the release that runs here; its archive is kept for later."""
    return import_image(api, tag, gzip.decompress(debian_archive(packages).read_bytes()), ['CMD ["/bin/bash"]'])


def debian_archive(packages: Sequence[str]) -> Path:
    """Builds the archive of a minimal Debian with mmdebstrap (about half a minute) where it is not kept yet."""
    release = os_release()
    name = "-".join(["debian", release, *sorted(packages)])
    archive = cache_directory() / f"{name}.tar.gz"
    if not archive.exists():
        if shutil.which("mmdebstrap") is None:
            install("mmdebstrap")
        with part_of(archive) as part:
            include = [f"--include={','.join(packages)}"] if packages else []
            subprocess.run(
                ["mmdebstrap", "--quiet", "--variant=minbase", *include, "--format=tar", release, part],
                check=True,
                stdin=subprocess.DEVNULL,
            )
            part.write_bytes(gzip.compress(part.read_bytes(), compresslevel=1, mtime=EPOCH))
    return archive


def os_release() -> str:
    """Reads the code name of the Debian or Ubuntu release that runs here."""
    for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise RuntimeError("no VERSION_CODENAME in /etc/os-release; a Debian base can be made on Debian or Ubuntu only")


def cache_directory() -> Path:
    """Makes the directory where archives are kept between runs."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = base / "gitopsd-test"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def part_of(target: Path) -> Iterator[Path]:
    """Gives a path to write to that becomes `target` at once when it is complete."""
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        part = Path(directory) / target.name
        yield part
        part.chmod(stat.S_IRUSR | stat.S_IWUSR)
        part.replace(target)
