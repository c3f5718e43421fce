"""The directory of certificates that somebody else keeps: read, tried, and of what is broken the last that was good.

A certificate is a file NAME.pem or NAME.crt, with its key in it or in NAME.key beside it. Nothing of what is in there
is ever shown: an error of one names the file.
"""

import base64
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gitopsd.adapters.haproxy.disk import write_privately
from gitopsd.model.canonical import digest
from gitopsd.model.certificate import Certificate, Certificates
from gitopsd.model.errors import RouterError
from gitopsd.model.route import RoutingTable

_SUFFIXES: Final = (".pem", ".crt")
_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_NO_DIRECTORY: Final = "name their directory: `router.certificates` in gitopsd.yaml"
_SEQUENCE, _VERSION, _UTC_TIME = 0x30, 0xA0, 0x17


@dataclass(frozen=True, slots=True)
class Read:
    """What the directory holds, and the texts of the good ones with their keys, by file."""

    certificates: Certificates = field(default_factory=Certificates)
    texts: Mapping[str, str] = field(default_factory=dict)


class CertificateDirectory:
    """`source` None: there is none. `trial` is a private file to try each in; `before` gives those in force."""

    def __init__(self, source: Path | None, trial: Path, before: Callable[[], Mapping[str, str]]) -> None:
        self.source = source
        self._trial, self._before = trial, before
        self._signature: object = None
        self._read = Read()

    def read(self) -> Read:
        """As it is now; looked into only when a file in it is another one than before."""
        if self.source is None:
            return self._read
        signature = _signature(self.source)
        if signature != self._signature:
            self._read, self._signature = self._looked_into(self.source), signature
        return self._read

    def needed(self, table: RoutingTable) -> Mapping[str, str]:
        """The texts with their keys, where clients speak TLS. RouterError: they do, and there is none."""
        first = next((route for route in table.routes if route.tls), None)
        if first is None:
            return {}
        texts = self.read().texts
        if not texts:
            mend = f"put one into {self.source}" if self.source else _NO_DIRECTORY
            raise RouterError(
                f"{first.name}: clients speak TLS at port {first.listen}, and there is no certificate; {mend}"
            )
        return texts

    def _looked_into(self, source: Path) -> Read:
        """Where there is none at all, those of before go on: to serve no TLS is what nobody can want by that."""
        before, texts, bad = dict(self._before()), dict[str, str](), dict[str, str]()
        try:
            paths = sorted(path for path in source.iterdir() if path.suffix in _SUFFIXES)
        except OSError as error:
            paths, bad[str(source)] = [], _reason(error)
        for path in paths:
            text, wrong = self._tried(path)
            if wrong:
                bad[path.name] = wrong
            if text := text or before.get(path.name, ""):
                texts[path.name] = text
        if not texts:
            bad.setdefault(str(source), "it holds no certificate")
            texts = before
        good = tuple(Certificate(name, expiry(text)) for name, text in texts.items())
        return Read(Certificates(digest(dict(texts)), good, bad), texts)

    def _tried(self, path: Path) -> tuple[str, str]:
        """Its text with the key, or what is wrong with it."""
        try:
            text = _with_key(path)
            if not _KEY.search(text):
                return "", f"it has no private key; append it, or put it into {path.stem}.key beside it"
            write_privately(self._trial, text)
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._trial, password=lambda: "")
            finally:
                self._trial.unlink()
            expiry(text)
        except (OSError, ValueError) as error:
            return "", _reason(error)
        return text, ""


def _with_key(path: Path) -> str:
    text, key = path.read_text(encoding="ascii"), path.with_suffix(".key")
    return text if _KEY.search(text) or not key.exists() else f"{text.rstrip()}\n{key.read_text(encoding='ascii')}"


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLError(reason="KEY_VALUES_MISMATCH"):
            return "its private key is that of another certificate"
        case ssl.SSLError():
            return "it is no certificate with a key that needs no password"
        case OSError():
            return f"it cannot be read: {(error.strerror or str(error)).lower()}"
        case _:
            return "it is no certificate in PEM"


def _signature(source: Path) -> object:
    """Another one whenever a file may be: links are followed, as others renew by turning them."""
    try:
        paths = sorted(source.iterdir())
    except OSError as error:
        return error.errno
    return [(path.name, *_stat(path)) for path in paths]


def _stat(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def expiry(text: str) -> datetime:
    """When the first certificate of a PEM text ends. ValueError: there is none that can be read."""
    found = _CERTIFICATE.search(text)
    if found is None:
        raise ValueError("no certificate")
    (_, whole), = _parts(base64.b64decode(found[1]))  # fmt: skip
    (_, signed), *_ = _parts(whole)
    fields = [part for part in _parts(signed) if part[0] != _VERSION]
    validity = fields[3]  # after serial number, algorithm and issuer
    (kind, written) = list(_parts(validity[1]))[1]
    form = "%y%m%d%H%M%SZ" if kind == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(written.decode(), form).replace(tzinfo=UTC)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The tags and contents of what DER has in a row."""
    while data:
        length, begin = data[1], 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(data[2:begin], "big")
        yield data[0], data[begin : begin + length]
        data = data[begin + length :]
