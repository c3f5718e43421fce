"""The files of a revision in, desired state out: YAML, interpolation, Compose, fingerprints. Pure.

`load` reads an environment, `with_secrets` adds what the host has of it, `seal` gives it fingerprints once its images
are known, `waves` orders its services, `resolved` prints it as `docker compose config` does, `plain` as a file to go on
with without gitopsd, `applied_spec` tells a sealed service field by field, `moved_from` tells its earlier name ahead of
all that.
"""

from gitopsd.manifest.dependency import waves
from gitopsd.manifest.external import with_secrets
from gitopsd.manifest.loading import Loaded, load, load_all
from gitopsd.manifest.moved import Moved, moved_from
from gitopsd.manifest.plain import Plain, plain
from gitopsd.manifest.resolved import resolved
from gitopsd.manifest.seal import applied_spec, seal
from gitopsd.manifest.stack_file import made_anew, stack_file

__all__ = [
    "Loaded",
    "Moved",
    "Plain",
    "applied_spec",
    "load",
    "load_all",
    "made_anew",
    "moved_from",
    "plain",
    "resolved",
    "seal",
    "stack_file",
    "waves",
    "with_secrets",
]
