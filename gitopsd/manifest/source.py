"""What loading one environment reads from and what it finds out: the revision's files, problems, unset variables."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitopsd.manifest import dotenv, tree
from gitopsd.manifest.interpolate import Variable, Variables
from gitopsd.manifest.node import Fields, Node, Problems, size
from gitopsd.manifest.tree import Refusal
from gitopsd.manifest.yaml import MAX_BYTES, parse
from gitopsd.model.errors import ManifestError, Place, Problem
from gitopsd.model.files import Files

MAX_MERGED = 1_000_000  # values of all that is merged or extended, each time that it is
MAX_VARIABLES = 64 << 20  # characters of all `.env` and `env_file`s, as written and as filled in, each time


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the words of a Compose file get their meaning: its project directory, and its variables."""

    directory: str
    variables: Variables


@dataclass(frozen=True, slots=True)
class Source:
    """One revision being read.

    `secrets`: there are variables of secret origin. `unset` are variables without value and default. `documents` are
    the files that have been parsed, `constant` those of them in which no variable stands, `untagged` those without a
    `!reset`. `merged` and `variables` are what has been spent of their limits.
    """

    files: Files
    secrets: bool = False
    problems: Problems = field(default_factory=Problems)
    unset: list[Problem] = field(default_factory=list)
    documents: dict[str, Fields | None] = field(default_factory=dict)
    constant: set[str] = field(default_factory=set)
    untagged: set[str] = field(default_factory=set)
    merged: list[int] = field(default_factory=list)
    variables: list[int] = field(default_factory=list)

    def document(self, path: str, place: Place, where: str) -> Fields | None:
        """The Compose file at `path`, not yet filled in; None when it cannot be read, which is then a problem.

        `place` and `where` are those of the words that name the file.
        """
        if path not in self.documents:
            self.documents[path] = self._parsed(path, place, where)
        return self.documents[path]

    def dotenv(
        self, path: str, place: Place, where: str, variables: Variables, *, raw: bool = False
    ) -> dict[str, Variable]:
        """The variables of a `.env` or `env_file`; empty when it cannot be read, which is then a problem."""
        data = tree.read(self.files, path, MAX_BYTES)
        if isinstance(data, Refusal):
            self.problems.add(place, where, data.reason)
            return {}
        if sum(self.variables) + len(data) > MAX_VARIABLES:
            message = f"all env_files together have more than {MAX_VARIABLES} characters; name fewer, or shorter ones"
            self.problems.add(place, where, message)
            return {}
        try:
            if raw:
                found = dotenv.parse_raw(path, data, variables)
            else:
                found = dict(dotenv.parse(path, data, variables, self.unset))
        except ManifestError as error:
            self.problems.found.extend(error.problems)
            return {}
        self.variables.append(len(data) + sum(len(variable.value) for variable in found.values()))
        return found

    def affords(self, node: Node, place: Place, where: str) -> bool:
        """Whether this much more may be merged; what is too much is a problem."""
        self.merged.append(size(node))
        if sum(self.merged) <= MAX_MERGED:
            return True
        message = f"more than {MAX_MERGED} values once everything is merged; extend, include or name fewer files"
        self.problems.add(place, where, message)
        return False

    def exists(self, path: str) -> bool:
        """Whether there is a file, or a link to something, at `path`."""
        return self.files.entry(path) is not None

    def path(self, directory: str, path: str, place: Place, where: str) -> str | None:
        """The repository path of a relative one; None when it leads outside, which is then a problem."""
        whole = tree.joined(directory, path)
        if isinstance(whole, Refusal):
            self.problems.add(place, where, whole.reason)
            return None
        return whole

    def _parsed(self, path: str, place: Place, where: str) -> Fields | None:
        data = tree.read(self.files, path, MAX_BYTES)
        if isinstance(data, Refusal):
            self.problems.add(place, where, data.reason)
            return None
        try:
            root = parse(path, data)
            if b"$" not in data:
                self.constant.add(path)
            if b"!reset" not in data:
                self.untagged.add(path)
        except ManifestError as error:
            self.problems.found.extend(error.problems)
            return None
        if not isinstance(root, Fields):
            self.problems.add(Place(path, 1, 1), "", "expected a mapping with services; write `services:` first")
            return None
        return root


def merged(first: Variables, second: Mapping[str, Variable]) -> Variables:
    """Variables of both; where both have one, the first counts."""
    return {**second, **first} if second else first


def relative(path: str, start: str) -> str:
    """`path` as seen from the directory `start`, both within the repository."""
    return posixpath.relpath(f"/{path}", f"/{start}")
