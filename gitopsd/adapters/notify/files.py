"""Reads secrets of receivers from their files, at every use, so that a renewed one counts at once."""

from pathlib import Path

from gitopsd.model.errors import NotTaken

MOST = 1 << 16


def secret(file: Path, key: str) -> str:
    """What it holds, without white space around it. NotTaken names the file and the setting, never the content."""
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is no text"
        raise NotTaken(f"{file} cannot be read, which {key} names: {said}") from None
    if not text:
        raise NotTaken(f"{file} is empty, which {key} names")
    return text
