"""What a repository is to hold of a stack that `docker stack deploy` runs: a file, what its configs hold, and notes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from gitopsd.controller.ports import EngineView
from gitopsd.controller.states import Loaded
from gitopsd.controller.swarm_adoption import stays_unlike
from gitopsd.controller.swarm_port import SwarmView
from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.project_document import TELLING
from gitopsd.engine_json.stack_document import config_names, secret_names, stack_document
from gitopsd.engine_json.swarm_reconstruction import key_in
from gitopsd.manifest import load, waves
from gitopsd.model.errors import GitopsdError
from gitopsd.model.files import Files
from gitopsd.model.swarm import SwarmState


@dataclass(frozen=True, slots=True)
class WrittenStack:
    """`files` by their paths, `secrets` the variables that stay on the host, `notes` what a person should know."""

    files: Mapping[str, bytes]
    secrets: Mapping[str, str]
    notes: tuple[str, ...]


def stacks_to_write(swarm: SwarmView, stack: str = "") -> Iterator[tuple[str, SwarmState]]:
    """Those that no gitopsd has: the one, or all."""
    for name in (stack,) if stack else sorted(swarm.stacks()):
        live = swarm.look(name)
        if live.services and not live.owner:
            yield name, live


def write_stack(name: str, live: SwarmState, engine: EngineView, swarm: SwarmView, key: bytes) -> WrittenStack:
    contents, paths = {}, {}
    for config in config_names(live):
        paths[config] = f"./configs/{key_in(config, name)}"
        contents[paths[config].removeprefix("./")] = swarm.config(config) or b""
    made = stack_document(name, live, paths)
    contents["compose.yaml"] = yaml.safe_dump(made.document, sort_keys=False, allow_unicode=True).encode()
    notes = [f"{path} holds secret values in the clear" for path in sorted(contents) if TELLING.search(path)]
    for secret in secret_names(live):
        mend = f"`gitopsd secret set {name} {key_in(secret, name)}` before it is adopted"
        notes.append(f"what {secret} holds cannot be read back; {mend}")
    notes += _unsaid(name, live, Files.of(contents), made.secrets, engine, swarm, key)
    return WrittenStack(contents, made.secrets, tuple(notes))


def binds_of(live: SwarmState) -> Iterator[str]:
    """The paths of nodes that its services mount."""
    for service in live.services.values():
        container = mapping(mapping(service.body.get("TaskTemplate")).get("ContainerSpec"))
        mounts = container.get("Mounts")
        for mount in map(mapping, mounts if isinstance(mounts, list | tuple) else ()):
            if mount.get("Type") == "bind":
                yield str(mount.get("Source"))


def _unsaid(
    name: str,
    live: SwarmState,
    files: Files,
    variables: Mapping[str, str],
    engine: EngineView,
    swarm: SwarmView,
    key: bytes,
) -> Iterator[str]:
    """What of the services the file does not say, as an adoption would find it."""
    try:
        desired = load(files, "", name, variables=variables, project=name, swarm=True)
        loaded = Loaded(desired, files.revision, "", files.asked, frozenset(), waves(desired), variables)
        for service, fields in stays_unlike(loaded, live, engine, swarm, key):
            yield f"{service}: {', '.join(fields)} could not be said"
    except GitopsdError as error:
        yield from str(error).splitlines()
