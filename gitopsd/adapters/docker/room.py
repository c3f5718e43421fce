"""The disk that an engine keeps its images on, where it is sure that this process sees that very disk."""

import os
import shutil
import socket
from collections.abc import Mapping
from typing import Any, Final

from gitopsd.engine_json.live import image_roots
from gitopsd.model.image import Disk, OutOfSight

_LOCAL: Final = "unix://"


def disk(url: str, info: Mapping[str, Any], own: str) -> Disk | OutOfSight:
    """The disk by the engine's answer to `GET /info`. `own` is the container that this process runs in, "" for none.

    A path means the same to both only where both run on one host, and without a container between them.
    """
    if not url.startswith(_LOCAL):
        return OutOfSight("an engine behind a network may be on any host")
    here, there = (socket.gethostname(), os.uname().release), (str(info["Name"]), str(info["KernelVersion"]))
    if not own and here != there:  # a socket that was forwarded from another host, or leads into a virtual machine
        return OutOfSight(f"the engine is on {there[0]} ({there[1]}), not here")
    roots = image_roots(info)
    path = next((root for root in roots if (os.path.ismount if own else os.path.isdir)(root)), "")
    if not path:
        why = "not mounted into the container that gitopsd runs in" if own else "not there"
        return OutOfSight(f"{' or '.join(roots)} is {why}")
    try:
        usage = shutil.disk_usage(path)
    except OSError as error:
        return OutOfSight(f"{path}: {error.strerror}")
    return Disk(path, usage.free, usage.total)
