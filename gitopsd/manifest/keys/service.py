"""The keys of a service: one table says which are read and how, which come later, and all others are unknown."""

import re

from gitopsd.manifest.keys.attachments import depends_on, grants, networks
from gitopsd.manifest.keys.command import command
from gitopsd.manifest.keys.deploy import deploy
from gitopsd.manifest.keys.health import healthcheck
from gitopsd.manifest.keys.ports import expose, ports
from gitopsd.manifest.keys.shapes import (
    Read,
    boolean,
    byte_size,
    closed,
    flag,
    options,
    pairs,
    positive_number,
    shown,
    span,
    string_or_strings,
    strings,
    text,
)
from gitopsd.manifest.keys.volumes import volumes
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.manifest.yaml import text_of
from gitopsd.model.canonical import Json

_CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(:[0-9]{1,9})?")
_STOP_SIGNAL = re.compile(r"[A-Z]+[0-9]?([+-][0-9]{1,2})?|[0-9]{1,2}", re.IGNORECASE)


def _image(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value is None or "$" in value:
        return value  # a variable that could not be filled in has been told already
    if any(char.isspace() for char in value) or value.startswith(("-", ":", "/")):
        problems.add(node.place, path, f"expected an image such as nginx:1.27, got {shown(node)}")
    return value


def _restart(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        problems.add(node.place, path, f'expected a restart policy, got {shown(node)}; write it in quotes: "no"')
        return None
    value = text(node, path, problems)
    if value is not None and not _RESTART.fullmatch(value):
        problems.add(
            node.place, path, f'expected "no", always, unless-stopped, on-failure or on-failure:N, got {shown(node)}'
        )
    return value


def _container_name(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value is not None and not _CONTAINER_NAME.fullmatch(value):
        problems.add(
            node.place,
            path,
            f"expected two or more letters, digits, '_', '.' or '-', the first a letter or digit, got {shown(node)}",
        )
    return value


def _stop_signal(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value is not None and not _STOP_SIGNAL.fullmatch(value):
        problems.add(node.place, path, f"expected a signal such as SIGTERM or 15, got {shown(node)}")
    return value


def _log_options(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Fields):
        nulls = {key: "" for key, child in node.fields.items() if isinstance(child, Scalar) and child.value is None}
        if nulls:
            rest = {key: child for key, child in node.fields.items() if key not in nulls}
            return {**nulls, **(options(Fields(rest, node.keys, node.place), path, problems) or {})}
    return options(node, path, problems)


def build(node: Node, path: str, problems: Problems) -> Json:
    """`build` is never acted on; it is kept in the shape in which Compose prints it."""
    match node:
        case Scalar(value=str(directory)):
            return {"context": directory, "dockerfile": "Dockerfile"}
        case Fields():
            return {"context": ".", "dockerfile": "Dockerfile", **closed(_BUILD)(node, path, problems)}  # type: ignore[dict-item]
        case _:
            problems.add(node.place, path, "expected a directory or a mapping; remove the key, images are not built")
            return None


def _any(node: Node, path: str, problems: Problems) -> Json:
    match node:
        case Scalar(value=value):
            return value if isinstance(value, bool) else text_of(value)
        case Fields(fields=fields):
            return {key: _any(child, f"{path}.{key}", problems) for key, child in fields.items()}
        case _:
            return [_any(child, f"{path}[{index}]", problems) for index, child in enumerate(node.items)]


def _develop(node: Node, path: str, problems: Problems) -> Json:
    problems.warn(node.place, path, "ignored: it concerns machines on which people develop")
    return None


SERVICE: dict[str, Read] = {
    "image": _image,
    "command": command,
    "entrypoint": command,
    "labels": pairs,
    "ports": ports,
    "expose": expose,
    "volumes": volumes,
    "networks": networks,
    "configs": grants(""),
    "secrets": grants("/run/secrets"),
    "healthcheck": healthcheck,
    "depends_on": depends_on,
    "deploy": deploy,
    "restart": _restart,
    "user": text,
    "working_dir": text,
    "hostname": text,
    "container_name": _container_name,
    "init": boolean,
    "read_only": flag,
    "tmpfs": string_or_strings,
    "cap_add": strings,
    "cap_drop": strings,
    "logging": closed({"driver": text, "options": _log_options}),
    "stop_signal": _stop_signal,
    "stop_grace_period": span,
    "mem_limit": byte_size,
    "cpus": positive_number,
    "profiles": strings,
    "build": build,
    "develop": _develop,
}

# Read where the files and variables are at hand.
ELSEWHERE = frozenset(("environment", "env_file", "extends"))

LATER = frozenset(
    [
        "annotations",
        "attach",
        "blkio_config",
        "cgroup",
        "cgroup_parent",
        "cpu_count",
        "cpu_percent",
        "cpu_shares",
        "cpu_quota",
        "cpu_period",
        "cpu_rt_period",
        "cpu_rt_runtime",
        "cpuset",
        "credential_spec",
        "device_cgroup_rules",
        "devices",
        "dns",
        "dns_opt",
        "dns_search",
        "domainname",
        "label_file",
        "provider",
        "external_links",
        "extra_hosts",
        "gpus",
        "group_add",
        "ipc",
        "isolation",
        "links",
        "mac_address",
        "mem_reservation",
        "mem_swappiness",
        "memswap_limit",
        "models",
        "network_mode",
        "oom_kill_disable",
        "oom_score_adj",
        "pid",
        "pids_limit",
        "platform",
        "post_start",
        "pre_stop",
        "privileged",
        "pull_policy",
        "pull_refresh_after",
        "runtime",
        "scale",
        "security_opt",
        "shm_size",
        "stdin_open",
        "storage_opt",
        "sysctls",
        "tty",
        "ulimits",
        "use_api_socket",
        "userns_mode",
        "uts",
        "volumes_from",
    ]
)

_BUILD: dict[str, Read] = dict.fromkeys(
    [
        "context",
        "dockerfile",
        "dockerfile_inline",
        "args",
        "ssh",
        "cache_from",
        "cache_to",
        "no_cache",
        "no_cache_filter",
        "additional_contexts",
        "network",
        "provenance",
        "sbom",
        "pull",
        "target",
        "shm_size",
        "extra_hosts",
        "isolation",
        "privileged",
        "secrets",
        "tags",
        "ulimits",
        "platforms",
        "entitlements",
        "labels",
    ],
    _any,
)
