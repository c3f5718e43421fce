"""Mutants: the pure half of gitopsd as it is, with one change in its text, loaded beside the real one."""

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec, spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, settings

HUNT = settings(
    max_examples=300,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""For the search of one example that a mutant fails with; the smallest one is of no interest."""
LOADED_ANEW = (
    "gitopsd.rollout",
    "gitopsd.release",
    "gitopsd.controller.operations",
    "gitopsd.controller.swarm_reconcile",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """`was` stands once in the text of `module`; there stands `now` instead."""

    module: str
    was: str
    now: str


class _Changed(SourceFileLoader):
    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        text = self.get_data(self.path).decode()
        found = text.count(self._mutant.was)
        assert found == 1, (
            f"{self.path} has the text of a mutant {found} times; look for its place anew: {self._mutant.was}"
        )
        return compile(text.replace(self._mutant.was, self._mutant.now), self.path, "exec")


@dataclass(frozen=True, slots=True)
class _Finder:
    mutant: Mutant
    origin: str

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self.mutant.module:
            return None
        return spec_from_file_location(name, self.origin, loader=_Changed(name, self.origin, self.mutant))


def mutated(mutant: Mutant) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`release.advance` and `operations.apply` of the mutant."""
    release, operations = loaded(mutant, "gitopsd.release", "gitopsd.controller.operations")
    return release.advance, operations.apply


def loaded(mutant: Mutant, *names: str) -> list[ModuleType]:
    """These modules of the mutant."""
    spec = find_spec(mutant.module)
    assert spec is not None
    assert spec.origin is not None
    with _set_aside():
        sys.meta_path.insert(0, _Finder(mutant, spec.origin))
        try:
            found = [importlib.import_module(name) for name in names]
            assert mutant.module in sys.modules, f"nothing uses {mutant.module}"
        finally:
            del sys.meta_path[0]
    return found


@contextmanager
def _set_aside() -> Iterator[None]:
    """Imports within make the modules anew, and leave everything outside as it was."""
    ours = {name: module for name, module in sys.modules.items() if name.startswith(LOADED_ANEW)}
    for name in ours:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(LOADED_ANEW)]:
            del sys.modules[name]
        sys.modules.update(ours)
        for name, module in ours.items():
            above, _, own = name.rpartition(".")
            setattr(sys.modules[above], own, module)
