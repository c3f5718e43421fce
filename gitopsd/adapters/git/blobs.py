"""Trees and blobs of a mirror: one `ls-tree` a commit, one `cat-file --batch` for small files that lie together.

A process costs milliseconds and a small blob microseconds, so reading one file reads its neighbours too.
"""

import posixpath
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence

from gitopsd.adapters.git.mirror import Mirror
from gitopsd.adapters.git.process import GitFailed
from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.files import SUBMODULE, Entry

SMALL = 64 * 1024
AT_ONCE = 4 * 1024 * 1024
CACHED = 3 * AT_ONCE
CACHED_TREES = 4


class Tree:
    """The files of a commit, and which of them are read together."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries
        self._small = {
            entry.blob: path for path, entry in entries.items() if entry.size <= SMALL and entry.mode != SUBMODULE
        }
        self._weights: Counter[str] | None = None

    def neighbours(self, blob: str) -> list[str]:
        """The small blobs of the largest directory around one that is not too much to read at once; itself first."""
        path = self._small.get(blob)
        if path is None:
            return [blob]
        top = self._top(path)
        return [blob, *(other for other, place in self._small.items() if place.startswith(top) and other != blob)]

    def _top(self, path: str) -> str:
        if self._weights is None:
            self._weights = self._weighed()
        prefixes = ["", *(prefix + "/" for prefix in reversed(_ancestors(path)))]
        return next((prefix for prefix in prefixes if self._weights[prefix] <= AT_ONCE), path)

    def _weighed(self) -> Counter[str]:
        """Bytes of small blobs below each directory; below the root only, where all of them are little enough."""
        total = sum(self.entries[path].size for path in self._small.values())
        weights = Counter({"": total})
        if total > AT_ONCE:
            for path in self._small.values():
                for ancestor in _ancestors(path):
                    weights[ancestor + "/"] += self.entries[path].size
        return weights


class Blobs:
    """Reads a mirror's trees and blobs, with bounded memory for both. Safe to use from several threads."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._guard = threading.Lock()
        self._trees: OrderedDict[str, Tree] = OrderedDict()
        self._blobs: OrderedDict[str, bytes] = OrderedDict()
        self._cached = 0

    def tree(self, commit: str) -> Tree:
        with self._guard:
            if known := self._trees.get(commit):
                self._trees.move_to_end(commit)
                return known
        listing = self._mirror.git("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
        tree = Tree(dict(_entries(listing)))
        with self._guard:
            self._trees[commit] = tree
            while len(self._trees) > CACHED_TREES:
                self._trees.popitem(last=False)
        return tree

    def read(self, tree: Tree, blob: str) -> bytes:
        """SourceUnavailable: the mirror does not hold the blob unharmed; it is checked and mended at the next poll."""
        with self._guard:
            if blob in self._blobs:
                self._blobs.move_to_end(blob)
                return self._blobs[blob]
            wanted = [other for other in tree.neighbours(blob) if other not in self._blobs]
        found = self._batch(wanted)
        with self._guard:
            for other, data in found.items():
                self._remember(other, data)
        return found[blob]

    def _batch(self, blobs: Sequence[str]) -> dict[str, bytes]:
        try:
            output = self._mirror.git("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode())
            return dict(_contents(output, blobs))
        except GitFailed:
            self._mirror.suspect()
            raise
        except (ValueError, IndexError) as error:
            self._mirror.suspect()
            raise SourceUnavailable(
                f"{self._mirror.directory} lacks a file's content; it is made anew at the next poll"
            ) from error

    def _remember(self, blob: str, data: bytes) -> None:
        if blob in self._blobs or len(data) > SMALL:
            return
        self._blobs[blob] = data
        self._cached += len(data)
        while self._cached > CACHED:
            self._cached -= len(self._blobs.popitem(last=False)[1])


def _ancestors(path: str) -> list[str]:
    """The directories above a path, the nearest first, without the root."""
    found = []
    while path := posixpath.dirname(path):
        found.append(path)
    return found


def _entries(listing: bytes) -> Iterator[tuple[str, Entry]]:
    for line in listing.split(b"\0"):
        if line:
            facts, path = line.split(b"\t", 1)
            mode, _, blob, size = facts.decode().split()
            yield path.decode(errors="surrogateescape"), Entry(int(mode, 8), blob, 0 if size == "-" else int(size))


def _contents(output: bytes, blobs: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Answers come in the order asked. ValueError, IndexError: one of them is missing."""
    position = 0
    for blob in blobs:
        end = output.index(b"\n", position)
        size = int(output[position:end].split()[2])
        position = end + 1 + size + 1
        yield blob, output[end + 1 : position - 1]
