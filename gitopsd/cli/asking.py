"""Operations from the command line: asked in the name of whoever calls, waited for, told as they go on."""

import getpass
import os
from typing import TYPE_CHECKING, Any

from gitopsd.cli.door import Door

if TYPE_CHECKING:
    from gitopsd.controller.queries.operate import Asked, Following
    from gitopsd.controller.queries.view import View
    from gitopsd.model.operation import Operation, Verb

ANSWER_S = 30.0
QUEUED = "no daemon runs: the operation is queued, and done when one starts"


def caller() -> str:
    """Who calls, as the ledger shows it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container
        return f"uid {os.getuid()}"


def operate(door: Door, verb: "Verb", environment: str, arguments: dict[str, Any], *, refused: str = "") -> int:
    """Ask for something that is done at once. Returns the exit code: 1 for an answer that begins with `refused`."""
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import operate_there

        return operate_there(door, server, verb, environment, arguments, refused)
    from gitopsd.controller.queries.operate import ask

    view = door.view()
    asked = ask(view, verb, environment, caller(), arguments)
    operation = following(door, view, asked, ANSWER_S).answer()
    show_answer(door, view, asked, operation)
    if refused and operation is not None and operation.result.startswith(refused):
        return 1
    return 0 if operation is not None or not view.store.daemon_runs() else 1


def following(door: Door, view: "View", asked: "Asked", patience_s: float) -> "Following":
    """Progress goes to standard error, an event a line."""
    from gitopsd.cli.happenings import told
    from gitopsd.controller.queries.operate import Following

    def tell(event: Any) -> None:
        if event.reason.startswith("Operation"):
            return  # the answer itself tells it
        for line in told(event).splitlines():
            door.note(line)

    return Following(view, asked, patience_s, tell)


def show_answer(door: Door, view: "View", asked: "Asked", operation: "Operation | None") -> None:
    if door.as_json:
        from gitopsd.controller import shapes

        door.json(shapes.operation(operation or asked.operation))
    elif operation is not None:
        door.text(f"{operation.environment}: {operation.result}")
    else:
        late = f"the daemon has not answered yet; `gitopsd events {asked.operation.environment}` tells when it does"
        door.note(late if view.store.daemon_runs() else QUEUED)
