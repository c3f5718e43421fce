"""A switch on this machine, and machines of their own on it: network namespaces, each with one cable to the switch.

The switch is in a namespace too, so no firewall of this machine has a say in what passes, not even that of a running
Docker, which drops whatever is forwarded. This machine itself is on the switch as well, and reaches every port there.
"""

import os
import random
import re
import secrets
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Directories here bear the name that scripts/engine clears away, with the namespace of it, when their owner is gone.
PLACE = Path("/var/tmp")
BRIDGE, CARD = "switch", "eth0"


@dataclass(frozen=True)
class Machine:
    """A namespace with a network card and an address. `namespace` is unique on this computer, `name` on the switch."""

    namespace: str
    name: str
    address: str

    @property
    def enter(self) -> tuple[str, ...]:
        """What a command begins with that runs there. Not `ip netns exec`: that hides the cgroups from an engine."""
        return ("nsenter", f"--net=/var/run/netns/{self.namespace}", "--")

    @property
    def boot(self) -> tuple[str, ...]:
        """The same for a command that also sees the machine's own host name."""
        named = 'echo "$0" >/proc/sys/kernel/hostname && exec "$@"'
        return (*self.enter, "unshare", "--uts", "--", "sh", "-c", named, self.name)


class Wire:
    """The switch. `octet` is the N of its addresses 10.N.0.0/24, which nobody else on this machine has meanwhile."""

    def __init__(self) -> None:
        self.directory = owned_directory()
        self.octet = free_octet()
        self.name = namespace_of(self.directory)
        self._machines: list[Machine] = []
        try:
            self._lay()
        except BaseException:
            self.close()
            raise

    def machine(self, namespace: str, name: str) -> Machine:
        """One more machine on the switch."""
        made = Machine(namespace, name, f"10.{self.octet}.0.{len(self._machines) + 1}")
        self._machines.append(made)
        run("ip", "netns", "add", namespace)
        self._switch("link", "add", namespace, "type", "veth", "peer", "name", CARD, "netns", namespace)
        self.plug(made)
        run("ip", "-n", namespace, "address", "add", f"{made.address}/24", "dev", CARD)
        for card in ("lo", CARD):
            run("ip", "-n", namespace, "link", "set", card, "up")
        self._switch("link", "set", namespace, "up")
        return made

    def unplug(self, machine: Machine) -> None:
        """Nothing passes between a machine and all others from now on; its card sees no difference."""
        self._switch("link", "set", machine.namespace, "nomaster")

    def plug(self, machine: Machine) -> None:
        self._switch("link", "set", machine.namespace, "master", BRIDGE)

    def close(self) -> None:
        """Every namespace goes, and its cables with it; nothing may run there any more."""
        gone = [("netns", "delete", each.namespace) for each in self._machines]
        for command in (("link", "delete", self.name), ("netns", "delete", self.name), *gone):
            with suppress(subprocess.CalledProcessError):  # it was never made
                run("ip", *command)
        shutil.rmtree(self.directory)

    def _lay(self) -> None:
        run("ip", "netns", "add", self.name)
        self._switch("link", "add", BRIDGE, "type", "bridge")
        self._switch("link", "set", BRIDGE, "up")
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "home", "netns", self.name)
        self._switch("link", "set", "home", "up", "master", BRIDGE)
        run("ip", "address", "add", f"10.{self.octet}.0.254/24", "dev", self.name)
        run("ip", "link", "set", self.name, "up")

    def _switch(self, *command: str) -> None:
        run("ip", "-n", self.name, *command)


def owned_directory() -> Path:
    """A new one of this process, of which what is left over can be told from what is in use."""
    made = PLACE / f"gitopsd-engine.{secrets.token_hex(3)}"
    made.mkdir(mode=0o700)
    (made / "owner").write_text(str(os.getpid()))
    return made


def namespace_of(directory: Path) -> str:
    """The name of what belongs to the directory elsewhere: of a namespace, a bridge or a cable."""
    return f"gitopsd-{directory.name[-6:]}"


def free_octet() -> int:
    """The N of a 10.N.0.0/16 that no route of this machine uses."""
    routes = subprocess.run(["ip", "route"], check=True, capture_output=True, text=True).stdout
    taken = {int(found) for found in re.findall(r"\b10\.(\d+)\.", routes)}
    return random.choice([octet for octet in range(192, 255) if octet not in taken])


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)
