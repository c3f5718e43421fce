"""The fields of a service's Spec in the words of the manifest, so that `ignore_drift` means the same on a swarm."""

from collections.abc import Mapping
from typing import Final

Path = tuple[str, ...]
HOLDER: Final = "service of a swarm"
_CONTAINER: Final[Mapping[str, str]] = {
    "Image": "image",
    "Labels": "labels",
    "Command": "entrypoint",
    "Args": "command",
    "Hostname": "hostname",
    "Env": "environment",
    "Dir": "working_dir",
    "User": "user",
    "Groups": "group_add",
    "TTY": "tty",
    "OpenStdin": "stdin_open",
    "ReadOnly": "read_only",
    "StopSignal": "stop_signal",
    "StopGracePeriod": "stop_grace_period",
    "Healthcheck": "healthcheck",
    "Hosts": "extra_hosts",
    "DNSConfig.Nameservers": "dns",
    "DNSConfig.Search": "dns_search",
    "DNSConfig.Options": "dns_opt",
    "Mounts": "volumes",
    "Configs": "content",
    "Secrets": "content",
    "Sysctls": "sysctls",
    "CapabilityAdd": "cap_add",
    "CapabilityDrop": "cap_drop",
    "Ulimits": "ulimits",
    "Init": "init",
}
_TASK: Final[Mapping[str, str]] = {
    **{f"ContainerSpec.{field}": word for field, word in _CONTAINER.items()},
    "Resources.Limits.MemoryBytes": "resources.memory",
    "Resources.Limits.NanoCPUs": "resources.cpus",
    "Resources.Limits.Pids": "resources.pids",
    "Resources.Reservations.MemoryBytes": "resources.memory_reservation",
    "Resources.Reservations": "deploy.resources.reservations",
    "RestartPolicy": "restart",
    "Placement": "deploy.placement",
    "Networks": "networks",
    "LogDriver": "logging",
}
_SPEC: Final[Mapping[str, str]] = {
    **{f"TaskTemplate.{field}": word for field, word in _TASK.items()},
    "Labels": "deploy.labels",
    "Mode.Replicated.Replicas": "deploy.replicas",
    "UpdateConfig": "deploy.update_config",
    "RollbackConfig": "deploy.rollback_config",
    "EndpointSpec.Mode": "deploy.endpoint_mode",
    "EndpointSpec.Ports": "ports",
}


def word_of(path: Path) -> str:
    """`environment.COLOUR` for the variable, `deploy.replicas` for the number of tasks; "" for what has no word."""
    for end in range(len(path), 0, -1):
        word = _SPEC.get(".".join(path[:end]))
        if word is not None:
            return ".".join((word, *path[end:]))
    return ""


def only_on_a_swarm(written: str) -> bool:
    """Whether it is a word, or the beginning of one, of what only a swarm has: `deploy.replicas`."""
    words = (word for word in _SPEC.values() if word.startswith("deploy."))
    return any(word == written or word.startswith(f"{written}.") or written.startswith(f"{word}.") for word in words)


def is_ignored(path: Path, ignored: tuple[str, ...]) -> bool:
    """Whether the manifest says that what somebody does to a field is nobody's business."""
    word = word_of(path)
    return any(word == each or word.startswith(f"{each}.") for each in ignored)
