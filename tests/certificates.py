"""Certificates as others make them: by openssl, each for one host, in a file with its key."""

import socket
import ssl
import subprocess
from pathlib import Path


def certificate(directory: Path, host: str, days: int = 90) -> tuple[str, str]:
    """A new one, signed by itself, and its key."""
    where, key = directory / "new-certificate", directory / "new-key"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-days", str(days)]
    subprocess.run([*made, *named, "-keyout", key, "-out", where], check=True, capture_output=True)
    texts = where.read_text(), key.read_text()
    where.unlink()
    key.unlink()
    return texts


def put_certificate(directory: Path, host: str, days: int = 90) -> bytes:
    """A new one as HOST.pem, put in place in one step as tools for that do; its DER is what clients are shown."""
    own, key = certificate(directory, host, days)
    new = directory / f"{host}.new"
    new.write_text(own + key)
    new.replace(directory / f"{host}.pem")
    return ssl.PEM_cert_to_DER_cert(own)


def trusting(*protocols: str) -> ssl.SSLContext:
    """A client that takes whatever it is shown, and speaks the first of these protocols that the other side can."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.set_alpn_protocols(protocols)
    return made


def connected(port: int, host: str, protocol: str = "http/1.1", at: str = "127.0.0.1") -> ssl.SSLSocket:
    wire = socket.create_connection((at, port), 45)
    return trusting(protocol).wrap_socket(wire, server_hostname=host)


def shown_certificate(port: int, host: str, at: str = "127.0.0.1") -> bytes:
    """The one that who asks for a host is shown."""
    with connected(port, host, at=at) as wire:
        return wire.getpeercert(binary_form=True) or b""
