"""What a router of a swarm has beside its ways: where gitopsd speaks to it, and whom it asks for tasks.

Whoever proves to be gitopsd comes to the router's own interface, or by the name that they ask for in TLS to a socket
of a listener, which nobody else reaches: so there is nothing that a client could forge.
"""

from collections.abc import Iterator

from gitopsd.adapters.haproxy.backends import RESOLVERS
from gitopsd.adapters.haproxy.config import SOCKETS
from gitopsd.adapters.haproxy.entrances import entrances
from gitopsd.engine_json.swarm_router import DESK_PORT, PEM, RUN
from gitopsd.model.route import SLOTS, RoutingTable

_RESOLVERS = f"""
resolvers {RESOLVERS}
    nameserver engine 127.0.0.11:53
    # One answer has all tasks; while none comes at all, those that are known stay.
    accepted_payload_size 8192
    resolve_retries 2
    timeout resolve 500ms
    timeout retry 500ms
    hold valid 500ms
    hold obsolete 0s
    hold nx 500ms
    hold other 1h
    hold refused 1h
    hold timeout 1h
"""
_DESK = f"""
frontend desk from tcp
    bind :{DESK_PORT} ssl crt {PEM} ca-file {PEM} verify required
    timeout client 1m
    use_backend ways if {{ ssl_fc_sni -m found }}
    default_backend desk

backend desk from tcp
    timeout server 10s
    server admin unix@{RUN}/admin.sock

backend ways from tcp
    timeout server 1m
    # Without a weight only who is asked for by name gets anything.
"""


def front_desk(table: RoutingTable) -> str:
    """The end of the configuration for a table."""
    return "".join((_RESOLVERS, _DESK, *_ways(table)))


def _ways(table: RoutingTable) -> Iterator[str]:
    for name in (f"{each.name}.{slot}" for each in entrances(table.routes) for slot in SLOTS):
        yield f"    use-server {name} if {{ ssl_fc_sni -m str {name} }}\n"
        yield f"    server {name} unix@{RUN}/{SOCKETS}/{name} weight 0\n"
