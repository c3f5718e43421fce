"""How a service is reached through the router, as its manifest says."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Traffic:
    listen: int
    target: int
    host_address: str = ""
    mode: Literal["http", "tcp"] = "http"
    hosts: tuple[str, ...] = ()
    path: str = "/"
    sticky: str = ""
