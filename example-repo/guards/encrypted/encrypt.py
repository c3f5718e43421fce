"""Encrypts the files of this example with the age key in a file, which it makes where there is none yet.

It needs what gitopsd brings along (pyrage) and the program `sops`. By hand it is, with age's own programs:
age-keygen -o KEY; age -e -i KEY -o db_password.age db_password; sops encrypt -i --age "$(age-keygen -y KEY)" web.env
"""

import os
import subprocess
import sys
from pathlib import Path

from pyrage import encrypt, x25519

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent


def main(path: Path) -> None:
    if path.resolve().is_relative_to(REPOSITORY):
        sys.exit(f"{path} is in the repository, where everybody has it; name a file outside of it")
    recipient = key_of(path).to_public()
    password = HERE / "db_password"
    if not password.read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----"):
        password.write_bytes(encrypt(password.read_bytes(), [recipient], armored=True))
    if "sops_mac=" not in (HERE / "web.env").read_text():
        command = ["sops", "encrypt", "--in-place", "--input-type", "dotenv", "--output-type", "dotenv"]
        subprocess.run([*command, "--age", str(recipient), "web.env"], cwd=HERE, check=True)
    print(f"encrypted for {recipient}; in gitopsd.yaml: secrets: {{age_key_file: {path.resolve()}}}")


def key_of(path: Path) -> x25519.Identity:
    if not path.exists():
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"{x25519.Identity.generate()}\n")
    keys = [line for line in path.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-")]
    return x25519.Identity.from_str(keys[0])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python guards/encrypted/encrypt.py KEY")
    main(Path(sys.argv[1]).expanduser())
