"""Sees what happens to the containers of a project, as the engine tells it, and says when nothing served."""

import threading
from dataclasses import dataclass

import docker

from tests.conftest import PROJECT_LABEL

SERVICE_LABEL = "com.docker.compose.service"
INTERESTING = ("create", "start", "die", "destroy", "rename", "health_status", "pause", "unpause", "update", "stop")


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` is the engine's clock in nanoseconds."""

    at: int
    action: str
    container: str
    name: str
    service: str

    def __str__(self) -> str:
        return f"{self.action} {self.name}"


class Witness:
    """Listens from its making until `close`."""

    def __init__(self, api: docker.APIClient, project: str) -> None:
        filters = {"label": f"{PROJECT_LABEL}={project}", "type": "container"}
        self.moments: list[Moment] = []
        self._stream = api.events(filters=filters, decode=True)
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._stream.close()

    def story(self, *actions: str) -> list[str]:
        """What happened, in words: `start shop-web-1`."""
        return [str(each) for each in self.moments if not actions or each.action in actions]

    def unserved(self, service: str) -> list[str]:
        """The moments after the first start at which no container of the service was running."""
        running: set[str] = set()
        begun, found = False, []
        for each in sorted(self.moments, key=lambda moment: moment.at):
            if each.service != service:
                continue
            if each.action == "start":
                running.add(each.container)
                begun = True
            elif each.action in ("die", "pause"):
                running.discard(each.container)
            if begun and not running:
                found.append(str(each))
        return found

    def most_at_once(self, service: str) -> int:
        """The most containers of the service that ran at one time."""
        running: set[str] = set()
        most = 0
        for each in sorted(self.moments, key=lambda moment: moment.at):
            if each.service == service and each.action == "start":
                running.add(each.container)
            elif each.action == "die":
                running.discard(each.container)
            most = max(most, len(running))
        return most

    def _listen(self) -> None:
        try:
            for event in self._stream:
                action = event["Action"].partition(":")[0]
                own = event["Actor"]["Attributes"]
                if action in INTERESTING:
                    moment = Moment(
                        event["timeNano"], action, event["id"], own.get("name", ""), own.get(SERVICE_LABEL, "")
                    )
                    self.moments.append(moment)
        except (OSError, ValueError, AttributeError, docker.errors.DockerException):
            return
