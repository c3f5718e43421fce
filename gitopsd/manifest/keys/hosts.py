"""How a container finds others by name: name servers, and names with fixed addresses."""

from collections.abc import Iterator
from ipaddress import ip_address

from gitopsd.manifest.keys.json_schema import STRING, by_name, either, listed, takes
from gitopsd.manifest.keys.shapes import distinct_strings, shown, string_or_strings, wrong
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json

GATEWAY = "host-gateway"


@takes(either(STRING, listed(STRING)))
def dns(node: Node, path: str, problems: Problems) -> Json:
    """The addresses of name servers, in the order in which they are asked."""
    found = [value for value in string_or_strings(node, path, problems) or () if value]
    for value in found:
        if not _is_address(str(value)):
            said = "a hidden value" if _hidden(node) else f"'{value}'"
            problems.add(node.place, path, f"expected IP addresses such as 1.1.1.1, got {said}")
    return found or None


def _hidden(node: Node) -> bool:
    items = node.items if isinstance(node, Items) else (node,)
    return any(isinstance(item, Scalar) and item.hidden for item in items)


@takes(either(by_name(either(STRING, listed(STRING))), listed(STRING)))
def extra_hosts(node: Node, path: str, problems: Problems) -> Json:
    """Names with addresses, as a sorted list of `name=address`."""
    found: list[str] = []
    for name, address, item, where in _hosts(node, path, problems):
        bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
        if not name:
            problems.add(item.place, where, "has no name; write NAME=ADDRESS")
        elif bare != GATEWAY and not _is_address(bare):
            problems.add(item.place, where, f"expected an IP address or {GATEWAY} after the name, got {shown(item)}")
        found.append(f"{name}={bare}")
    return sorted(found) or None


def _hosts(node: Node, path: str, problems: Problems) -> Iterator[tuple[str, str, Scalar, str]]:
    """Name, address, and where it is written."""
    match node:
        case Fields(fields=fields):
            for name, child in fields.items():
                where = f"{path}.{name}"
                for item in child.items if isinstance(child, Items) else (child,):
                    if isinstance(item, Scalar) and isinstance(item.value, str):
                        yield name, item.value, item, where
                    else:
                        wrong(item, where, problems, "an address, or a list of addresses")
        case Items(items=items):
            distinct_strings(node, path, problems)
            for index, item in enumerate(items):
                if isinstance(item, Scalar) and isinstance(item.value, str):
                    name, sign, address = item.value.partition("=" if "=" in item.value else ":")
                    if sign:
                        yield name, address, item, f"{path}[{index}]"
                    else:
                        problems.add(item.place, f"{path}[{index}]", f"expected NAME=ADDRESS, got {shown(item)}")
        case _:
            wrong(node, path, problems, "a list such as [db=10.0.0.5], or a mapping")


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True
