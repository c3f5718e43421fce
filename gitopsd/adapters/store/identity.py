"""Who this gitopsd is: files of the state directory that outlive the database, and the lock of the one daemon."""

import fcntl
import os
import re
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitopsd.model.errors import StoreError

KEY_BYTES = 32
LOCK_ATTEMPTS = 10


def instance_id(state_dir: Path) -> str:
    """The UUID in STATE/instance-id, made at the first call."""
    text = _made_once(state_dir / "instance-id", str(uuid.uuid4()), mode=0o644)
    if not re.fullmatch(r"[0-9a-f-]{36}", text):
        raise StoreError(
            f"{state_dir / 'instance-id'} does not hold an id; restore it, or remove it and take the environments over "
            "with `gitopsd adopt --take-over`"
        )
    return text


def key(state_dir: Path) -> bytes:
    """The 32 bytes that STATE/key holds in hexadecimal, made at the first call and readable by the owner only."""
    text = _made_once(state_dir / "key", secrets.token_hex(KEY_BYTES), mode=0o600)
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != KEY_BYTES:
        raise StoreError(
            f"{state_dir / 'key'} does not hold a key of {KEY_BYTES} bytes in hexadecimal; restore it, or remove it: "
            "secret content is then compared by reading it"
        )
    return value


@contextmanager
def exclusive(state_dir: Path) -> Iterator[None]:
    """Be the only daemon of a state directory for a while; the system lets go of the lock when the process dies."""
    file = state_dir / "lock"
    make(state_dir)
    with told_of(state_dir):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _locked(descriptor):
            raise StoreError(
                f"another gitopsd (process {_named(descriptor)}) runs on {state_dir}; "
                "stop it, or give this one another --state-dir"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Take the lock; a look of `held` at this very moment is waited out, a daemon is not."""
    for attempt in range(LOCK_ATTEMPTS):
        if attempt:
            time.sleep(0.01)
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def held(state_dir: Path) -> bool:
    """Whether a daemon runs on the state directory. Many may look at once."""
    return bool(holder(state_dir))


def holder(state_dir: Path) -> str:
    """The process that runs as the daemon of a state directory; "" when there is none."""
    try:
        descriptor = os.open(state_dir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _named(descriptor)
    finally:
        os.close(descriptor)
    return ""


def _named(lock: int) -> str:
    return os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"


def make(state_dir: Path) -> None:
    """Make the state directory when it is missing; only its owner may look into it."""
    with told_of(state_dir):
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def told_of(state_dir: Path) -> Iterator[None]:
    """Turn a failing file system call into a StoreError with its mend."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{error.filename or state_dir}: {error.strerror}; make it writable, or give another --state-dir"
        ) from error


def _made_once(file: Path, text: str, mode: int) -> str:
    make(file.parent)
    with told_of(file.parent):
        with suppress(FileNotFoundError):
            return file.read_text(errors="replace").strip()
        draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with open(descriptor, "w") as stream:
                stream.write(text + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            # A link never replaces: of two that start at once, both take what the first one wrote.
            with suppress(FileExistsError):
                os.link(draft, file)
        finally:
            draft.unlink(missing_ok=True)
        return file.read_text(errors="replace").strip()
