"""The keys of a service: one table says which are read and how, one which are refused and why; others are unknown."""

import re
from dataclasses import replace

from gitopsd.manifest.keys import limits
from gitopsd.manifest.keys.attachments import depends_on, grants, mac_address, networks
from gitopsd.manifest.keys.build import build
from gitopsd.manifest.keys.command import command
from gitopsd.manifest.keys.deploy import MOST_REPLICAS
from gitopsd.manifest.keys.develop import develop
from gitopsd.manifest.keys.devices import device_cgroup_rules, devices, gpus
from gitopsd.manifest.keys.health import healthcheck
from gitopsd.manifest.keys.hosts import dns, extra_hosts
from gitopsd.manifest.keys.json_schema import STRING, by_name, either, listed, matching, one_of, takes
from gitopsd.manifest.keys.ports import expose, ports
from gitopsd.manifest.keys.quantities import byte_size, integer, nonzero, positive_number, span, truncated
from gitopsd.manifest.keys.shapes import (
    Read,
    boolean,
    choice,
    closed,
    distinct_strings,
    flag,
    options,
    pairs,
    shown,
    string_or_strings,
    strings,
    text,
    wrong,
)
from gitopsd.manifest.keys.sharing import external_links, links, namespace, network_mode, volumes_from
from gitopsd.manifest.keys.swarm_deploy import deploy_of_target
from gitopsd.manifest.keys.volumes import volumes
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json

_CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(:[0-9]{1,9})?")
_PLATFORM = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,2}")
_PULL_POLICY = re.compile(r"always|never|build|missing|if_not_present|daily|weekly|every_([0-9]+[wdhms])+")
_PULLED = ("always", "missing", "daily", "weekly", "every_12h")  # what editors offer
_SECURITY = re.compile(r"no-new-privileges|[^=:]+[=:].+")
_STOP_SIGNAL = re.compile(r"[A-Z]+[0-9]?([+-][0-9]{1,2})?|[0-9]{1,2}", re.IGNORECASE)


@takes(STRING)
def _image(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value is None or "$" in value:
        return value  # a variable that could not be filled in has been told already
    if any(char.isspace() for char in value) or value.startswith(("-", ":", "/")):
        problems.add(node.place, path, f"expected an image such as nginx:1.27, got {shown(node)}")
    return value


@takes(matching(_RESTART))
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


@takes(STRING)
def _string(node: Node, path: str, problems: Problems) -> str | None:
    """A string, also an empty one."""
    if isinstance(node, Scalar) and node.value == "":
        return ""
    return text(node, path, problems)


@takes(matching(_CONTAINER_NAME))
def _container_name(node: Node, path: str, problems: Problems) -> Json:
    value = _string(node, path, problems)
    if value is not None and not _CONTAINER_NAME.fullmatch(value):
        problems.add(
            node.place,
            path,
            f"expected two or more letters, digits, '_', '.' or '-', the first a letter or digit, got {shown(node)}",
        )
    return value


@takes(STRING)
def _stop_signal(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value is not None and not _STOP_SIGNAL.fullmatch(value):
        problems.add(node.place, path, f"expected a signal such as SIGTERM or 15, got {shown(node)}")
    return value


@takes(by_name({"type": ["string", "number", "null"]}))
def _nullable_options(node: Node, path: str, problems: Problems) -> Json:
    """A mapping to strings, numbers or nothing, which is the empty string."""
    if isinstance(node, Fields):
        nulls = {key: "" for key, child in node.fields.items() if isinstance(child, Scalar) and child.value is None}
        if nulls:
            rest = {key: child for key, child in node.fields.items() if key not in nulls}
            return {**nulls, **(options(Fields(rest, node.keys, node.place), path, problems) or {})}
    return options(node, path, problems)


@takes(by_name({"type": ["string", "number", "null"]}))
def _storage_options(node: Node, path: str, problems: Problems) -> Json:
    """The same without fractions, which Compose does not read here."""
    for key, child in node.fields.items() if isinstance(node, Fields) else ():
        if isinstance(child, Scalar) and isinstance(child.value, float):
            wrong(child, f"{path}.{key}", problems, "a string or a whole number")
    return _nullable_options(node, path, problems)


def _only(word: str, why: str) -> Read:
    """A string that is this word, as no engine knows another."""

    @takes(one_of(word, ""))
    def read(node: Node, path: str, problems: Problems) -> Json:
        value = text(node, path, problems)
        if value not in (None, word):
            problems.add(node.place, path, f"expected {word}, got {shown(node)}; {why}")
        return value

    return read


@takes(matching(_PLATFORM))
def _platform(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value is not None and not _PLATFORM.fullmatch(value):
        problems.add(node.place, path, f"expected a platform such as linux/arm64, got {shown(node)}")
    return value


@takes(either(one_of(*_PULLED), matching(_PULL_POLICY)))
def _pull_policy(node: Node, path: str, problems: Problems) -> Json:
    value = _string(node, path, problems)
    if value == "build":
        message = "images are not built here; build and push the image elsewhere, and write missing or always"
        problems.add(node.place, path, message)
    elif value is not None and not _PULL_POLICY.fullmatch(value):
        known = "always, never, missing, if_not_present, daily, weekly or an interval such as every_12h"
        problems.add(node.place, path, f"expected {known}, got {shown(node)}")
    elif value == "never":
        problems.warn(
            node.place, path, "ignored: an image that the engine does not hold is pulled; load it there first"
        )
    elif value not in (None, "missing", "if_not_present"):
        message = "ignored: what a name meant when it came is kept; `gitopsd sync --pull` looks it up anew"
        problems.warn(node.place, path, message)
    return "missing" if value == "if_not_present" else value


@takes(listed(STRING))
def _security_opt(node: Node, path: str, problems: Problems) -> Json:
    found = distinct_strings(node, path, problems)
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Scalar) and isinstance(item.value, str) and not _SECURITY.fullmatch(item.value):
            message = f"expected NAME=VALUE such as no-new-privileges=true, got {shown(item)}"
            problems.add(item.place, f"{path}[{index}]", message)
    return found


@takes(listed({"type": ["string", "integer"]}))
def _group_add(node: Node, path: str, problems: Problems) -> Json:
    """Names or numbers of groups."""
    if not isinstance(node, Items):
        return distinct_strings(node, path, problems)
    items = (
        replace(item, value=str(item.value)) if isinstance(item, Scalar) and type(item.value) is int else item
        for item in node.items
    )
    return distinct_strings(replace(node, items=tuple(items)), path, problems)


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
    "deploy": deploy_of_target,
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
    "logging": closed({"driver": text, "options": _nullable_options}),
    "stop_signal": _stop_signal,
    "stop_grace_period": span,
    "mem_limit": byte_size,
    "mem_reservation": byte_size,
    "memswap_limit": limits.memory_and_swap,
    "mem_swappiness": limits.swappiness,
    "shm_size": byte_size,
    "oom_kill_disable": flag,
    "oom_score_adj": nonzero(integer(-1000, 1000)),
    "pids_limit": nonzero(truncated(-1)),
    "ulimits": limits.ulimits,
    "cpus": positive_number,
    "cpu_shares": nonzero(truncated()),
    "cpu_quota": limits.cpu_quota,
    "cpu_period": limits.cpu_period,
    "cpu_rt_period": nonzero(truncated()),
    "cpu_rt_runtime": nonzero(truncated()),
    "cpuset": limits.cpuset,
    "blkio_config": limits.blkio_config,
    "storage_opt": _storage_options,
    "devices": devices,
    "device_cgroup_rules": device_cgroup_rules,
    "gpus": gpus,
    "dns": dns,
    "dns_search": string_or_strings,
    "dns_opt": strings,
    "domainname": text,
    "extra_hosts": extra_hosts,
    "mac_address": mac_address,
    "network_mode": network_mode,
    "ipc": namespace("host", "private", "shareable", "none"),
    "pid": namespace("host"),
    "uts": _only("host", "no engine shares it otherwise"),
    "userns_mode": _only("host", "no engine knows another for one container"),
    "cgroup": choice("host", "private"),
    "cgroup_parent": text,
    "links": links,
    "external_links": external_links,
    "volumes_from": volumes_from,
    "privileged": flag,
    "security_opt": _security_opt,
    "group_add": _group_add,
    "sysctls": pairs,
    "annotations": pairs,
    "runtime": text,
    "isolation": _only("default", "the others are for Windows containers"),
    "platform": _platform,
    "pull_policy": _pull_policy,
    "tty": flag,
    "stdin_open": flag,
    "attach": boolean,
    "scale": integer(0, MOST_REPLICAS),
    "profiles": strings,
    "build": build,
    "develop": develop,
}

# Read where the files and variables are at hand.
ELSEWHERE = frozenset(("environment", "env_file", "label_file", "extends"))

REFUSED = {
    "cpu_count": "is for Windows containers; write cpus",
    "cpu_percent": "is for Windows containers; write cpus",
    "credential_spec": "is for Windows containers; remove it",
    "models": "needs Docker Model Runner, which is no part of the engine; run the model as a service with an image",
    "post_start": "is run by the Compose command, so not when the engine restarts a container; put it into entrypoint",
    "pre_stop": "is run by the Compose command, so not when the engine stops a container; handle stop_signal instead",
    "provider": "hands the service to a program beside the engine; give the service an image, or remove it",
    "pull_refresh_after": "is not acted on by Compose either; write pull_policy: every_24h",
    "use_api_socket": "hands out the credentials of who runs Compose; mount /var/run/docker.sock where it is needed",
}
