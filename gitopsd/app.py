"""The composition root: the only file that names every adapter."""

import os

from gitopsd.adapters import settings_file
from gitopsd.adapters.clock import SystemClock
from gitopsd.adapters.docker.engine import connect
from gitopsd.adapters.git import directory_files, open_source
from gitopsd.adapters.store import SqliteStore
from gitopsd.adapters.timer import SchedulerTimer
from gitopsd.adapters.watch import FileWatcher
from gitopsd.controller.application import Application, Flags
from gitopsd.model.settings import Settings


def wire(flags: Flags) -> Application:
    """One gitopsd from its settings file and flags. SettingsError and StoreError say what to mend."""
    given = settings_file.Flags(
        repository=flags.repository or None,
        branch=flags.branch or None,
        state_dir=flags.state_dir,
        mode=flags.mode,
        engine=flags.engine or None,
        docker_host=os.environ.get("DOCKER_HOST") or None,
    )

    def load_settings() -> Settings:
        return settings_file.load(flags.config, given)

    settings = load_settings()
    return Application(
        settings=settings,
        store=SqliteStore(settings.state_dir),
        clock=SystemClock(),
        timer=SchedulerTimer(),
        watcher=FileWatcher(),
        open_source=lambda repository: open_source(repository, settings.state_dir),
        connect=lambda target: connect(target, settings.registries),
        directory=directory_files,
        load_settings=load_settings,
    )
