"""`store` of gitopsd.yaml: the database that several daemons share, in the place of the file in the state directory."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from gitopsd.adapters import settings_sections as sections
from gitopsd.adapters.settings_values import Section, SectionReader, plain_text, time_span
from gitopsd.model.settings import StoreSettings

SHORTEST_LEASE = timedelta(seconds=2)


def store(reader: SectionReader, top: Section) -> StoreSettings | None:
    if "store" not in top.fields:
        return None
    section = reader.section(top.fields["store"], "store", sections.STORE)
    if "url" not in section.fields:
        message = "has no url; write one such as postgresql://gitopsd@db.example.com/gitopsd, or remove `store`"
        reader.problems.add(section.place, section.path, message)
    return StoreSettings(
        url=reader.value(section, "url", database_url, ""),
        password_file=reader.value(section, "password_file", reader.file, None),
        lease=reader.value(section, "lease", lease_length, timedelta(seconds=15)),
    )


def database_url(text: str) -> str:
    """A URL of libpq's, without a password, which would show."""
    parts = urlsplit(plain_text(text))
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError(f"{text!a} is no database; write one such as postgresql://gitopsd@db.example.com/gitopsd")
    if ":" in parts.netloc.rpartition("@")[0] or "password" in parse_qs(parts.query):
        raise ValueError("a password in the URL would show in logs; write it into a file, and that as password_file")
    return text


def lease_length(text: str) -> timedelta:
    found = time_span(text)
    if found < SHORTEST_LEASE:
        raise ValueError(f"{text!r} is too short to be renewed in time; write 2s or more, such as 15s")
    return found
