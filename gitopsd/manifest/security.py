"""`security_opt` as an engine takes it: a seccomp profile by its content, as an engine cannot read the revision."""

import json
import re

from gitopsd.manifest import tree
from gitopsd.manifest.compose import ComposedService
from gitopsd.manifest.node import Items
from gitopsd.manifest.source import Source
from gitopsd.manifest.tree import Refusal
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place

MAX_PROFILE = 1 << 20
_PROFILE = re.compile(r"seccomp[=:](?P<file>.+)", re.DOTALL)
_BUILT_IN = ("unconfined", "builtin")
_STRING_OR_SPACE = re.compile(r'("(?:\\.|[^"\\])*")|\s+', re.DOTALL)


def options(source: Source, directory: str, service: ComposedService) -> list[Json]:
    """The options of a service; the files of profiles are relative to `directory`."""
    written = service.canonical["security_opt"]
    node = service.node.fields["security_opt"]
    found: list[Json] = []
    for index, option in enumerate(written if isinstance(written, list) else ()):
        profile = _PROFILE.fullmatch(str(option))
        if profile is None or profile["file"] in _BUILT_IN:
            found.append(option)
            continue
        place = node.items[index].place if isinstance(node, Items) and index < len(node.items) else node.place
        content = _profile(source, directory, profile["file"], place, f"{service.path}.security_opt[{index}]")
        found.append(f"seccomp={content}")
    return found


def _profile(source: Source, directory: str, file: str, place: Place, where: str) -> str:
    """The file without white space, otherwise byte for byte, as Compose passes it on."""
    path = source.path(directory, file, place, where)
    data = tree.read(source.files, path, MAX_PROFILE) if path is not None else None
    if isinstance(data, Refusal):
        source.problems.add(place, where, data.reason)
    if not isinstance(data, bytes):
        return ""
    try:
        text = data.decode()
        json.loads(text)
    except (ValueError, RecursionError) as error:
        source.problems.add(place, where, f"'{path}' is no seccomp profile ({error}); write JSON")
        return ""
    return _STRING_OR_SPACE.sub(lambda found: found[1] or "", text)
