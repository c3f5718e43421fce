"""Whether commits and tags are signed by somebody whom the settings name: only Git's own exit code 0 counts.

SSH keys are those of the allowed signers file. OpenPGP keys are read from a file of public keys into a keyring of our
own, so that no other key on this machine counts, and none is ever fetched.
"""

import hashlib
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from gitopsd.adapters.git.mirror import Mirror
from gitopsd.adapters.git.process import GitFailed
from gitopsd.adapters.git.reason import in_one_line
from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.settings import Verify

MOST_COMMITS = 1_000  # that are checked at once
_IMPORT_S = 60.0
_GPG = "batch\nno-auto-key-retrieve\nno-auto-check-trustdb\ntrust-model always\n"


class Signatures:
    """Checks signatures for one repository. `keyrings` is a directory of our own."""

    def __init__(self, verify: Verify, mirror: Mirror, keyrings: Path) -> None:
        self._verify, self._mirror, self._keyrings = verify, mirror, keyrings

    def commits(self, commit: str, since: str) -> str:
        """Why a commit cannot be trusted, "" where it can. With `strict`, each one counts that `since` did not have."""
        match self._verify.mode:
            case "off":
                return ""
            case "strict" if since and since != commit:
                return self._each(commit, since)
            case _:
                return self._one("commit", commit)

    def tag(self, tag: str) -> str:
        """Why a tag cannot be trusted, whatever is asked of commits; "" where it can."""
        return self._one("tag", tag)

    def _each(self, commit: str, since: str) -> str:
        most = MOST_COMMITS + 1
        listed = self._mirror.git("rev-list", f"--max-count={most}", commit, f"^{since}", "--").decode().split()
        if len(listed) == most:
            return f"more than {MOST_COMMITS} commits since {since[:8]} would have to be checked; go there in steps"
        return next((f"{each[:8]}: {reason}" for each in listed if (reason := self._one("commit", each))), "")

    def _one(self, kind: str, name: str) -> str:
        options = {
            "gpg.minTrustLevel": "fully",
            "gpg.x509.program": "false",
            "gpg.ssh.allowedSignersFile": str(self._readable(self._verify.allowed_signers_file) or "/dev/null"),
        }
        if (revoked := self._readable(self._verify.revoked_keys_file)) is not None:
            options["gpg.ssh.revocationFile"] = str(revoked)
        numbered = list(enumerate(options.items()))
        variables = {"GIT_CONFIG_COUNT": str(len(options)), "GNUPGHOME": str(self._keyring())}
        variables |= {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in numbered}
        variables |= {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in numbered}
        try:
            self._mirror.git(f"verify-{kind}", "--raw", name, variables=variables)
        except GitFailed as failed:
            if failed.timed_out:
                raise
            return _told(failed.said)
        return ""

    def _readable(self, file: Path | None) -> Path | None:
        if file is not None and not file.is_file():
            raise SourceUnavailable(f"verify: {file} is not there; put the keys there, or mend the path")
        return file

    def _keyring(self) -> Path:
        """A home of GnuPG with nothing but the allowed keys; made anew when their file changes."""
        file = self._readable(self._verify.gpg_keys_file)
        data = file.read_bytes() if file is not None else b""
        home = self._keyrings / hashlib.sha256(data).hexdigest()[:16]
        if home.is_dir():
            return home
        fresh = home.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        (fresh / "gpg.conf").write_text(_GPG)
        if data:
            _imported(fresh, data)
        with suppress(OSError):  # another process was first
            fresh.rename(home)
        return home


def _imported(home: Path, keys: bytes) -> None:
    """Its status output counts: without an agent, which public keys have no need of, gpg ends with an error."""
    command = ["gpg", "--homedir", str(home), "--no-autostart", "--batch", "--status-fd", "1", "--import"]
    try:
        done = subprocess.run(command, input=keys, capture_output=True, check=False, timeout=_IMPORT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceUnavailable(f"verify.gpg_keys_file: gpg cannot read it: {error}; install gnupg") from error
    if b"[GNUPG:] IMPORT_OK " not in done.stdout:
        said = in_one_line(done.stderr.decode(errors="replace"))
        raise SourceUnavailable(f"verify.gpg_keys_file: there is no public key in it: {said}")


def _told(said: str) -> str:
    """What Git and its helpers said, as people say it."""
    marks = {
        "REVKEYSIG": "the key that signed it is revoked",
        "EXPKEYSIG": "the key that signed it has expired",
        "EXPSIG": "its signature has expired",
        "NO_PUBKEY": "the key that signed it is none of those allowed",
        "BADSIG": "its signature is not of this content",
    }
    found = next((words for mark, words in marks.items() if f"[GNUPG:] {mark} " in said), "")
    return found or (in_one_line(said) or "it is not signed")
