"""What each version of fingerprints makes of one manifest. A released version never makes anything else of it."""

from gitopsd.manifest.seal import VERSION
from tests.manifest.compose_builders import a_state, sealed

MANIFEST = """
x-logging: &logging {driver: json-file, options: {max-size: 10m}}
services:
  web:
    image: shop/web:1.4
    command: ["./serve", "--port", "8080"]
    environment: {LEVEL: info, WORKERS: 4, EMPTY: "", TOKEN: "${TOKEN}"}
    ports: ["80:8080", "127.0.0.1:9000-9001:9000-9001/udp"]
    healthcheck: {test: [CMD, ./check], interval: 5s, timeout: 1500ms, retries: 3, start_period: 1m}
    volumes: ["./nginx.conf:/etc/nginx.conf", "cache:/cache", "./data:/data:ro", {type: tmpfs, target: /tmp}]
    networks: {front: {aliases: [shop]}, back: {ipv4_address: 10.9.0.9}}
    deploy: {replicas: 3, resources: {limits: {cpus: "0.5", memory: 256M}}}
    logging: *logging
    secrets: [token]
    restart: unless-stopped
  db:
    image: postgres:16
    container_name: shop-db
    user: "999"
    hostname: db
    init: true
    read_only: true
    tmpfs: [/run]
    cap_add: [SYS_NICE, CHOWN]
    cap_drop: [ALL]
    stop_signal: SIGINT
    stop_grace_period: 90s
    labels: {team: data}
    volumes: ["db:/var/lib/postgresql"]
    networks: [back]
  migrate: {image: "shop/web:1.4", entrypoint: ["./migrate"], working_dir: /app, restart: "no", networks: [back]}
  plain: {image: busybox}
networks:
  front: {}
  back: {ipam: {config: [{subnet: 10.9.0.0/24}]}}
volumes: {cache: {}, db: {driver_opts: {type: none}}}
secrets: {token: {file: ./token}}
"""
FILES = {"nginx.conf": "server {}\n", "token": "s3cret\n"}

MADE = {
    "v1": {
        "web": "dd020fa7c3f7d747038764c7d8b95e8035c000dae697994eb95e11f104af2989",
        "db": "59170c0b0244489816ef0c2b5a52fb9c263c1b255248abd466bb4868efbcf225",
        "migrate": "70fe4dca65b89c0b53cdfa2ff7fde322161cb7d1b4e12078a4947d4a65fc2fa4",
        "plain": "6616600cb4410e7355320cdb95a7d4c37bc326b35c982d1878c3c942fb7d3657",
    },
    "v2": {  # what is secret stands apart
        "web": "2bf245ad454599897464c4accbf2de776c86610ddf38fd603282d9ea63c45b40"
        ".35c54ab1.a52c8e469443a862b991e3ab1ecf10ec",
        "db": "59170c0b0244489816ef0c2b5a52fb9c263c1b255248abd466bb4868efbcf225",
        "migrate": "70fe4dca65b89c0b53cdfa2ff7fde322161cb7d1b4e12078a4947d4a65fc2fa4",
        "plain": "6616600cb4410e7355320cdb95a7d4c37bc326b35c982d1878c3c942fb7d3657",
    },
}


def test_this_version_makes_what_it_made_when_it_was_released() -> None:
    """Where this fails: raise VERSION in gitopsd/manifest/seal.py, and add what that one makes below the others.

    The old rows stay: they say what containers out there bear. The upgrade replaces none of them, as what was released
    is sealed anew.
    """
    state = sealed(a_state(MANIFEST, FILES, variables={"TOKEN": "hidden"}))

    made = {name: each.fingerprint.removeprefix(f"{VERSION}:") for name, each in state.services.items()}

    assert made == MADE[VERSION]
