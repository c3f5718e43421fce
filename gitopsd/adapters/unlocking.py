"""Opens encrypted files of a repository: age in this process, SOPS by its own program. Nothing of it meets a disk.

The program gets the file by its standard input and the key by the name of its file, and answers by its standard output.
What it says about a failure is not passed on: only which kind of failure it was.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

from gitopsd.model.errors import LockedError
from gitopsd.model.secret import Lock
from gitopsd.model.settings import KeySettings

LONGEST_S: Final = 30.0
NO_KEYS: Final = KeySettings()
_KEY = "AGE-SECRET-KEY-"
_FORMATS = {"sops-yaml": "yaml", "sops-json": "json", "sops-dotenv": "dotenv", "sops-binary": "binary"}
_MEND = "name the file of the age keys in gitopsd.yaml, secrets: {age_key_file: PATH}"


class Unlocking:
    """One set of age keys, and the program that opens SOPS files; both may be exchanged at any time."""

    def __init__(self, known: KeySettings = NO_KEYS) -> None:
        self._known = known

    def use(self, known: KeySettings) -> None:
        """From now on with these."""
        self._known = known

    def unlock(self, data: bytes, lock: Lock) -> bytes:
        """LockedError: no key, a wrong one, a file that was tampered with, or no program."""
        keys = self._known.age_key_file
        if keys is None:
            raise LockedError(f"it is encrypted ({lock.partition('-')[0]}), and no key is known here; {_MEND}")
        try:
            text = keys.read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise LockedError(f"it is encrypted, and {keys} cannot be read: {error.strerror}; mend its path") from None
        identities = [line.strip() for line in text.splitlines() if line.strip().startswith(_KEY)]
        if not identities:
            raise LockedError(f"it is encrypted, and {keys} holds no age key; `age-keygen -o {keys}` writes one")
        if lock == "age":
            return _age(data, identities, keys)
        return self._run(data, _FORMATS[lock], keys)

    def _run(self, data: bytes, form: str, keys: Path) -> bytes:
        program = self._known.sops
        command = [program, "decrypt", "--input-type", form, "--output-type", form, "/dev/stdin"]
        clean = {name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE") if name in os.environ}
        environment = {**clean, "SOPS_AGE_KEY_FILE": str(keys), "HOME": "/nonexistent"}
        try:
            done = subprocess.run(
                command, input=data, capture_output=True, env=environment, timeout=LONGEST_S, check=False
            )
        except FileNotFoundError:
            mend = "install sops, or name it in gitopsd.yaml, secrets: {sops: PATH}"
            raise LockedError(f"it is encrypted with SOPS, and there is no program {program}; {mend}") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LockedError(f"{program} could not open it: {type(error).__name__}; run it by hand") from None
        if done.returncode != 0:
            raise LockedError(_why(done.stderr, keys))
        return done.stdout


def _age(data: bytes, identities: list[str], keys: Path) -> bytes:
    from pyrage import DecryptError, IdentityError, decrypt, x25519

    try:
        known = [x25519.Identity.from_str(each) for each in identities]
    except IdentityError:
        raise LockedError(f"a key in {keys} is damaged; write the file anew from your backup") from None
    try:
        return bytes(decrypt(data, known))
    except DecryptError as error:
        if "No matching keys" in str(error):
            raise LockedError(_no_key(keys)) from None
        raise LockedError(_TAMPERED) from None


_TAMPERED = "it was changed after it was encrypted, or is damaged; encrypt it anew, and look who changed it"


def _no_key(keys: Path) -> str:
    return f"it is encrypted for other keys than those in {keys}; encrypt it for one of them, or add the right one"


def _why(said: bytes, keys: Path) -> str:
    if b"MAC mismatch" in said or b"message authentication failed" in said or b"Could not decrypt value" in said:
        return _TAMPERED
    if b"data key" in said or b"no identity matched" in said:
        return _no_key(keys)
    return "sops could not open it; run `sops decrypt` on it by hand with the same keys, which says why"
