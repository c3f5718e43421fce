"""Builders for manifest tests: revisions, environments, images, each with as few words as a test needs."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gitopsd.manifest import load, seal
from gitopsd.model.desired import DesiredState, Image, SealedState, Service
from gitopsd.model.files import SUBMODULE, SYMLINK, Entry, Files

KEY = b"key of the tests"


def a_revision(
    contents: Mapping[str, str | bytes],
    links: Mapping[str, str] | None = None,
    executable: frozenset[str] = frozenset(),
    submodules: frozenset[str] = frozenset(),
) -> Files:
    """A commit with these files; `links` maps paths of symbolic links to their targets."""
    blobs: dict[str, bytes] = {}
    entries: dict[str, Entry] = {}
    texts = [(path, 0o100755 if path in executable else 0o100644, data) for path, data in contents.items()]
    texts += [(path, SYMLINK, target) for path, target in (links or {}).items()]
    for path, mode, data in texts:
        raw = data.encode() if isinstance(data, str) else data
        blob = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        blobs[blob] = raw
        entries[path] = Entry(mode, blob, len(raw))
    entries |= {path: Entry(SUBMODULE, "f" * 40, 0) for path in submodules}
    return Files("0" * 40, entries, blobs.__getitem__)


def a_state(
    manifest: str | Mapping[str, Any], files: Mapping[str, str | bytes] | None = None, **options: Any
) -> DesiredState:
    """The desired state of `shop/compose.yaml` with further files of the directory `shop`."""
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    contents = {"shop/compose.yaml": text, **{f"shop/{path}": data for path, data in (files or {}).items()}}
    return load(a_revision(contents), "shop", "production", **options)


def a_service(keys: str, files: Mapping[str, str | bytes] | None = None, top: str = "", **options: Any) -> Service:
    """The service `web` with these keys, written as a flow mapping without its braces."""
    image = "" if "image:" in keys else "image: nginx, "
    return a_state(f"services:\n  web: {{{image}{keys}}}\n{top}\n", files, **options).services["web"]


def sealed(desired: DesiredState, key: bytes = KEY, revision: str = "a" * 40, **identities: str) -> SealedState:
    """The state sealed with one image for all services, or another identity by service name."""
    images = {
        name: Image(service.image, identities.get(name, "sha256:one")) for name, service in desired.services.items()
    }
    return seal(desired, images, key, revision, "input")
