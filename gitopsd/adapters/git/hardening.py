"""What every Git command is told so that nothing outside the settings has a say: environment, options, home.

No system or user configuration, no hooks, no prompts, no helpers, and no transport but the repository's own.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from gitopsd.adapters.git.address import Address
from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.settings import Credentials, Repository

_IDENTITY = {"NAME": "gitopsd", "EMAIL": "gitopsd@localhost"}
# A company's own certificate authority is the one thing that an administrator sets in the daemon's environment.
_INHERITED = frozenset({"GIT_SSL_CAINFO", "GIT_SSL_CAPATH"})

_ASKPASS = """#!/bin/sh
case "$1" in
    Username*) printf '%s\\n' "$GITOPSD_USERNAME" ;;
    *) head -n 1 "$GITOPSD_PASSWORD_FILE" ;;
esac
"""


def options(address: Address, timeout_s: float) -> dict[str, str]:
    """Configuration that wins over what a mirror's own file says."""
    return {
        "core.hooksPath": "/dev/null",
        "core.alternateRefsCommand": "true",
        "core.fsmonitor": "false",
        "core.attributesFile": "/dev/null",
        "credential.helper": "",
        "protocol.allow": "never",
        "protocol.ext.allow": "never",
        f"protocol.{address.protocol}.allow": "always",
        "transfer.fsckObjects": "true",
        # Harmless oddities of commits that old tools wrote; they can never be mended in a history.
        "fetch.fsck.zeroPaddedFilemode": "ignore",
        "fetch.fsck.badTimezone": "ignore",
        "fetch.fsck.missingSpaceBeforeDate": "ignore",
        "fetch.recurseSubmodules": "false",
        "submodule.recurse": "false",
        # A redirect would hand the password to whoever is at its end.
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": str(max(1, round(timeout_s))),
        "gc.auto": "0",
        "maintenance.auto": "false",
        "log.showSignature": "false",
        "i18n.logOutputEncoding": "UTF-8",
        "init.defaultBranch": "main",
        "advice.detachedHead": "false",
    }


def write_home(home: Path, address: Address, configuration: Mapping[str, str]) -> None:
    """An own home: the program that answers Git's question for a password, and the options once more.

    The other end of a local repository is a Git of its own that takes no options from ours; it reads only this file.
    """
    home.parents[1].mkdir(mode=0o700, parents=True, exist_ok=True)  # the state directory, where `doctor` is the first
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(home / "askpass", _ASKPASS, 0o700)
    # Named in the settings, so trusted, whoever owns it.
    trusted = [f"\tdirectory = {_quoted(str(path))}\n" for path in _local_directories(address)]
    sections = [_section(key, value) for key, value in configuration.items()]
    _write(home / "gitconfig", "".join([*sections, "[safe]\n", *trusted]), 0o600)


def environment(repository: Repository, address: Address, home: Path) -> dict[str, str]:
    """The variables that Git is given beside those of the daemon. SourceUnavailable: a credentials file is missing."""
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        # Commands run in `home`: a repository around the state directory is none of theirs.
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": address.protocol,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "SSH_ASKPASS": "",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _IDENTITY.items()},
        **_password(repository.credentials, home),
        **_ssh(repository),
    }


def foreign_variables() -> list[str]:
    """Variables of the daemon's environment that would steer Git (`GIT_DIR`, `GIT_TRACE`, ...)."""
    return sorted(name for name in os.environ if name.startswith("GIT_") and name not in _INHERITED)


def readable(file: Path, setting: str) -> Path:
    """The file as it is, when it can be read now. Told before Git says it in its own words."""
    try:
        with file.open("rb"):
            return file
    except OSError as error:
        raise SourceUnavailable(f"credentials.{setting}: {file}: {error.strerror}; put the file there") from error


def _password(credentials: Credentials, home: Path) -> dict[str, str]:
    if credentials.password_file is None:
        return {"GIT_ASKPASS": ""}
    return {
        "GIT_ASKPASS": str(home / "askpass"),
        "GITOPSD_USERNAME": credentials.username or "git",
        "GITOPSD_PASSWORD_FILE": str(readable(credentials.password_file, "password_file")),
    }


def _ssh(repository: Repository) -> dict[str, str]:
    seconds = max(1, round(repository.timeout.total_seconds()))
    settings = ["StrictHostKeyChecking=yes", "BatchMode=yes", f"ConnectTimeout={seconds}", "ServerAliveInterval=15"]
    arguments = ["ssh"]
    if key := repository.credentials.ssh_key_file:
        arguments += ["-i", str(readable(key, "ssh_key_file"))]
        settings.append("IdentitiesOnly=yes")
    if known := repository.credentials.known_hosts_file:
        escaped = str(readable(known, "known_hosts_file")).replace("%", "%%")
        settings += [f'UserKnownHostsFile="{escaped}"', "GlobalKnownHostsFile=/dev/null"]
    for setting in settings:
        arguments += ["-o", setting]
    return {"GIT_SSH_COMMAND": shlex.join(arguments), "GIT_SSH_VARIANT": "ssh"}


def _local_directories(address: Address) -> list[Path]:
    return [] if address.path is None else [address.path, address.path / ".git"]


def _section(key: str, value: str) -> str:
    section, _, rest = key.partition(".")
    subsection, _, name = rest.rpartition(".")
    title = f'{section} "{subsection}"' if subsection else section
    return f"[{title}]\n\t{name} = {_quoted(value)}\n"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write(file: Path, text: str, mode: int) -> None:
    # Renamed into place: another process may be reading or running it.
    draft = file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w") as stream:
        stream.write(text)
    draft.replace(file)
