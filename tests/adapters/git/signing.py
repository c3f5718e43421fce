"""Real keys and real signatures: SSH and OpenPGP, of people who are known, unknown, out of date, or shut out."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.adapters.git.repositories import ENVIRONMENT, BareRepository

LONG_AGO = "20200101T120000"
PEOPLE = ("known", "unknown", "expired", "revoked")


@dataclass(frozen=True)
class Keys:
    """Where the keys lie. `signers`, `shut_out` and `public` are what settings would name."""

    directory: Path

    @property
    def signers(self) -> Path:
        return self.directory / "allowed_signers"

    @property
    def shut_out(self) -> Path:
        return self.directory / "revoked_keys"

    @property
    def public(self) -> Path:
        return self.directory / "public.asc"

    def options(self, kind: str, person: str) -> tuple[str, ...]:
        """What Git is told to sign in somebody's name."""
        if kind == "ssh":
            return ("-c", "gpg.format=ssh", "-c", f"user.signingkey={self.directory / person}")
        return ("-c", f"gpg.program={self.directory / person}.sh", "-c", f"user.signingkey={person}@example.com")


@contextmanager
def keys() -> Iterator[Keys]:
    """Keys for the while; gpg's agent ends with them. The path is short, as a socket lies there."""
    made = Keys(Path(mkdtemp(prefix="gk", dir="/tmp")))
    try:
        _ssh(made)
        for person in PEOPLE:
            _gpg(made, person)
        _public(made)
        yield made
    finally:
        for home in made.directory.glob("*.gpg"):
            _run("gpgconf", "--homedir", str(home), "--kill", "all")
        shutil.rmtree(made.directory, ignore_errors=True)


def sign_commit(repository: BareRepository, made: Keys | None, kind: str = "", person: str = "known") -> str:
    """A commit on the branch, signed or, without keys, not."""
    tip, who = repository.tip(), ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    options = made.options(kind, person) if made is not None else ()
    sign = ("-S",) if made is not None else ()
    commit = _git(repository, *who, *options, "commit-tree", *sign, "-p", tip, "-m", person, f"{tip}^{{tree}}")
    repository.git("update-ref", f"refs/heads/{repository.branch}", commit)
    return commit


def sign_tag(repository: BareRepository, made: Keys, kind: str, person: str, name: str, commit: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    _git(repository, *who, *made.options(kind, person), "tag", "-s", "-f", "-m", "looked at it", name, commit)


def _git(repository: BareRepository, *arguments: str) -> str:
    return _run("git", f"--git-dir={repository.path}", *arguments).strip()


def _ssh(made: Keys) -> None:
    lines = []
    for person in PEOPLE:
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", person, "-f", str(made.directory / person))
        public = (made.directory / f"{person}.pub").read_text()
        until = 'valid-before="20200101" ' if person == "expired" else ""
        if person != "unknown":
            lines.append(f"{person}@example.com {until}{public}")
        if person == "revoked":
            made.shut_out.write_text(public)
    made.signers.write_text("".join(lines))


def _gpg(made: Keys, person: str) -> None:
    home, name = made.directory / f"{person}.gpg", f"{person}@example.com"
    home.mkdir(mode=0o700)
    past = ["--faked-system-time", LONG_AGO] if person == "expired" else []
    command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    _run(*command, *past, "--quick-gen-key", name, "ed25519", "sign", "1d" if past else "never")
    program = made.directory / f"{person}.sh"
    program.write_text(f'#!/bin/sh\nexec {" ".join(command[:-1])} "" {" ".join(past)} "$@"\n')
    program.chmod(0o700)
    if person == "revoked":
        (certificate,) = (home / "openpgp-revocs.d").glob("*.rev")
        certificate.write_text(certificate.read_text().replace(":-----BEGIN", "-----BEGIN"))
        (made.directory / "revocation").write_bytes(certificate.read_bytes())


def _public(made: Keys) -> None:
    """What everybody but the unknown one has published; the revocation comes after the signatures."""
    shut = made.directory / "shut.gpg"
    shut.mkdir(mode=0o700)
    certificate = made.directory / "revocation"
    published = made.directory / "revoked.asc"
    published.write_text(_run("gpg", "--homedir", str(made.directory / "revoked.gpg"), "--armor", "--export"))
    _run("gpg", "--homedir", str(shut), "--batch", "--quiet", "--import", str(published))
    _run("gpg", "--homedir", str(shut), "--batch", "--quiet", "--import", str(certificate))
    homes = [made.directory / f"{name}.gpg" for name in ("known", "expired", "shut")]
    made.public.write_text("".join(_run("gpg", "--homedir", str(home), "--armor", "--export") for home in homes))


def _run(*command: str | Sequence[str]) -> str:
    environment = {**ENVIRONMENT, "PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        [str(each) for each in command], capture_output=True, env=environment, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()
