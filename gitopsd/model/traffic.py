"""How people reach a service through the router: at which port of the host, and what of it is theirs there."""

from dataclasses import dataclass
from typing import Literal

from gitopsd.model.strategy import HeaderRoute

Mode = Literal["http", "tcp"]


@dataclass(frozen=True, slots=True)
class Traffic:
    """The router listens at `listen` of the host and passes on to `target` of the service's instances.

    `host_address` "" is every address of the host. In mode `http` the service has `hosts` (none: all of them, also
    `*.example.com`) and what lies at or below `path`. `sticky` is the cookie by which a user stays on one side while
    the share of the new instances grows, "" for none. What `on_purpose` names gets there whatever the share. With
    `proxy_protocol` instances are told the client's address before the first byte. With `tls` clients speak TLS, which
    ends in the router; who comes without to port `redirect_from` is sent there, 0 for nobody. What is `inner` has the
    port at one address within the host alone, for a proxy that people have there. `hidden`: some of it is of secret
    origin.
    """

    listen: int
    target: int
    host_address: str = ""
    mode: Mode = "http"
    hosts: tuple[str, ...] = ()
    path: str = "/"
    sticky: str = ""
    on_purpose: HeaderRoute | None = None
    proxy_protocol: bool = False
    tls: bool = False
    redirect_from: int = 0
    inner: bool = False
    hidden: bool = False

    def __str__(self) -> str:
        """As people read it: `http shop.example.com/ at port 80, to 8080`."""
        address = f"{self.host_address}:" if self.host_address else ""
        ways = " ".join(f"{host}{self.path}" for host in self.hosts) or (self.path if self.path != "/" else "")
        of = f" {ways}" if ways else ""
        mode = "https" if self.tls else self.mode
        port = "inner port" if self.inner else "port"
        return f"{mode}{of} at {port} {address}{self.listen}, to {self.target}"
