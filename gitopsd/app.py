"""The composition root: the only file that names every adapter."""

from functools import partial

from gitopsd.adapters.clock import SystemClock
from gitopsd.adapters.docker import connect
from gitopsd.adapters.git import directory_files, open_source
from gitopsd.adapters.settings_file import load
from gitopsd.adapters.store import open_store
from gitopsd.adapters.timer import SchedulerTimer
from gitopsd.adapters.watch import FileWatcher
from gitopsd.controller.application import Application, Flags


def wire(flags: Flags) -> Application:
    """One gitopsd from its settings file and flags. SettingsError and StoreError say what to mend."""
    load_settings = partial(load, flags.config, flags)
    settings = load_settings()
    return Application(
        settings=settings,
        store=open_store(settings.state_dir),
        clock=SystemClock(),
        timer=SchedulerTimer(),
        watcher=FileWatcher(),
        open_source=lambda repository: open_source(repository, settings.state_dir),
        connect=lambda target: connect(target, settings.registries),
        directory=directory_files,
        load_settings=load_settings,
    )
