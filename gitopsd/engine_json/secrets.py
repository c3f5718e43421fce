"""What a container has of a service's secrets, as its fields and files show it, in digests by the present key."""

from collections.abc import Iterator, Mapping
from typing import Final

from gitopsd.engine_json.comparison import Difference, owned_differences
from gitopsd.engine_json.projection import Projection
from gitopsd.model.desired import ContentFile, ContentMount, SealedService, Service
from gitopsd.model.parted import keyed, keyed_content

# The Compose keys whose values a container shows just as they were asked for. A secret in another one (a port, an
# address) is taken for unchanged: the engine shows those in forms of its own, and is no witness against them.
_SHOWN: Final = frozenset(
    ("environment", "labels", "command", "entrypoint", "healthcheck", "hostname", "domainname", "user", "working_dir")
)


def secret_mounts(service: Service) -> tuple[ContentMount, ...]:
    """The secret files of a service, which only reading them can compare."""
    return tuple(mount for mount in service.mounts if isinstance(mount, ContentMount) and mount.content.secret)


def live_secrets(
    sealed: SealedService,
    wanted: Projection,
    live: Projection,
    files: Mapping[str, tuple[ContentFile, ...] | None],
    key: bytes,
) -> dict[str, str]:
    """The service's secrets as the container has them. `files` are what was read, by target; None: nothing is there.

    What has no target in `files` was not to be read, and is taken for unchanged.
    """
    found = dict(sealed.secrets)
    for difference in owned_differences(wanted, live):
        for name in _hidden(sealed.service, difference):
            found[name] = keyed(key, difference.live)
    for mount in secret_mounts(sealed.service):
        if mount.target in files:
            found[mount.grant or mount.target] = keyed_content(key, files[mount.target] or ())
    return found


def _hidden(service: Service, difference: Difference) -> Iterator[str]:
    """The names of the secrets that a field holds; an environment variable is one by itself."""
    keys, path = difference.field.keys, difference.path
    for hidden in service.hidden:
        within = len(hidden) == 1 or len(path) == 1 or hidden[1] == path[1]
        if hidden[0] in _SHOWN and hidden[0] in keys and within:
            yield ".".join(hidden)
