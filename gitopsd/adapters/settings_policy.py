"""The operator's `policy` in gitopsd.yaml: guards as manifests have them, and what no container may have."""

from collections.abc import Mapping
from typing import cast

from gitopsd.adapters.settings_values import Section, SectionReader
from gitopsd.manifest.guards import GUARDS, guards_of
from gitopsd.manifest.keys.json_schema import STRING, listed, takes
from gitopsd.manifest.keys.quantities import integer
from gitopsd.manifest.keys.shapes import Read, choice, read_fields, strings, text, wrong
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.manifest.workload import RULES
from gitopsd.model.canonical import Json
from gitopsd.model.guards import Guards, OperatorPolicy, Workload


def operator_policy(reader: SectionReader, top: Section) -> OperatorPolicy:
    """What `policy` asks of every environment."""
    values = _read(reader, top, {**GUARDS, **HOST_POLICY})
    return OperatorPolicy(
        guards=guards_of(values),
        workload=Workload(
            enforce="deny" if values.get("enforce") == "deny" else "warn",
            rules=_texts(values, "deny"),
            paths=_texts(values, "allow_paths"),
            registries=_texts(values, "registries"),
        ),
        rollouts=cast("int", values.get("concurrent_rollouts", 0)),
        servers_file=reader.file(str(values["servers_file"])) if values.get("servers_file") else None,
    )


def operator_guards(reader: SectionReader, environment: Section) -> Guards:
    """What an environment's own `policy` asks for on top."""
    return guards_of(_read(reader, environment, GUARDS))


def _read(reader: SectionReader, section: Section, table: Mapping[str, Read]) -> Mapping[str, Json]:
    node, path = section.fields.get("policy"), section.path_of("policy")
    match node:
        case None | Scalar(value=None):
            return {}
        case Fields():
            return read_fields(node, path, reader.problems, table)
        case _:
            wrong(node, path, reader.problems, "a mapping")
            return {}


def _texts(values: Mapping[str, Json], key: str) -> tuple[str, ...]:
    found = values.get(key)
    return tuple(str(each) for each in found) if isinstance(found, list) else ()


@takes(listed({"enum": [*RULES]}))
def _rules(node: Node, path: str, problems: Problems) -> Json:
    found = strings(node, path, problems) or []
    for name in found:
        if name not in RULES:
            problems.add(node.place, path, f"{name!r} is no rule; known are {', '.join(RULES)}")
    return found


@takes(listed(STRING))
def _paths(node: Node, path: str, problems: Problems) -> Json:
    found = strings(node, path, problems) or []
    for each in found:
        if not str(each).startswith("/"):
            problems.add(node.place, path, f"{each!r} is no path of a host; write one such as /srv")
    return found


HOST_POLICY: dict[str, Read] = {
    "enforce": choice("warn", "deny"),
    "deny": _rules,
    "allow_paths": _paths,
    "registries": strings,
    "concurrent_rollouts": integer(1, 1000),
    "servers_file": text,
}
