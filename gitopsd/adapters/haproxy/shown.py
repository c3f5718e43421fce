"""The certificates that the routers of a swarm show: a secret for each, and a renewed one told to those that run.

Another secret would mean other routers, and each node's ports closed for a moment; so what Swarm was told may hold an
older one, and a router that begins from that is told the rest as soon as it is seen.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gitopsd.adapters.haproxy.certificates import CertificateDirectory
from gitopsd.adapters.haproxy.desks import Desk, Desks
from gitopsd.adapters.haproxy.disk import Disk
from gitopsd.adapters.haproxy.names import copied
from gitopsd.engine_json.swarm_router import MOST_AT_RUN_TIME
from gitopsd.model.canonical import digest
from gitopsd.model.certificate import Certificates
from gitopsd.model.errors import RouterError
from gitopsd.model.route import RoutingTable

_TRIAL: Final = "certificate.new"
_BEGUN: Final = "Transaction "
_DONE: Final = "Success!"


class ShownCertificates:
    """`source` is their directory, None where there is none; `root` one of gitopsd's own, where the good ones stay."""

    def __init__(self, source: Path | None, root: Path, desks: Desks) -> None:
        self._disk, self._desks = Disk(root), desks
        self._directory = CertificateDirectory(source, root / _TRIAL, self._disk.certificates)
        self._told: dict[tuple[str, str], str] = {}  # by task and file; nobody can ask a router for all of one

    def read(self) -> Certificates:
        return self._directory.read().certificates

    def needed(self, table: RoutingTable) -> Mapping[str, str]:
        """The texts with their keys, where clients speak TLS; kept from here on. RouterError: there is none."""
        texts = self._directory.needed(table)
        files = {copied(name): text for name, text in texts.items()}
        if files and not self._disk.holds(files):
            self._disk.turn_to(self._disk.write(files))
        return texts

    def tell(self, texts: Mapping[str, str]) -> None:
        """Every router shows these, each for what was there before; which ones there are is in its files."""
        desks = self._desks.all() if texts else ()
        there = {each.task for each in desks}
        self._told = {key: known for key, known in self._told.items() if key[0] in there}
        for name, text in texts.items():
            if len(text) >= MOST_AT_RUN_TIME:
                continue  # it came as a secret, to routers that were made for that
            edition = digest(text)
            for desk in desks:
                if self._told.get((desk.task, name)) != edition:
                    self._replace(desk, name, text)
                    self._told[desk.task, name] = edition

    def _replace(self, desk: Desk, name: str, text: str) -> None:
        file, lines = copied(name), "\n".join(line for line in text.splitlines() if line.strip())
        said = self._desks.ask(desk, f"set ssl cert {file} <<\n{lines}\n")
        if _BEGUN in said:
            said = self._desks.ask(desk, f"commit ssl cert {file}")
        if _DONE not in said:
            self._desks.ask(desk, f"abort ssl cert {file}")
            raise RouterError(f"the router of node {desk.node} does not take the certificate {name}: {_first(said)}")


def _first(said: str) -> str:
    return next((line for line in said.splitlines() if line.strip()), "it says nothing")
