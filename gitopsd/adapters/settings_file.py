"""Reads gitopsd.yaml and the command line's flags into Settings; all that is wrong is told at once, with places.

What is not known is refused by name, so that nobody believes a guard to be in force that is not.
"""

import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from gitopsd.adapters import settings_sections as sections
from gitopsd.adapters.git.address import address
from gitopsd.adapters.settings_http import http
from gitopsd.adapters.settings_keys import keys
from gitopsd.adapters.settings_notify import commit_status, log, receivers
from gitopsd.adapters.settings_policy import operator_guards, operator_policy
from gitopsd.adapters.settings_store import store
from gitopsd.adapters.settings_target import target
from gitopsd.adapters.settings_values import (
    Section,
    SectionReader,
    branch_name,
    directory_within,
    event_count,
    free_space,
    is_path,
    plain_text,
    port_number,
    project_name,
    registry_host,
    release_count,
    restart_count,
    router_mode,
    router_network,
    suggestion,
    time_span,
    valid_mode,
    valid_name,
    valid_secret_name,
    verify_mode,
    web_url,
)
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.manifest.yaml import parse
from gitopsd.model.errors import ManifestError, Place, SettingsError, SourceError
from gitopsd.model.mode import Mode
from gitopsd.model.settings import (
    DEFAULT_DISCOVER,
    DEFAULT_STATE_DIR,
    Credentials,
    EnvironmentSettings,
    ImageKeeping,
    LedgerKeeping,
    PrometheusSettings,
    Registry,
    Repository,
    RestartStorm,
    RouterSettings,
    SecretPlaces,
    Settings,
    TargetEngine,
    Verify,
)

ONLY_REPOSITORY = "default"  # the name of the one under `repository`


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says; None: not said. `repository` is a URL or path, `engine` a Docker URL.

    `docker_host` is the engine where neither flag nor file names one.
    """

    repository: str | None = None
    branch: str | None = None
    state_dir: Path | None = None
    mode: Mode | None = None
    host: str | None = None
    engine: str | None = None
    listen: str | None = None
    docker_host: str | None = None


def load(path: Path | None, flags: Flags = Flags()) -> Settings:
    """The settings of a file (None: only defaults) with the flags over them. SettingsError names every place.

    Relative paths mean the file's directory in the file, the working directory in flags. No file that a setting names
    is opened, and no program is started.
    """
    reader = _Reader(path.absolute().parent if path else Path.cwd())
    top = reader.section(_with_flags(_document(path), flags), "", sections.TOP)
    settings = reader.settings(top, path)
    if reader.problems.found:
        raise SettingsError(reader.problems.found)
    return settings


def _document(path: Path | None) -> Node:
    if path is None:
        return Fields({}, {}, Place("gitopsd.yaml"))
    try:
        return parse(str(path), path.read_bytes())
    except ManifestError as error:
        raise SettingsError(error.problems) from None
    except OSError as error:
        problem = Problems()
        problem.add(Place(str(path)), "", f"cannot be read: {error.strerror}; name another file with --config")
        raise SettingsError(problem.found) from None


def _with_flags(document: Node, flags: Flags) -> Node:
    """The document as if it said what the flags say, so that one reading checks both."""
    if not isinstance(document, Fields):
        return document
    state_dir = None if flags.state_dir is None else str(flags.state_dir.absolute())
    said = {"state_dir": (state_dir, "--state-dir"), "mode": (flags.mode, "--mode"), "host": (flags.host, "--host")}
    fields = {**document.fields, **_flagged(said)}
    repository = {"url": (_from_here(flags.repository), "--repository"), "branch": (flags.branch, "--branch")}
    for key, flagged in {
        "repository": _flagged(repository),
        "target": _flagged({"docker": _engine(document, flags)}),
        "http": _flagged({"listen": (flags.listen, "--listen")}),
    }.items():
        if flagged:
            written = document.fields.get(key)
            inner = written.fields if isinstance(written, Fields) else {}
            place = written.place if written else next(iter(flagged.values())).place
            keys = written.keys if isinstance(written, Fields) else {}
            fields[key] = Fields({**inner, **flagged, **_still_a_swarm(inner)}, keys, place)
    return Fields(fields, document.keys, document.place)


def _still_a_swarm(written: Mapping[str, Node]) -> dict[str, Scalar]:
    """Another manager than the one that is written is that of a swarm, too."""
    swarm = written.get("swarm")
    return {"swarm": replace(swarm, value=True)} if isinstance(swarm, Scalar) and isinstance(swarm.value, str) else {}


def _engine(document: Fields, flags: Flags) -> tuple[str | None, str]:
    if flags.engine is None and "target" not in document.fields:
        return flags.docker_host, "DOCKER_HOST"
    return flags.engine, "--engine"


def _flagged(said: Mapping[str, tuple[str | None, str]]) -> dict[str, Scalar]:
    return {key: Scalar(value, Place(flag), quoted=True) for key, (value, flag) in said.items() if value is not None}


def _from_here(repository: str | None) -> str | None:
    """A flag's relative path means the working directory, whatever directory the file is in."""
    try:
        return str(Path(repository).absolute()) if repository and is_path(repository) else repository
    except SourceError:
        return repository


class _Reader(SectionReader):
    """Knows the keys of gitopsd.yaml."""

    def settings(self, top: Section, path: Path | None) -> Settings:
        repositories = self.repositories(top)
        return Settings(
            host=self.value(top, "host", valid_name, "") or socket.gethostname(),
            state_dir=self.value(top, "state_dir", self.file, DEFAULT_STATE_DIR),
            repositories=repositories,
            discover=self.patterns(top),
            mode=self.value(top, "mode", valid_mode, "auto"),
            environments=self.environments(top, repositories),
            engine=target(self, top) or TargetEngine(),
            registries=self.registries(top),
            resync=self.value(top, "resync", time_span, timedelta(seconds=60)),
            images=self.images(top),
            ledger=self.ledger(top),
            restart_storm=self.restart_storm(top),
            probe_image=self.value(top, "probe_image", plain_text, ""),
            router=self.router(top),
            prometheus=self.prometheus(top),
            http=http(self, top),
            policy=operator_policy(self, top),
            keys=keys(self, top),
            notify=receivers(self, top),
            log=log(self, top),
            store=store(self, top),
            config_file=path,
        )

    def repositories(self, top: Section) -> dict[str, Repository]:
        one, several = (_given(top.fields.get(key)) for key in ("repository", "repositories"))
        if one is not None and several is not None:
            message = "repository and repositories are both given; keep `repositories`, and give each a name"
            self.problems.add(several.place, "repositories", message)
        if several is None:
            return {} if one is None else {ONLY_REPOSITORY: self.repository(ONLY_REPOSITORY, one, "repository")}
        named = self.named(several, "repositories", valid_name)
        return {name: self.repository(name, node, f"repositories.{name}") for name, node in named.items()}

    def repository(self, name: str, node: Node, path: str) -> Repository:
        section = self.section(node, path, sections.REPOSITORY)
        url = self.value(section, "url", self.url, "")
        if "url" not in section.fields:
            self.problems.add(section.place, path, "has no url; write one such as https://git.example.com/shop.git")
        return Repository(
            name=name,
            url=url,
            branch=self.value(section, "branch", branch_name, "main"),
            interval=self.value(section, "interval", time_span, timedelta(seconds=30)),
            timeout=self.value(section, "timeout", time_span, timedelta(seconds=60)),
            credentials=self.credentials(section, url),
            verify=self.verify(section),
            commit_status=commit_status(self, section, url),
        )

    def credentials(self, section: Section, url: str) -> Credentials:
        path = section.path_of("credentials")
        inner = self.section(section.fields.get("credentials"), path, sections.CREDENTIALS)
        if inner.fields and (wrong := _mixed(frozenset(inner.fields), address(url).protocol if url else "")):
            self.problems.add(inner.place, path, wrong)
        return Credentials(
            username=self.value(inner, "username", plain_text, ""),
            password_file=self.value(inner, "password_file", self.file, None),
            ssh_key_file=self.value(inner, "ssh_key_file", self.file, None),
            known_hosts_file=self.value(inner, "known_hosts_file", self.file, None),
        )

    def verify(self, section: Section) -> Verify:
        inner = self.section(section.fields.get("verify"), section.path_of("verify"), sections.VERIFY)
        off = isinstance(mode := inner.fields.get("mode"), Scalar) and mode.value is False  # as YAML reads `off`
        found = Verify(
            mode="off" if off else self.value(inner, "mode", verify_mode, "off"),
            allowed_signers_file=self.value(inner, "allowed_signers_file", self.file, None),
            revoked_keys_file=self.value(inner, "revoked_keys_file", self.file, None),
            gpg_keys_file=self.value(inner, "gpg_keys_file", self.file, None),
        )
        if found.mode != "off" and found.allowed_signers_file is None and found.gpg_keys_file is None:
            message = "says of nobody that they may sign; write allowed_signers_file (SSH) or gpg_keys_file (OpenPGP)"
            self.problems.add(inner.place, inner.path, message)
        return found

    def patterns(self, top: Section) -> tuple[str, ...]:
        node = top.fields.get("discover")
        if node is None:
            return DEFAULT_DISCOVER
        if not isinstance(node, Items):
            self.problems.add(node.place, "discover", 'is not a list; write one such as ["environments/*"]')
            return DEFAULT_DISCOVER
        listed = Section({str(at): item for at, item in enumerate(node.items)}, node.place, "discover")
        return tuple(self.value(listed, key, directory_within, "") for key in listed.fields)

    def environments(self, top: Section, repositories: Collection[str]) -> dict[str, EnvironmentSettings]:
        named = self.named(top.fields.get("environments"), "environments", valid_name)
        return {name: self.environment(name, node, repositories) for name, node in named.items()}

    def environment(self, name: str, node: Node, repositories: Collection[str]) -> EnvironmentSettings:
        section = self.section(node, f"environments.{name}", sections.ENVIRONMENT)
        repository = self.value(section, "repository", valid_name, "")
        path = self.value(section, "path", directory_within, "")
        if repository and repository not in repositories:
            message = f"there is no repository {repository!r}; {suggestion(repository, repositories)}"
            self.problems.add(section.fields["repository"].place, section.path_of("repository"), message)
        if path and not repository and len(repositories) > 1:
            message = f"the path may be in several repositories; add `repository:`, one of {', '.join(repositories)}"
            self.problems.add(section.fields["path"].place, section.path_of("path"), message)
        return EnvironmentSettings(
            name=name,
            repository=repository,
            path=path,
            project=self.value(section, "project", project_name, ""),
            target=target(self, section),
            vars_file=self.value(section, "vars_file", self.file, None),
            host_dir=self.value(section, "host_dir", self.file, None),
            mode=self.value(section, "mode", valid_mode, None),
            secrets=self.secrets(section),
            guards=operator_guards(self, section),
        )

    def secrets(self, section: Section) -> SecretPlaces:
        path = section.path_of("secrets")
        named = self.named(section.fields.get("secrets"), path, valid_secret_name)
        files = {name: self.secret_file(node, f"{path}.{name}") for name, node in named.items()}
        directory = self.value(section, "secrets_dir", self.file, None)
        return SecretPlaces({name: file for name, file in files.items() if file is not None}, directory)

    def secret_file(self, node: Node, path: str) -> Path | None:
        section = self.section(node, path, sections.SECRET)
        if not section.fields and (isinstance(node, Fields) or _given(node) is None):
            message = "has no file; write {file: PATH}, or remove it and use `gitopsd secret set`"
            self.problems.add(node.place, path, message)
        return self.value(section, "file", self.file, None)

    def images(self, top: Section) -> ImageKeeping:
        section = self.section(top.fields.get("images"), "images", sections.IMAGES)
        usual = ImageKeeping()
        return ImageKeeping(
            keep_releases=self.number(section, "keep_releases", release_count, usual.keep_releases),
            min_free=self.number(section, "min_free", free_space, usual.min_free),
        )

    def ledger(self, top: Section) -> LedgerKeeping:
        section = self.section(top.fields.get("ledger"), "ledger", sections.LEDGER)
        usual = LedgerKeeping()
        return LedgerKeeping(
            keep_releases=self.number(section, "keep_releases", release_count, usual.keep_releases),
            keep_events=self.number(section, "keep_events", event_count, usual.keep_events),
            keep_for=self.value(section, "keep_for", time_span, usual.keep_for),
        )

    def restart_storm(self, top: Section) -> RestartStorm:
        guards = self.section(top.fields.get("guards"), "guards", sections.ROOT_GUARDS)
        section = self.section(guards.fields.get("restart_storm"), "guards.restart_storm", sections.STORM)
        usual = RestartStorm()
        return RestartStorm(
            restarts=self.number(section, "restarts", restart_count, usual.restarts),
            within=self.value(section, "within", time_span, usual.within),
        )

    def router(self, top: Section) -> RouterSettings:
        section = self.section(top.fields.get("router"), "router", sections.ROUTER)
        usual = RouterSettings()
        mode = self.value(section, "mode", router_mode, usual.mode)
        of_others = {"managed": sections.TRAEFIK, "traefik": sections.MANAGED, "none": ()}[mode]
        for key in (key for key in of_others if key in section.fields):
            message = f"says nothing with mode: {mode}; remove it"
            self.problems.add(section.fields[key].place, section.path_of(key), message)
        if mode == "traefik" and "directory" not in section.fields:
            message = "has no directory; write the one that Traefik watches (`providers.file.directory`)"
            self.problems.add(section.place, section.path, message)
        named = self.named(section.fields.get("entry_points"), section.path_of("entry_points"), plain_text)
        points = Section(named, section.place, section.path_of("entry_points"))
        return RouterSettings(
            mode=mode,
            image=self.value(section, "image", plain_text, usual.image),
            network=self.value(section, "network", router_network, usual.network),
            certificates=self.value(section, "certificates", self.file, None),
            directory=self.value(section, "directory", self.file, None),
            api=self.value(section, "api", web_url, usual.api),
            metrics=self.value(section, "metrics", web_url, usual.metrics),
            entry_points={name: self.number(points, name, port_number, 0) for name in named},
        )

    def prometheus(self, top: Section) -> PrometheusSettings | None:
        metrics = self.section(top.fields.get("metrics"), "metrics", sections.METRICS)
        node = _given(metrics.fields.get("prometheus"))
        if node is None:
            return None
        section = self.section(node, "metrics.prometheus", sections.PROMETHEUS)
        if "url" not in section.fields:
            message = "has no url; write one such as http://prometheus.example.com:9090"
            self.problems.add(section.place, section.path, message)
        url = self.value(section, "url", web_url, "")
        return PrometheusSettings(url, self.value(section, "token_file", self.file, None))

    def registries(self, top: Section) -> dict[str, Registry]:
        named = self.named(top.fields.get("registries"), "registries", registry_host)
        return {host: self.registry(node, f"registries.{host}") for host, node in named.items()}

    def registry(self, node: Node, path: str) -> Registry:
        section = self.section(node, path, sections.PASSWORD)
        if section.fields.keys() & set(sections.PASSWORD) != set(sections.PASSWORD):
            message = "needs username and password_file; write both, or remove it, and Docker's own login is used"
            self.problems.add(section.place, path, message)
        username = self.value(section, "username", plain_text, "")
        return Registry(username, self.value(section, "password_file", self.file, None))


def _given(node: Node | None) -> Node | None:
    """A key whose whole content is commented out says nothing."""
    return None if isinstance(node, Scalar) and node.value is None else node


def _mixed(given: frozenset[str], protocol: str) -> str:
    """What is wrong with credentials that have these keys, for a repository behind this protocol ("": unknown)."""
    password, key = given & set(sections.PASSWORD), given - set(sections.PASSWORD)
    if password and (key or protocol not in ("", "https", "http")):
        return "a password is for https only; for ssh write ssh_key_file and known_hosts_file, and nothing else"
    if password and password != set(sections.PASSWORD):
        return "username and password_file belong together; write both"
    if key and protocol not in ("", "ssh"):
        return "an ssh key is for ssh only; write the url as ssh://user@host/path, or use username and password_file"
    if "ssh_key_file" in key and "known_hosts_file" not in key:
        return "an ssh key needs known_hosts_file; make one with `ssh-keyscan HOST` and compare its fingerprints"
    return ""
