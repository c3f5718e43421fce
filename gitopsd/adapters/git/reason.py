"""What Git said, made fit for people: one line, bounded, no secret, no control character, and what to do about it."""

import re
from collections.abc import Iterable

_LONGEST = 400
_NOISE = re.compile(
    r"^$|hint:|Please make sure you have the correct access rights|and the repository exists\.|warning: redirecting"
    r"|Could not read from remote repository|error: failed to push some refs"
    # The banner of ssh about a changed host key, but for its headline.
    r"|@{10,}|IT IS POSSIBLE THAT SOMEONE|Someone could be eavesdropping|It is also possible that a host key"
    r"|^The fingerprint for the|^SHA256:|^Please contact your system|^Add correct host key|^Offending |^  remove with:"
    r"|^Host key for .* has changed and you have requested"
)
_PREFIX = re.compile(r"^(?:(?:fatal|error|remote|warning|ERR|@|WARNING):? +)+|\s*@$")

_MENDS = (
    (r"Authentication failed|could not read (Username|Password)|error: 40[13]", "check credentials"),
    (r"Permission denied \(", "check credentials.ssh_key_file"),
    (r"Host key verification failed|HOST IDENTIFICATION HAS CHANGED", "check the host's key in known_hosts_file"),
    (r"error: 30[1278]", "the repository has moved: set its new address as url"),
    (r"error: 429", "the server asks for fewer requests: set a longer interval"),
    (r"Could not resolve host", "check the host in url, and the name server"),
    (r"certificate", "check the server's certificate; GIT_SSL_CAINFO names an authority of your own"),
    (r"denyCurrentBranch", "push to a bare repository, or to another branch"),
    (r"not found|does not exist|does not appear to be a git repository|invalid gitfile", "check url"),
    (r"No space left on device|unable to write", "make room in the state directory"),
    (r"fetch first|non-fast-forward|cannot lock ref", "the branch has moved meanwhile: do it again"),
)


def in_one_line(said: str, secrets: Iterable[str] = ()) -> str:
    """The lines that matter, joined; "" when there are none."""
    lines = [_PREFIX.sub("", line.strip()) for line in re.split(r"[\r\n]+", said) if not _NOISE.search(line.strip())]
    text = _escaped("; ".join(dict.fromkeys(line for line in lines if line)))
    text = re.sub(r"(://[^/@:\s]*):[^/@\s]*@", r"\1:***@", text)
    for secret in secrets:
        text = text.replace(_escaped(secret), "***") if secret else text
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def mend(said: str) -> str:
    """What a person can do, as ` (do this)`, or "" when that is not known."""
    found = next((advice for pattern, advice in _MENDS if re.search(pattern, said)), "")
    return f" ({found})" if found else ""


def _escaped(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
