"""Where Traefik listens: its entry points, which are set when it starts, by the ports that clients know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gitopsd.model.canonical import Json
from gitopsd.model.route import Route


@dataclass(frozen=True, slots=True)
class EntryPoints:
    """`has` are addresses by name, as Traefik shows them; `named` the ones that people say are meant, by port."""

    has: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[int, str] = field(default_factory=dict)

    def at(self, route: Route) -> str:
        """The name of the one where a route listens, "" for none."""
        return self._at(route, route.listen)

    def plain(self, route: Route) -> str:
        """The one from which clients are sent on to TLS."""
        return self._at(route, route.redirect_from)

    def lacking(self, route: Route) -> Iterator[str]:
        for port in route.ports:
            if not self._at(route, port):
                has = ", ".join(f"{name} ({address})" for name, address in sorted(self.has.items())) or "none"
                named = self.named.get(port)
                why = f"it has no entry point {named}" if named else f"none of its entry points listens at port {port}"
                mend = f"add one to Traefik, or say which is meant: `router: {{entry_points: {{NAME: {port}}}}}`"
                yield f"{route.name}: {why} (Traefik has {has}); {mend}"

    def _at(self, route: Route, port: int) -> str:
        if port in self.named:
            return self.named[port] if self.named[port] in self.has else ""
        fitting = {name: _split(address) for name, address in self.has.items()}
        return next(
            (
                name
                for host in (route.host_address, "")
                for name, place in sorted(fitting.items())
                if place == (host, port)
            ),
            "",
        )


def shown(entry_points: Json) -> dict[str, str]:
    """Those of HTTP in `GET /api/entrypoints`."""
    found = {}
    for each in entry_points if isinstance(entry_points, list) else ():
        if isinstance(each, Mapping) and not str(each.get("address", "")).endswith("/udp"):
            found[str(each.get("name", ""))] = str(each.get("address", "")).removesuffix("/tcp")
    return found


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    bare = host.strip("[]")
    return ("" if bare in ("0.0.0.0", "::") else bare), int(port) if port.isdigit() else 0
