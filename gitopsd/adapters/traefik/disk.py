"""The file in Traefik's directory, and the word by which gitopsd alone reaches one instance."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gitopsd.model.errors import RouterUnavailable

FILE: Final = "gitopsd.yml"
_SECRET: Final = ".gitopsd-secret"


class Disk:
    """The directory is people's own, and Traefik watches it; nothing in it but these two files is touched."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._secret = directory, ""

    def secret(self) -> str:
        """Made once, so that a new gitopsd finds the instances where the one before had them."""
        if not self._secret:
            path = self._directory / _SECRET
            try:
                if not path.exists():
                    _write(path, secrets.token_hex(16), 0o600)
                self._secret = path.read_text()
            except OSError as error:
                raise self._trouble(error) from error
        return self._secret

    def read(self) -> Mapping[str, Any]:
        """The document that Traefik has been given; an empty one where there is none, or somebody broke it."""
        try:
            found = json.loads((self._directory / FILE).read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, document: Mapping[str, Any]) -> None:
        """JSON is YAML. It is whole at any moment, and on the disk when this returns."""
        path, text = self._directory / FILE, json.dumps(document, indent=1, sort_keys=True) + "\n"
        try:
            if not path.exists() or path.read_text() != text:
                _write(path, text, 0o644)
        except OSError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: OSError) -> RouterUnavailable:
        words = (error.strerror or str(error)).lower()
        return RouterUnavailable(f"{self._directory}, which `router.directory` names, cannot be written: {words}")


def _write(path: Path, text: str, mode: int) -> None:
    """Traefik reads what ends with .yml, .yaml or .toml there, so nothing that is half written does."""
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
