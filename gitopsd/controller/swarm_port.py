"""A swarm as the controller needs it, in our words, asked and told through one of its managers."""

from collections.abc import Collection, Mapping
from typing import Protocol

from gitopsd.model.canonical import Json
from gitopsd.model.swarm import ObjectKind, Occupant, SwarmObject, SwarmSpec, SwarmState


class SwarmView(Protocol):
    """A swarm to look at. Calls raise EngineUnavailable, also where the engine is no manager."""

    def look(self, project: str) -> SwarmState:
        """All nodes, and everything of the project: services with their tasks, networks, configs, secrets."""
        ...

    def stacks(self) -> frozenset[str]:
        """The projects of which services are there, whoever deployed them."""
        ...

    def occupants(self) -> tuple[Occupant, ...]:
        """The tasks of all stacks that take room of the nodes. It costs more than a look: every task is asked for."""
        ...

    def logins(self, images: Collection[str]) -> Mapping[str, str]:
        """The mark of what nodes would now be given for the registry of each image, "" for nothing: another login has
        another mark, which tells nothing about it. Images are left out whose credentials cannot be read now.
        """
        ...

    def logs(self, task: str, lines: int) -> str:
        """The last lines that a task wrote, on whatever node; "" where its logging driver keeps nothing to read."""
        ...

    def config(self, name: str) -> bytes | None:
        """What a config holds, whoever made it; None: there is none of that name. No secret can be read back."""
        ...


class Swarm(SwarmView, Protocol):
    """A swarm to act on. Every call may be made twice: what is already so is no error."""

    def claim(self, project: str, owner: str) -> str:
        """Claim a project for the whole swarm, and return who owns it now: `owner`, or another one that came first."""
        ...

    def disclaim(self, project: str) -> None: ...

    def create_network(self, name: str, body: Mapping[str, Json]) -> None: ...

    def remove_network(self, id: str) -> None: ...

    def create_objects(self, objects: Collection[SwarmObject], labels: Mapping[str, str]) -> None:
        """Make the configs and secrets that are not there. Conflict: a name is somebody else's."""
        ...

    def remove_object(self, kind: ObjectKind, id: str) -> None:
        """EngineRefused: a service has it."""
        ...

    def create_service(self, spec: SwarmSpec) -> None:
        """Make a service; its networks, configs and secrets are there. Conflict: the name is taken."""
        ...

    def update_service(self, id: str, version: int, spec: SwarmSpec, forced: int = 0) -> None:
        """Tell a service what it shall be from now on. `forced` is its count of forced updates: another one makes all
        its tasks anew. Conflict: it has changed since `version`, so it has to be looked at again.
        """
        ...

    def remove_service(self, id: str) -> None: ...
