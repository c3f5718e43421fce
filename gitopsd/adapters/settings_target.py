"""Reads which engine something is meant for, and whether that stands for itself alone or for a swarm."""

from gitopsd.adapters import settings_sections as sections
from gitopsd.adapters.settings_values import Section, SectionReader, engine_url
from gitopsd.manifest.node import Node, Scalar
from gitopsd.model.settings import TargetEngine


def target(reader: SectionReader, section: Section) -> TargetEngine | None:
    """`{docker: URL, tls: DIRECTORY}`, where `swarm: true` makes it a manager's; or `{swarm: URL}`."""
    node = section.fields.get("target")
    if node is None:
        return None
    inner = reader.section(node, section.path_of("target"), sections.TARGET)
    swarm = inner.fields.get("swarm")
    flag = _flag(swarm)
    key = "docker" if swarm is None or flag is not None else "swarm"
    url = reader.value(inner, key, engine_url, TargetEngine().url)
    if swarm is not None and flag is None and "docker" in inner.fields:
        message = "names an engine, as docker does; write swarm: true beside docker, or remove docker"
        reader.problems.add(swarm.place, inner.path_of("swarm"), message)
    tls = reader.value(inner, "tls", reader.file, None)
    if tls and not url.startswith("tcp://"):
        message = "tls is for tcp only; write docker: tcp://HOST:2376, or remove tls"
        reader.problems.add(inner.fields["tls"].place, inner.path_of("tls"), message)
    return TargetEngine(url, tls, swarm=swarm is not None and flag is not False)


def _flag(node: Node | None) -> bool | None:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, bool) else None
