"""`x-gitopsd.traffic`: which services the router serves, at which port of the host, and how."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from gitopsd.manifest.chosen import Chosen
from gitopsd.manifest.compose import EXTENSION, ComposedService, hidden_paths
from gitopsd.manifest.keys.json_schema import (
    STRING,
    either,
    listed,
    mapping_of,
    matching,
    nullable,
    one_of,
    schema_of,
    takes,
)
from gitopsd.manifest.keys.ports import one_port
from gitopsd.manifest.keys.shapes import Entry, Read, boolean, checked, choice, closed, each, shown
from gitopsd.manifest.keys.sharing import CONTAINER, SERVICE
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Strategy
from gitopsd.model.errors import Place
from gitopsd.model.strategy import HeaderRoute
from gitopsd.model.traffic import Mode, Traffic

KEY: Final = "traffic"
ROUTER: Final = "traffic.router"
SHIFTING: Final = ("canary", "blue-green")
HIDDEN: Final = "(hidden)"
NOBODY: Final = "none"
_FROM_PORTS: Final = ("listen", "target", "host_address")
_HTTP_ONLY: Final = ("hosts", "path", "sticky", "header", "cookie", "tls", "redirect_from")
_HTTPS, _HTTP = 443, 80
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_PATH: Final = re.compile(r"/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_VALUE: Final = re.compile(r"[A-Za-z0-9_.~+/=:-]{0,200}")


@takes(lambda: nullable(schema_of(_of_environment)))
def environment_traffic(node: Node, path: str, problems: Problems) -> Json:
    """The top level's: a router for every service that publishes a TCP port; HAProxy where none is named."""
    if isinstance(node, Scalar) and node.value is None:
        return {"router": "haproxy"}
    found = _of_environment(node, path, problems)
    return {"router": "haproxy", **found} if isinstance(found, Mapping) else found


@takes(lambda: nullable(mapping_of(_KEYS, _LATER)))
def service_traffic(node: Node, path: str, problems: Problems) -> Json:
    """A service's own, as it is written; what is left out follows from its ports."""
    if isinstance(node, Scalar) and node.value is None:
        return {}
    found = closed(_KEYS, _LATER)(node, path, problems)
    if not isinstance(found, Mapping):
        return None
    if "header" in found and "cookie" in found:
        problems.add(node.place, path, "header and cookie both lead to the new instances; remove one of the two")
    for key in _HTTP_ONLY:
        if found.get("mode") == "tcp" and key in found:
            problems.add(node.place, f"{path}.{key}", "needs mode: http, as in tcp nobody reads requests; remove it")
    if found.get("tls") is False and "redirect_from" in found:
        problems.add(node.place, f"{path}.redirect_from", "leads to a port that speaks TLS; remove it, or tls: false")
    return found


@dataclass(frozen=True, slots=True)
class Wish:
    """What a service says of its traffic: its own keys (None: not a word), its strategy, and where both stand."""

    written: Mapping[str, Json] | None
    strategy: Strategy
    places: Mapping[str, Place]
    job: bool

    @property
    def shifts(self) -> bool:
        """Whether it is rolled out by shares of its traffic."""
        return self.strategy in SHIFTING

    @property
    def key(self) -> str:
        """The key that asks for a router."""
        return KEY if self.written is not None else "strategy"


def routed(
    service: ComposedService, wish: Wish, environment: Chosen, chosen: Chosen, problems: Problems
) -> Traffic | None:
    """How the router serves a service, with every key in force among the `chosen`; None where none does."""
    asked = wish.written is not None or wish.shifts
    candidates = _candidates(service)
    by_environment = environment.values[ROUTER] == "haproxy" and bool(candidates)
    if not asked and not by_environment:
        return None
    refusal = _refusal(service, wish, environment)
    if refusal or not (port := _port(service, wish, candidates, problems)):
        if refusal and asked:
            place = wish.places.get(wish.key, service.place)
            problems.add(place, f"{service.path}.{EXTENSION}.{wish.key}", refusal)
        return None
    hidden = _hidden(service)
    traffic = _traffic(wish, port, hidden=bool(hidden))
    if traffic.redirect_from in map(_number, candidates):
        message = "is where the router sends clients on to TLS; remove it under ports, or write `redirect_from: none`"
        place = wish.places.get(KEY, service.place)
        problems.add(place, f"{service.path}.{EXTENSION}.{KEY}.redirect_from", f"{traffic.redirect_from} {message}")
    _show(chosen, traffic, wish, environment, hidden)
    return traffic


def _hidden(service: ComposedService) -> frozenset[str]:
    """The keys whose values are of secret origin, and what follows from `ports` that are."""
    extension = service.node.fields.get(EXTENSION)
    written = extension.fields.get(KEY) if isinstance(extension, Fields) else None
    own = {path[0] for path in hidden_paths(written) if path} if written is not None else set()
    return frozenset(own | (set(_FROM_PORTS) if ("ports",) in service.hidden else set()))


def _refusal(service: ComposedService, wish: Wish, environment: Chosen) -> str:
    """Why no router can serve it, with the mend; "" where one can."""
    network = str(service.canonical.get("network_mode", ""))
    what = "has traffic that a router serves" if wish.written is not None else f"needs a router for {wish.strategy}"
    if environment.values[ROUTER] == "none" and environment.origins[ROUTER] != "default":
        return f"{what}, but {EXTENSION}.{ROUTER} of the environment says none; remove one of the two"
    if wish.job:
        return f"{what}, but it is a job, which ends; remove the key"
    if network == "host":
        return f"{what}, but its ports are the host's own with network_mode: host; remove one of the two"
    if network.startswith((SERVICE, CONTAINER)):
        return f"{what}, but its network is that of {network.partition(':')[2]}; write it there, or remove it"
    if network == "none" or not (network or service.canonical.get("networks")):
        return f"{what}, but it is in no network; remove one of the two"
    return ""


@dataclass(frozen=True, slots=True)
class _Port:
    """The port that the router has. `published` is the one under `ports` that it takes over."""

    listen: int
    target: int
    published: Entry | None = None


def _candidates(service: ComposedService) -> list[Entry]:
    """Published TCP ports with a number; those of a range, and those that the engine picks, stay the containers'."""
    ports = service.canonical.get("ports")
    entries = [entry for entry in (ports if isinstance(ports, list) else ()) if isinstance(entry, Entry)]
    written = Counter(entry.path for entry in entries)
    return [
        entry
        for entry in entries
        if entry["protocol"] == "tcp" and written[entry.path] == 1 and _number(entry) and "target" in entry
    ]


def _number(entry: Entry) -> int:
    published = str(entry.get("published", ""))
    return int(published) if published.isdigit() else 0


def _port(service: ComposedService, wish: Wish, candidates: list[Entry], problems: Problems) -> _Port | None:
    """What is written, completed by the one published port that fits it; None after it has been told why not."""
    written = wish.written or {}
    listen, target = cast("int | None", written.get("listen")), cast("int | None", written.get("target"))
    fitting = [entry for entry in candidates if listen in (None, _number(entry)) and target in (None, entry["target"])]
    if written.get("expose") == "inner":
        return _inner_port(service, wish, fitting, problems)
    if len(fitting) == 1:
        return _Port(_number(fitting[0]), cast("int", fitting[0]["target"]), fitting[0])
    other = next((entry for entry in candidates if listen == _number(entry)), None)
    if listen and target and not fitting and other is None:
        return _Port(listen, target)
    said = _numbers(service, candidates)
    if fitting and len({_number(entry) for entry in fitting}) == 1:
        message = "is published on several addresses of the host, and the router has one; keep one of them under ports"
    elif fitting:
        message = f"publishes several TCP ports{said}; name the one that the router has: `traffic: {{listen: PORT}}`"
    elif listen and target:
        message = "is published under ports, too, and leads to another target there; write one of the two"
    elif listen:
        message = f"is no port that it publishes{said}; name the port inside its container, too, as target"
    elif target:
        message = "is no port that it publishes; name the port of the host, too, as listen"
    else:
        message = "publishes no TCP port that a router could have; write `traffic: {listen: 80, target: 8080}`"
    _tell(service, wish, "listen" if listen else "target" if target else "", message, problems)
    return None


def _inner_port(service: ComposedService, wish: Wish, published: list[Entry], problems: Problems) -> _Port | None:
    """What no port of the host leads to: the one in the container has to be written."""
    written = wish.written or {}
    listen, target = cast("int | None", written.get("listen")), cast("int | None", written.get("target"))
    if published:
        numbers = "" if ("ports",) in service.hidden else f", and {_number(published[0])} is under ports"
        _tell(
            service,
            wish,
            "expose",
            f"with inner no port of the host is its own{numbers}; remove one of the two",
            problems,
        )
    elif not target:
        _tell(service, wish, "expose", "inner needs the port inside its container; write it as target", problems)
    else:
        return _Port(listen or target, target)
    return None


def _tell(service: ComposedService, wish: Wish, key: str, message: str, problems: Problems) -> None:
    if wish.written is not None:
        where = f"{service.path}.{EXTENSION}.{KEY}{f'.{key}' if key else ''}"
        problems.add(wish.places[KEY], where, message)
    elif wish.shifts:
        message = f"{wish.strategy} needs a router, but the service {message}"
        problems.add(wish.places["strategy"], f"{service.path}.{EXTENSION}.strategy", message)
    else:
        message = f"{message}, under {EXTENSION}; the environment's {KEY} routes what publishes a TCP port"
        problems.add(service.node.keys.get("ports", service.place), f"{service.path}.ports", message)


def _numbers(service: ComposedService, candidates: list[Entry]) -> str:
    numbers = dict.fromkeys(str(_number(entry)) for entry in candidates)
    return f" ({', '.join(numbers)})" if numbers and ("ports",) not in service.hidden else ""


def _traffic(wish: Wish, port: _Port, *, hidden: bool) -> Traffic:
    """Where nothing but the environment's word routes it, nobody knows that it speaks HTTP."""
    written = wish.written or {}
    asked = wish.written is not None or wish.shifts
    hosts, sticky = written.get("hosts"), written.get("sticky")
    mode = cast("Mode", written.get("mode", "http" if asked else "tcp"))
    tls = mode == "http" and written.get("tls", port.listen == _HTTPS) is True
    return Traffic(
        listen=port.listen,
        target=port.target,
        host_address=str(port.published.get("host_ip", "")) if port.published is not None else "",
        mode=mode,
        hosts=tuple(str(host) for host in hosts) if isinstance(hosts, list) else (),
        path=str(written.get("path", "/")),
        sticky=str(sticky.get("cookie", "")) if isinstance(sticky, Mapping) else "",
        on_purpose=_on_purpose(written),
        proxy_protocol=written.get("proxy_protocol") is True,
        tls=tls,
        redirect_from=_redirect_from(written, port) if tls else 0,
        inner=written.get("expose") == "inner",
        hidden=hidden,
    )


def _redirect_from(written: Mapping[str, Json], port: _Port) -> int:
    said = written.get("redirect_from", _HTTP if port.listen == _HTTPS else NOBODY)
    return 0 if said == NOBODY else cast("int", said)


def _on_purpose(written: Mapping[str, Json]) -> HeaderRoute | None:
    for by in ("header", "cookie"):
        said = written.get(by)
        if isinstance(said, Mapping) and "name" in said:
            return HeaderRoute(str(said["name"]), str(said.get("value", "")), "header" if by == "header" else "cookie")
    return None


def _show(chosen: Chosen, traffic: Traffic, wish: Wish, environment: Chosen, hidden: frozenset[str]) -> None:
    written = wish.written or {}
    place = str(wish.places.get(KEY, ""))
    of_environment = f"{EXTENSION}.{KEY} of the environment, {environment.origins[ROUTER]}"
    asked = wish.written is not None or wish.shifts
    values: dict[str, Json] = {"listen": traffic.listen, "target": traffic.target, "mode": traffic.mode}
    if traffic.host_address:
        values["host_address"] = traffic.host_address
    if traffic.mode == "http":
        values |= {"hosts": list(traffic.hosts), "path": traffic.path}
    if traffic.tls:
        values |= {"tls": True, "redirect_from": traffic.redirect_from or NOBODY}
    values |= {
        key: written[key] for key in ("sticky", "header", "cookie", "proxy_protocol", "tls", "expose") if key in written
    }
    for key, value in values.items():
        usual = "ports" if key in _FROM_PORTS else "default" if asked else of_environment
        chosen.put(f"{KEY}.{key}", HIDDEN if key in hidden else value, place if key in written else usual)


@takes(lambda: either({"const": NOBODY}, schema_of(one_port)))
def _redirecting(node: Node, path: str, problems: Problems) -> Json:
    """A port, or the word that none is meant."""
    return NOBODY if isinstance(node, Scalar) and node.value == NOBODY else one_port(node, path, problems)


@takes(one_of("haproxy", "none"))
def _router(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Scalar) and node.value == "traefik":
        message = "which program routes is for gitopsd.yaml to say (`router: {mode: traefik}`); write haproxy or none"
        problems.add(node.place, path, message)
        return None
    return choice("haproxy", "none")(node, path, problems)


def _matching(pattern: re.Pattern[str], expected: str) -> Read:
    def valid(written: str) -> None:
        if not pattern.fullmatch(written):
            raise ValueError(written)

    return takes(matching(pattern, expected))(checked(valid, expected))


@takes(listed(STRING))
def _hosts(node: Node, path: str, problems: Problems) -> Json:
    found = each(_host, "host names")(node, path, problems)
    if isinstance(found, list) and len({str(host).lower() for host in found}) < len(found):
        problems.add(node.place, path, f"names a host twice: {', '.join(map(str, found))}; remove one")
    return found


_of_environment: Read = closed({"router": _router})
_host = _matching(_HOST, "a host such as shop.example.com or *.example.com")
_named = closed(
    {
        "name": _matching(_TOKEN, "a name of letters, digits, '.', '_' and '-'"),
        "value": _matching(_VALUE, "a value without spaces and quotes"),
    }
)


@takes(lambda: either(STRING, schema_of(_named)))
def _purpose(node: Node, path: str, problems: Problems) -> Json:
    """A name, or a name with the value that counts."""
    if isinstance(node, Scalar):
        name = _matching(_TOKEN, "a name of letters, digits, '.', '_' and '-'")(node, path, problems)
        return {"name": name} if name is not None else None
    found = _named(node, path, problems)
    if isinstance(found, Mapping) and "name" not in found:
        problems.add(node.place, path, f"has no name, got {shown(node)}; add it")
        return None
    return found


_KEYS: Final[Mapping[str, Read]] = {
    "listen": one_port,
    "target": one_port,
    "mode": choice("http", "tcp"),
    "hosts": _hosts,
    "path": _matching(_PATH, "a path such as /shop, without spaces, queries and quotes"),
    "sticky": closed({"cookie": _matching(_TOKEN, "a cookie's name of letters, digits, '.', '_' and '-'")}),
    "header": _purpose,
    "cookie": _purpose,
    "proxy_protocol": boolean,
    "tls": boolean,
    "redirect_from": _redirecting,
    "expose": choice("host", "inner"),
}
_LATER: Final[Mapping[str, str]] = {
    "certificates": "is the router's; write `router: {certificates: DIRECTORY}` in gitopsd.yaml",
    "router": f"is the environment's; write it under the top-level {EXTENSION}",
}
