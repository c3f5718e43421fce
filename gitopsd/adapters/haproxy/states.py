"""The state file by which a new worker knows what the one before knew of its servers.

A server is taken for ready at the start of a worker, before it was checked; in here, one that was not ready is down.
The weights are those of the table, as a worker prefers the file's to its configuration's where the two began alike.
"""

from collections.abc import Iterator

from gitopsd.adapters.haproxy.names import backend
from gitopsd.model.route import SLOTS, RoutingTable, Target

_INITIAL, _NEUTRAL = "1", "1"
_UNKNOWN = {
    "srv_check_state": "6",  # configured and enabled
    **dict.fromkeys(("srv_fqdn", "srvrecord", "srv_check_addr", "srv_agent_addr"), "-"),
    **dict.fromkeys(("be_id", "srv_id"), "1"),
}


def states(shown: str, table: RoutingTable) -> str:
    """The file for the table's servers, after `show servers state` of the worker that runs ("" for none)."""
    lines = [line for line in shown.splitlines() if line]
    if len(lines) < 2:
        return "1\n"
    columns = lines[1].removeprefix("# ").split()
    known = [dict(zip(columns, line.split(), strict=False)) for line in lines[2:]]
    by_name = {(each["be_name"], each["srv_name"]): each for each in known}
    written = []
    for name, target in _servers(table):
        found = by_name.get((name, target.id), {})
        same = found.get("srv_addr") == target.address and found.get("srv_port") == str(target.port)
        line = {**_UNKNOWN, **(found if same else {}), "be_name": name, "srv_name": target.id}
        line |= {"srv_addr": target.address, "srv_port": str(target.port), "srv_admin_state": "0"}
        if line.get("srv_check_result", "0") == "0":
            # With no result at all here, the new worker waits for ever for that of a check it never sent.
            line |= {"srv_check_status": _INITIAL, "srv_check_result": _NEUTRAL}
        line |= {"srv_uweight": str(target.takes), "srv_iweight": str(target.takes)}
        written.append(" ".join(line.get(column, "0") for column in columns))
    return "".join(f"{line}\n" for line in (*lines[:2], *written))


def _servers(table: RoutingTable) -> Iterator[tuple[str, Target]]:
    for route in table.routes:
        for slot in SLOTS:
            yield from ((backend(route.name, slot), target) for target in route.slot(slot).targets)
