"""What manifests on disk are read on, and the settings that it shares with the whole application."""

import os
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path

from gitopsd.adapters import settings_file
from gitopsd.adapters.host_secrets import HostSecrets
from gitopsd.adapters.remembered import recall
from gitopsd.adapters.unlocking import Unlocking
from gitopsd.controller.flags import Flags
from gitopsd.controller.ground import Checkout, Ground
from gitopsd.model.files import Files
from gitopsd.model.settings import DEFAULT_STATE_DIR, Settings


def ground(flags: Flags) -> Ground:
    """What `validate` and `config` stand on. SettingsError says what to mend."""
    settings = settings_reader(flags)()
    return Ground(settings, HostSecrets(settings.state_dir, Unlocking(settings.keys).unlock), directory, checkout)


def settings_reader(flags: Flags) -> Callable[[], Settings]:
    """Reads what flags, the file and the way the daemon was started say by now of the settings. SettingsError."""
    said = recall(flags.state_dir or DEFAULT_STATE_DIR, flags)
    given = settings_file.Flags(
        repository=said.repository or None,
        branch=said.branch or None,
        state_dir=said.state_dir,
        mode=said.mode,
        engine=said.engine or None,
        listen=said.listen or None,
        docker_host=said.docker_host or os.environ.get("DOCKER_HOST") or None,
    )
    return lambda: settings_file.load(said.config, given)


def directory(root: Path, without: Collection[Path] = (), most: int = 0) -> Files:
    from gitopsd.adapters.git.directory import directory_files

    return directory_files(root, without, most)


def checkout(place: Path) -> AbstractContextManager[Checkout]:
    from gitopsd.adapters.git.checkout import open_checkout

    return open_checkout(place)
