"""Every key of gitopsd.yaml, and of the file that names a fleet's servers: what it takes, and a sentence for editors.

The readers of these files know the keys of these tables and no others.
"""

from collections.abc import Mapping
from typing import Final, get_args

from gitopsd.adapters.settings_policy import HOST_POLICY
from gitopsd.manifest.compose import EXTENSION
from gitopsd.manifest.guards import GUARDS
from gitopsd.manifest.keys.json_schema import STRING, Schema, by_name, either, listed, mapping_of
from gitopsd.manifest.keys.shapes import Read
from gitopsd.manifest.manifest_schema import described
from gitopsd.model.mode import Mode
from gitopsd.model.notice import KINDS, SEVERITIES
from gitopsd.model.receiver import Forge, Security
from gitopsd.model.settings import LogFormat

Keys = Mapping[str, Schema]


def section(keys: Keys, words: str = "", *needed: str) -> Schema:
    """A mapping with these keys and no others; one whose content is commented out says nothing."""
    told = {"description": words} if words else {}
    required = {"required": [*needed]} if needed else {}
    return {"type": ["object", "null"], "properties": dict(keys), "additionalProperties": False, **required, **told}


def _text(words: str) -> Schema:
    return {**STRING, "description": words}


def _count(words: str, least: int = 1) -> Schema:
    return {"type": ["integer", "string"], "minimum": least, "pattern": "^[0-9]+$", "description": words}


def _one_of(known: tuple[str, ...], words: str) -> Schema:
    return {"enum": [*known], "description": words}


def _several(item: Schema, words: str) -> Schema:
    """A list, or one alone."""
    return {**either(item, {**listed(item), "minItems": 1}), "description": words}


def _span(words: str) -> Schema:
    return {"$ref": "#/$defs/duration", "description": words}


def _named(value: Schema, words: str) -> Schema:
    return {**by_name(value), "type": ["object", "null"], "description": words}


def _policy(table: Mapping[str, Read], words: str) -> Schema:
    """Guards, in the words that manifests have for them."""
    found = described(mapping_of(table), EXTENSION)
    own = {key: {**found["properties"][key], "description": told} for key, told in _OWN_POLICY.items() if key in table}
    return {**found, "properties": {**found["properties"], **own}, "type": ["object", "null"], "description": words}


_OWN_POLICY: Final = {
    "enforce": "warn tells of what no container may have, deny holds the release",
    "deny": "what no container may have",
    "allow_paths": "for host-path: directories of the host that may be mounted",
    "registries": "for registry: those that images may come from",
    "concurrent_rollouts": "at most so many at once on an engine",
    "servers_file": "the file of `fleet status`, whose groups a requires may name",
}


VERIFY: Final[Keys] = {
    "mode": {"enum": ["off", False, "head", "strict"], "description": "which commits have to be signed"},
    "allowed_signers_file": _text("SSH keys, as `man ssh-keygen` has it under ALLOWED SIGNERS"),
    "revoked_keys_file": _text("SSH keys that count no longer"),
    "gpg_keys_file": _text("OpenPGP public keys"),
}
PASSWORD: Final[Keys] = {"username": _text("who logs in"), "password_file": _text("the file that holds the password")}
CREDENTIALS: Final[Keys] = {
    **PASSWORD,
    "ssh_key_file": _text("the private key, for ssh"),
    "known_hosts_file": _text("the server's public keys, for ssh"),
}
COMMIT_STATUS: Final[Keys] = {
    "forge": _one_of(get_args(Forge), "whose API it is; Forgejo is gitea"),
    "api": _text("where the API is; what forge and url say where nothing is said"),
    "project": _text("the project there; what url says where nothing is said"),
    "token_file": _text("the file with a token that may set states of commits"),
}
REPOSITORY: Final[Keys] = {
    "url": _text("https://, ssh://, file:// or a path"),
    "branch": _text("main where nothing is said"),
    "interval": _span("from one look to the next; 30s where nothing is said"),
    "timeout": _span("of one Git command; 60s where nothing is said"),
    "credentials": section(CREDENTIALS, "what the Git server is asked with"),
    "verify": section(VERIFY, "whose signatures a commit needs"),
    "commit_status": section(COMMIT_STATUS, "the forge shows what became of each commit", "token_file"),
}
TARGET: Final[Keys] = {
    "docker": _text("unix:///PATH, ssh://USER@HOST or tcp://HOST:PORT"),
    "tls": _text("with tcp: the directory of ca.pem, cert.pem and key.pem"),
    "swarm": {"type": ["boolean", "string"], "description": "true: the engine is a manager of a swarm; or its address"},
}
SECRET: Final[Keys] = {"file": _text("the file that holds it")}
ENVIRONMENT: Final[Keys] = {
    "repository": _text("which one, where there are several"),
    "path": _text("its directory in the repository; where `discover` finds it where nothing is said"),
    "project": _text("the Compose project's name"),
    "target": section(TARGET, "the engine"),
    "vars_file": _text("variables that are not in Git; whatever they flow into is kept secret"),
    "host_dir": _text("where relative binds lie that the repository does not hold"),
    "mode": _one_of(get_args(Mode), "what gitopsd does with this one"),
    "policy": _policy(GUARDS, "guards for this one, on top of `policy`"),
    "secrets": _named(section(SECRET, "", "file"), "where `external: true` of a Compose file finds its value"),
    "secrets_dir": _text("or in a file of the secret's name in this directory"),
}
IMAGES: Final[Keys] = {
    "keep_releases": _count("images of so many last good releases of each environment stay"),
    "min_free": {
        "type": ["string", "integer"],
        "description": "a release that pulls waits while less of the disk is free: 10%, or a size such as 5gb",
    },
}
LEDGER: Final[Keys] = {
    "keep_releases": _count("of each environment"),
    "keep_events": _count("of all", 1000),
    "keep_for": _span("nothing from longer ago"),
}
STORM: Final[Keys] = {"restarts": _count("so many"), "within": _span("in so long a time")}
ROOT_GUARDS: Final[Keys] = {"restart_storm": section(STORM, "so many restarts on an engine hold everything new there")}
MANAGED: Final[Keys] = {
    "image": _text("of HAProxy"),
    "network": _one_of(("host", "bridge"), "the host's own, or published ports"),
    "certificates": _text("the directory of NAME.pem, or NAME.crt with NAME.key"),
}
TRAEFIK: Final[Keys] = {
    "directory": _text("the one that Traefik watches"),
    "api": _text("the address of its API"),
    "metrics": _text("the address of its metrics"),
    "entry_points": _named(
        {"type": ["integer", "string"], "minimum": 1, "maximum": 65535},
        "entry points whose ports are not the ones that clients know",
    ),
}
ROUTER: Final[Keys] = {
    "mode": _one_of(("managed", "traefik", "none"), "a HAProxy that gitopsd keeps, a Traefik of your own, or none"),
    **MANAGED,
    **TRAEFIK,
}
PROMETHEUS: Final[Keys] = {"url": _text("its address"), "token_file": _text("the file with what it is asked with")}
METRICS: Final[Keys] = {"prometheus": section(PROMETHEUS, "who answers `source: prometheus`", "url")}
WEBHOOK_SECRET: Final[Keys] = {"secret_file": _text("the file with what the forge signs its deliveries with")}
HOOKS: Final[Keys] = dict.fromkeys(
    ("github", "gitlab", "gitea", "generic"),
    section(WEBHOOK_SECRET, "deliveries of this forge", "secret_file"),
)
HTTP: Final[Keys] = {
    "listen": {"type": ["string", "boolean"], "description": "HOST:PORT, or off; 127.0.0.1:8080 where nothing is said"},
    "public_url": _text("the address that people use, behind a proxy"),
    "tokens_file": _text("`tokens` in the state directory where nothing is said"),
    "webhooks": section(HOOKS, "forges that tell of a push"),
}
KEYS: Final[Keys] = {
    "age_key_file": _text("age keys, one a line as age-keygen writes it"),
    "sops": _text("the program sops, by its path where it is not on PATH"),
}
WEBHOOK: Final[Keys] = {
    "url": _text("where the JSON is sent"),
    "url_file": _text("or the file that holds the address"),
    "secret_file": _text("the file with what signs all that is sent"),
}
MAIL: Final[Keys] = {
    "server": _text("the one that takes mail, such as smtp.example.com:587"),
    "security": _one_of(get_args(Security), "starttls where nothing is said"),
    **PASSWORD,
    "from": _text("an address such as gitopsd@example.com"),
    "to": _several(STRING, "addresses such as [ada@example.com]"),
}
WAYS: Final[Keys] = {
    "url_file": _text("the file with an address that Apprise knows"),
    "webhook": section(WEBHOOK, "JSON, signed as standardwebhooks.com has it", "secret_file"),
    "mail": section(MAIL, "mail", "server", "from", "to"),
}
RECEIVER: Final[Keys] = {
    **WAYS,
    "name": _text("what it is called in events and metrics"),
    "on": _several({"enum": [*KINDS]}, "the transitions that are told"),
    "severity": _one_of(SEVERITIES, "nothing less is told"),
    "environments": _several(STRING, 'patterns such as ["prod*"]'),
}
LOG: Final[Keys] = {"format": _one_of(get_args(LogFormat), "text, or json: a document a line")}
STORE: Final[Keys] = {
    "url": _text("postgresql://USER@HOST/DATABASE, without a password"),
    "password_file": _text("the file that holds the password"),
    "lease": _span("one that was not heard of for so long is followed by another; 15s where nothing is said"),
}


TOP: Final[Keys] = {
    "repository": section(REPOSITORY, "where the environments come from", "url"),
    "repositories": _named(section(REPOSITORY, "", "url"), "several, in the place of `repository`"),
    "host": _text("what $HOST stands for; the host name where nothing is said"),
    "discover": {**listed(STRING), "description": "directories that are environments, if they hold a Compose file"},
    "mode": _one_of(get_args(Mode), "auto; manual: waits for `gitopsd sync`; observe: writes nothing to the engine"),
    "environments": _named(section(ENVIRONMENT), "what is particular to one environment"),
    "target": section(TARGET, "the engine; DOCKER_HOST where nothing is said, else the usual socket"),
    "registries": _named(section(PASSWORD, "", *PASSWORD), "logins; Docker's own where nothing is said"),
    "state_dir": _text("journal, ledger and Git mirrors; /var/lib/gitopsd where nothing is said"),
    "resync": _span("a look at everything, whether the engine told of changes or not; 60s where nothing is said"),
    "images": section(IMAGES, "images on the engine"),
    "ledger": section(LEDGER, "how much of the past is told"),
    "probe_image": _text("asks instances that gitopsd cannot reach itself; needs sh and nc"),
    "guards": section(ROOT_GUARDS, "what holds everything new on an engine"),
    "router": section(ROUTER, "what serves services with `traffic`"),
    "metrics": section(METRICS, "who is asked for numbers"),
    "http": section(HTTP, "pages, API and webhooks"),
    "policy": _policy({**GUARDS, **HOST_POLICY}, "what the operator asks of every commit"),
    "secrets": section(KEYS, "what opens encrypted files of repositories"),
    "notify": {"type": ["array", "null"], "items": section(RECEIVER), "description": "who is told of transitions"},
    "log": section(LOG, "the log on standard error"),
    "store": section(STORE, "a PostgreSQL database in the place of a file in the state directory", "url"),
}


MEMBER: Final[Keys] = {
    "url": _text("its address, such as https://web1.example.com"),
    "token_file": _text("the file with the token that it is asked with"),
}
SERVERS: Final[Keys] = {
    "servers": _named(section(MEMBER, "", "url"), "the gitopsd of each machine"),
    "token_file": _text("the file with the token for those that have none of their own"),
    "groups": _named({**listed(STRING), "minItems": 1}, "servers that go first together"),
}
