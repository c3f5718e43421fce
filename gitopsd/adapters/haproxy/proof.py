"""By what gitopsd and routers on other nodes know each other: one key and one certificate, the same at both ends."""

import hashlib
import hmac
import ssl
import tempfile
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import BasicConstraints, CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID

_NAME: Final = "gitopsd-router"
_FROM, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


def proof(key: bytes) -> str:
    """Private key and certificate in PEM, always the same for one `key`: whoever takes over needs to ask nobody.

    Ed25519 signs without chance, and the certificate never ends: it proves possession, and is replaced with the key.
    """
    private = Ed25519PrivateKey.from_private_bytes(derived(key, "proof"))
    name = Name([NameAttribute(NameOID.COMMON_NAME, _NAME)])
    made = CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    made = made.serial_number(1).not_valid_before(_FROM).not_valid_after(_UNTIL)
    signed = made.add_extension(BasicConstraints(ca=True, path_length=None), critical=True).sign(private, None)
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (text + signed.public_bytes(Encoding.PEM)).decode()


def derived(key: bytes, purpose: str) -> bytes:
    """32 secret bytes for one purpose, that say nothing of the key."""
    return hmac.digest(key, f"{_NAME} {purpose}".encode(), hashlib.sha256)


def trusting(pem: str) -> ssl.SSLContext:
    """For a client that shows this certificate, and trusts no other one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version, context.check_hostname = ssl.TLSVersion.TLSv1_3, False
    context.load_verify_locations(cadata=pem[pem.index("-----BEGIN CERTIFICATE-----") :])
    with tempfile.NamedTemporaryFile("w", prefix="gitopsd-") as file:  # OpenSSL reads keys from files
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context
