"""What gitopsd.yaml says under `http`: where page and API answer, whose tokens they take, and webhooks' secrets."""

import re
from pathlib import Path

from gitopsd.adapters import settings_sections as sections
from gitopsd.adapters.settings_values import Section, SectionReader, web_url
from gitopsd.manifest.node import Scalar
from gitopsd.model.settings import HttpSettings, Listen

_LISTEN = re.compile(r"(\[(?P<six>[0-9a-f:]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})")


def http(reader: SectionReader, top: Section) -> HttpSettings:
    """What is wrong goes to the reader's problems."""
    section = reader.section(top.fields.get("http"), "http", sections.HTTP)
    hooks = reader.section(section.fields.get("webhooks"), "http.webhooks", sections.HOOKS)
    secrets = {kind: _webhook(reader, hooks, kind) for kind in hooks.fields}
    return HttpSettings(
        listen=_listen(reader, section),
        public_url=reader.value(section, "public_url", web_url, ""),
        tokens_file=reader.value(section, "tokens_file", reader.file, None),
        webhooks={kind: file for kind, file in secrets.items() if file is not None},
    )


def _webhook(reader: SectionReader, hooks: Section, kind: str) -> Path | None:
    section = reader.section(hooks.fields.get(kind), f"http.webhooks.{kind}", sections.WEBHOOK_SECRET)
    if "secret_file" not in section.fields:
        message = "has no secret_file; write the file with the secret that the forge signs its deliveries with"
        reader.problems.add(section.place, section.path, message)
    return reader.value(section, "secret_file", reader.file, None)


def _listen(reader: SectionReader, section: Section) -> Listen | None:
    """YAML takes a plain `off` for false."""
    node = section.fields.get("listen")
    if isinstance(node, Scalar) and node.value is False:
        return None
    return reader.value(section, "listen", listen_address, HttpSettings().listen)


def listen_address(text: str) -> Listen | None:
    """Where to listen, `HOST:PORT` with a name or an address of this machine; `off` for nowhere."""
    if text == "off":
        return None
    found = _LISTEN.fullmatch(text)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise ValueError(f"{text!a} is no address to listen at; write one such as 127.0.0.1:8080, or off")
    return Listen(found["six"] or found["host"], int(found["port"]))
