"""What a server said in the headers of its answer, which Git passes over: that it wants to be left alone for a while.

Git writes them down among its errors when it is told to, without what they hold of secrets.
"""

import re
from email.message import Message

TRACED = {"GIT_TRACE_CURL": "2", "GIT_TRACE_CURL_NO_DATA": "1"}  # to standard error
_TRACE = re.compile(r"^\d\d:\d\d:\d\d\.\d+ \S+ +(?:==|=>|<=) (?P<said>.*)$")
_HEADER = "Recv header: "


def told_apart(errors: str) -> tuple[str, Message]:
    """What Git itself said, and the headers of the last answer that it got."""
    words, headers = [], Message()
    for line in errors.splitlines(keepends=True):
        traced = _TRACE.match(line.rstrip("\r\n"))
        if traced is None:
            words.append(line)
        elif traced["said"].startswith(_HEADER):
            name, _, value = traced["said"].removeprefix(_HEADER).partition(": ")
            if name.startswith("HTTP/"):
                headers = Message()
            elif name and value:
                headers[name] = value.strip()
    return "".join(words), headers
