"""What loading one environment reads from and what it finds out: the revision's files, problems, unset variables."""

import posixpath
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitopsd.manifest import dotenv, tree
from gitopsd.manifest.interpolate import Variable, Variables
from gitopsd.manifest.node import Fields, Node, Problems, size
from gitopsd.manifest.sealed import hidden
from gitopsd.manifest.tree import Refusal
from gitopsd.manifest.yaml import MAX_BYTES, parse
from gitopsd.model.errors import ManifestError, Place, Problem
from gitopsd.model.files import Files

MAX_MERGED = 300_000  # values of all that is merged, extended or included, each time that it is
MAX_INCLUDES = 1_000
MAX_VARIABLES = 8 << 20  # characters of all `.env` and `env_file`s, each time that they are read
_PER_VARIABLE = 100  # characters that a variable counts besides those of its value


class TooMuch(Exception):
    """A limit of all files together is reached: that has been added to the problems, and ends the loading."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the words of a Compose file get their meaning: its project directory, and its variables."""

    directory: str
    variables: Variables


@dataclass(frozen=True, slots=True)
class Source:
    """One revision being read.

    `secrets`: there are variables of secret origin; `opened` are encrypted files that were read. `unset` are
    variables without value and default. `documents` are the files that have been parsed, `constant` those of them
    in which no variable stands, `untagged` those without a `!reset`. `wrong` are files of variables whose mistakes
    are told already, however many name them. `spent` is what has been used of the limits of all files together.
    """

    files: Files
    secrets: bool = False
    problems: Problems = field(default_factory=Problems)
    unset: list[Problem] = field(default_factory=list)
    documents: dict[str, Fields | None] = field(default_factory=dict)
    constant: set[str] = field(default_factory=set)
    untagged: set[str] = field(default_factory=set)
    spent: Counter[int] = field(default_factory=Counter)
    opened: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)

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
        if path in self.wrong:
            return {}
        data = tree.read(self.files, path, MAX_BYTES)
        if isinstance(data, Refusal):
            self.problems.add(place, where, data.reason)
            return {}
        what = "characters in all env_files together; name fewer, or shorter ones"
        self.spend(MAX_VARIABLES, len(data), what, place, where)
        try:
            secret = self.stored(path) is not None
            if raw:
                found = dotenv.parse_raw(path, data, variables, hidden=secret)
            else:
                found = dict(dotenv.parse(path, data, variables, self.unset, hidden=secret))
        except ManifestError as error:
            self.problems.found.extend(error.problems)
            self.wrong.add(path)
            return {}
        filled_in = sum(_PER_VARIABLE + len(variable.value) for variable in found.values())
        self.spend(MAX_VARIABLES, filled_in, what, place, where)
        return found

    def merges(self, node: Node, place: Place, where: str) -> None:
        """Counts what is merged. TooMuch: it is more than is merged in any project that somebody wrote."""
        what = "values once everything is merged; extend, include or name fewer files"
        self.spend(MAX_MERGED, size(node), what, place, where)

    def includes(self, files: int, place: Place, where: str) -> None:
        """Counts included files. TooMuch as for `merges`."""
        self.spend(MAX_INCLUDES, files, "files are included; include fewer", place, where)

    def spend(self, limit: int, amount: int, what: str, place: Place, where: str) -> None:
        self.spent[limit] += amount
        if self.spent[limit] > limit:
            self.problems.add(place, where, f"more than {limit} {what}")
            raise TooMuch

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

    def stored(self, path: str) -> bytes | None:
        """The bytes of an encrypted file as the repository has them; None where it is in the clear."""
        found = tree.sealed(self.files, path)
        if found is not None:
            self.opened.add(path)
        return found

    def _parsed(self, path: str, place: Place, where: str) -> Fields | None:
        data = tree.read(self.files, path, MAX_BYTES)
        if isinstance(data, Refusal):
            self.problems.add(place, where, data.reason)
            return None
        try:
            root = hidden(parse(path, data), path, self.stored(path))
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
