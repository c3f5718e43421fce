"""`secrets` of gitopsd.yaml: what opens encrypted files of repositories."""

from gitopsd.adapters import settings_sections as sections
from gitopsd.adapters.settings_values import Section, SectionReader
from gitopsd.model.settings import KeySettings


def keys(reader: SectionReader, top: Section) -> KeySettings:
    """A file of age keys, and the program `sops`."""
    section = reader.section(top.fields.get("secrets"), "secrets", sections.KEYS)

    def program(text: str) -> str:
        """A name to be looked for on PATH, or a path."""
        if not text.strip() or "\0" in text or text.startswith("-"):
            raise ValueError("expected the name or the path of a program, such as sops")
        return text if "/" not in text else str(reader.file(text))

    return KeySettings(
        reader.value(section, "age_key_file", reader.file, None), reader.value(section, "sops", program, "sops")
    )
