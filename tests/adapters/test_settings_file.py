"""gitopsd.yaml and flags: what they mean, and that everything wrong is told at once, with place and mend."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.settings_file import Flags, load
from gitopsd.model.errors import SettingsError
from gitopsd.model.guards import ApprovalRule, Guards, OperatorPolicy, Workload
from gitopsd.model.settings import (
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
    Share,
    Size,
    TargetEngine,
    Verify,
)

WHOLE = """
repository:
  url: https://git.example.com/shop/environments.git
  branch: release
  interval: 1m30s
  timeout: 20s
  credentials: {username: x, password_file: /run/secrets/git_token}
  verify: {mode: strict, allowed_signers_file: signers, revoked_keys_file: /k/revoked, gpg_keys_file: /k/keys.asc}
policy:
  enforce: deny
  deny: [privileged, docker-socket]
  allow_paths: [/srv]
  registries: [registry.example.com]
  concurrent_rollouts: 2
  servers_file: servers.yaml
  approval: {timeout: 1h, signed: true}
  deletion_cap: 20%
host: web1
discover: ["environments/*", "hosts/$HOST/*", .]
mode: manual
environments:
  production:
    path: environments/production/
    target: {docker: "ssh://deploy@web2"}
    project: shop
    vars_file: production.env
    host_dir: /srv/shop
    mode: observe
    secrets: {db_password: {file: db}, token: {file: /run/secrets/token}}
    secrets_dir: secrets/production
  staging: {target: {docker: "tcp://10.0.0.7:2376", tls: tls/staging}}
  plain:
registries: {"registry.example.com:5000": {username: ci, password_file: /run/secrets/registry}}
state_dir: state
resync: 5m
images: {keep_releases: 5, min_free: 20gb}
ledger: {keep_releases: 50, keep_events: 5000, keep_for: 720h}
"""

NO_FLAGS = Flags()


def settings(directory: Path, text: str, flags: Flags = NO_FLAGS) -> Settings:
    file = directory / "gitopsd.yaml"
    file.write_text(text)
    return load(file, flags)


def refusals(directory: Path, text: str, flags: Flags = NO_FLAGS) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        settings(directory, text, flags)
    return str(refused.value).replace(f"{directory}/", "").split("\n")


def with_url(url: str) -> str:
    return f"repository: {{url: {escaped(url)}}}"


def escaped(text: str) -> str:
    """Any text as YAML, control characters included."""
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


def test_every_setting_of_the_file_is_read(tmp_path: Path) -> None:
    assert settings(tmp_path, WHOLE) == Settings(
        host="web1",
        state_dir=tmp_path / "state",
        repositories={
            "default": Repository(
                name="default",
                url="https://git.example.com/shop/environments.git",
                branch="release",
                interval=timedelta(seconds=90),
                timeout=timedelta(seconds=20),
                credentials=Credentials("x", Path("/run/secrets/git_token")),
                verify=Verify("strict", tmp_path / "signers", Path("/k/revoked"), Path("/k/keys.asc")),
            )
        },
        policy=OperatorPolicy(
            Guards(approval=ApprovalRule(timedelta(hours=1), signed=True), deletion_share=20),
            Workload("deny", ("privileged", "docker-socket"), ("/srv",), ("registry.example.com",)),
            rollouts=2,
            servers_file=tmp_path / "servers.yaml",
        ),
        discover=("environments/*", "hosts/$HOST/*", "."),
        mode="manual",
        environments={
            "production": EnvironmentSettings(
                name="production",
                path="environments/production",
                project="shop",
                target=TargetEngine("ssh://deploy@web2"),
                vars_file=tmp_path / "production.env",
                host_dir=Path("/srv/shop"),
                mode="observe",
                secrets=SecretPlaces(
                    {"db_password": tmp_path / "db", "token": Path("/run/secrets/token")},
                    tmp_path / "secrets/production",
                ),
            ),
            "staging": EnvironmentSettings(
                "staging", target=TargetEngine("tcp://10.0.0.7:2376", tmp_path / "tls/staging")
            ),
            "plain": EnvironmentSettings("plain"),
        },
        registries={"registry.example.com:5000": Registry("ci", Path("/run/secrets/registry"))},
        resync=timedelta(minutes=5),
        images=ImageKeeping(5, Size(20 << 30)),
        ledger=LedgerKeeping(50, 5000, timedelta(days=30)),
        config_file=tmp_path / "gitopsd.yaml",
    )


def test_without_a_file_the_defaults_hold() -> None:
    assert load(None, Flags()) == Settings(host=socket.gethostname(), state_dir=Path("/var/lib/gitopsd"))


@pytest.mark.parametrize("text", ["", "# nothing\n", "repository:\nenvironments:\nregistries:\n"])
def test_a_file_that_says_nothing_means_the_defaults(tmp_path: Path, text: str) -> None:
    said = settings(tmp_path, text)
    assert (said.repositories, said.environments, said.mode) == ({}, {}, "auto")
    assert said.resync == timedelta(seconds=60)


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("10%", Share(10)),
        ("2.5 %", Share(2.5)),
        ("0", Size(0)),
        ("0%", Share(0)),
        ("500m", Size(500 << 20)),
        ("1.5GiB", Size(3 << 29)),
        ("10737418240", Size(10 << 30)),
    ],
)
def test_room_on_the_disk_is_a_share_or_a_size(tmp_path: Path, text: str, free: Share | Size) -> None:
    assert settings(tmp_path, f"images: {{min_free: {text}}}").images == ImageKeeping(3, free)


def test_several_repositories_have_names_that_environments_use(tmp_path: Path) -> None:
    said = settings(
        tmp_path,
        "repositories: {shop: {url: /srv/shop.git}, infra: {url: 'git@host:infra.git', branch: a/b}}\n"
        "environments: {production: {repository: shop, path: production}}\n",
    )
    assert {name: (each.url, each.branch) for name, each in said.repositories.items()} == {
        "shop": ("/srv/shop.git", "main"),
        "infra": ("git@host:infra.git", "a/b"),
    }
    assert said.environments["production"].repository == "shop"


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    flags = Flags(
        repository="ssh://git@host/other.git",
        branch="next",
        state_dir=Path("/tmp/state"),
        mode="observe",
        host="web9",
        engine="tcp://127.0.0.1:2375",
    )
    said = settings(tmp_path, "repository: {url: /srv/shop.git, interval: 5s}\nmode: auto\nhost: web1\n", flags)
    [repository] = said.repositories.values()
    assert (repository.url, repository.branch) == ("ssh://git@host/other.git", "next")
    assert repository.interval == timedelta(seconds=5)
    assert (said.state_dir, said.mode, said.host) == (Path("/tmp/state"), "observe", "web9")
    assert said.engine == TargetEngine("tcp://127.0.0.1:2375")


def test_a_flag_names_another_manager_of_a_swarm(tmp_path: Path) -> None:
    said = settings(tmp_path, "target: {swarm: 'unix:///a.sock'}", Flags(engine="unix:///b.sock"))
    assert said.engine == TargetEngine("unix:///b.sock", swarm=True)


def test_flags_are_enough() -> None:
    said = load(None, Flags(repository="/srv/shop.git"))
    assert said.repositories == {"default": Repository("default", "/srv/shop.git")}


def test_relative_paths_mean_the_directory_of_the_file_and_of_the_shell(tmp_path: Path) -> None:
    assert settings(tmp_path, with_url("../shop")).repositories["default"].url == str(tmp_path.parent / "shop")
    said = settings(tmp_path, "", Flags(repository="./shop", state_dir=Path("state")))
    assert said.repositories["default"].url == str(Path.cwd() / "shop")
    assert said.state_dir == Path.cwd() / "state"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/shop.git",
        "https://git.example.com:8443/a/b",
        "ssh://git@git.example.com:2222/shop.git",
        "git@git.example.com:shop/environments.git",
        "file:///srv/git/shop.git",
        "/srv/git/shop.git",
    ],
)
def test_a_repository_may_be_remote_or_local(tmp_path: Path, url: str) -> None:
    assert settings(tmp_path, with_url(url)).repositories["default"].url == url


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/pwned",
        "fd::17",
        "EXT::sh",
        "-uhttps://x/y",
        "--upload-pack=touch /tmp/pwned",
        "https:///host/x",
        "https://",
        "https://-oProxyCommand=x/y",
        "ssh://-oProxyCommand=touch/x",
        "-oProxyCommand=x@host:y",
        "git@-oProxyCommand=x:y",
        "git@host:-x",
        "https://host/x\ny",
        "https://host/x\r",
        "https://host/\x1b[2J",
        "https://host:99999/x",
        "https://host:x/y",
        "gopher://host/x",
        "javascript://x",
        "",
    ],
)
def test_a_url_that_could_run_or_trick_something_is_refused_with_a_mend(tmp_path: Path, url: str) -> None:
    [said] = refusals(tmp_path, with_url(url))
    assert said.startswith("gitopsd.yaml:1:19: repository.url: ")
    assert ";" in said
    assert said.isprintable()


@pytest.mark.parametrize("url", ["https://user:hunter2@host/x", "https://hunter2@host/x", "ssh://git:hunter2@host/x"])
def test_a_url_with_a_secret_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    [said] = refusals(tmp_path, with_url(url))
    assert "credentials" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "branch",
    [
        *("-h", "--output=/x", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b", "/a", "a/", "a//b", ".a"),
        *("a/.b", "a.lock", "a.lock/b", "a.", "@", "a@{1}", "a\x00b", "a\nb", "a\x7f", "a\u202eb", "a" * 300, ""),
    ],
)
def test_a_branch_that_git_would_not_have_is_refused(tmp_path: Path, branch: str) -> None:
    [said] = refusals(tmp_path, f"repository: {{url: /srv/x, branch: {escaped(branch)}}}")
    assert said.startswith("gitopsd.yaml:1:35: repository.branch: ")
    assert ";" in said
    assert said.isprintable()


@pytest.mark.parametrize("branch", ["main", "release/2026", "a-b_c.d", "a;b", "é"])
def test_a_branch_that_git_could_have_is_taken(tmp_path: Path, branch: str) -> None:
    said = settings(tmp_path, f"repository: {{url: /srv/x, branch: '{branch}'}}")
    assert said.repositories["default"].branch == branch


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mdoe: auto", "1:1: mdoe: unknown key; did you mean 'mode'?"),
        ("mode: autom", "1:7: mode: 'autom' is no mode; did you mean 'auto'?"),
        ("mode:", "1:6: mode: has no value; write one, or remove the key"),
        ("host: 5", "1:7: host: is not text; write it in quotes"),
        ("host: a/b", "1:7: host: 'a/b' is no name; write"),
        ("resync: 60", "1:9: resync: is not text; write it in quotes"),
        ("resync: '60'", "1:9: resync: '60' has no unit; write"),
        ("resync: -1s", "1:9: resync: the duration '-1s' is negative; write"),
        ("resync: 1e99", "1:9: resync: is not text; write"),
        ("resync: NaN", "1:9: resync: 'NaN' is not a duration; write"),
        ("resync: 3 h", "1:9: resync: unknown unit ' h' in the duration '3 h'; write"),
        ("resync: 0s", "1:9: resync: '0s' is shorter than 100ms; write"),
        ("discover: environments/*", "1:11: discover: is not a list; write"),
        ("discover: [/etc]", "1:12: discover.0: '/etc' leads out of the repository; write"),
        ("discover: [../x]", "1:12: discover.0: '../x' leads out of the repository; write"),
        ("environments: [a]", "1:15: environments: is not a mapping; write"),
        ("environments: {a/b: {}}", "1:16: environments.a/b: 'a/b' is no name; write"),
        ("environments: {a: {path: ../b}}", "1:26: environments.a.path: '../b' leads out of the repository; write"),
        ("environments: {a: {paht: b}}", "1:20: environments.a.paht: unknown key; did you mean 'path'?"),
        ("environments: {a: {project: A}}", "1:29: environments.a.project: 'A' is no project name; write"),
        ("environments: {a: {repository: b}}", "1:32: environments.a.repository: there is no repository 'b'; known"),
        (
            "environments: {a: {secrets: {../x: {file: f}}}}",
            "1:30: environments.a.secrets.../x: '../x' is no name of a ",
        ),
        (
            "environments: {a: {secrets: {x: {}}}}",
            "1:33: environments.a.secrets.x: has no file; write {file: PATH}, or",
        ),
        ("environments: {a: {secrets: {x: f}}}", "1:33: environments.a.secrets.x: is not a mapping; write"),
        (
            "environments: {a: {secrets: {x: {value: f}}}}",
            "1:34: environments.a.secrets.x.value: unknown key; known are",
        ),
        ("environments: {a: {target: {docker: 'fd://'}}}", "1:37: environments.a.target.docker: 'fd://' is no engine;"),
        ("environments: {a: {target: {docker: 'tcp://h'}}}", "1:37: environments.a.target.docker: 'tcp://h' is no "),
        ("environments: {a: {target: {swarm: {}}}}", "1:36: environments.a.target.swarm: is not text; write it in"),
        ("environments: {a: {target: {swarm: here}}}", "1:36: environments.a.target.swarm: 'here' is no engine;"),
        (
            "target: {swarm: 'unix:///a', docker: 'unix:///b'}",
            "1:17: target.swarm: names an engine, as docker does; write swarm: true beside docker, or remove docker",
        ),
        ("environments: {a: {target: {tls: /x}}}", "1:34: environments.a.target.tls: tls is for tcp only; write"),
        ("registries: {a b: {username: x, password_file: y}}", "1:14: registries.a b: 'a b' is no registry; write"),
        ("registries: {a: {username: x}}", "1:17: registries.a: needs username and password_file; write both"),
        ("ledger: {keep_events: 10}", "1:23: ledger.keep_events: '10' is no number of events; write 1000 or more"),
        ("ledger: {keep_for: soon}", "1:20: ledger.keep_for: "),
        ("images: {keep_release: 3}", "1:10: images.keep_release: unknown key; did you mean 'keep_releases'?"),
        ("images: {keep_releases: 0}", "1:25: images.keep_releases: '0' is no number of releases; write 1 or more"),
        ("images: {keep_releases: -1}", "1:25: images.keep_releases: '-1' is no number of releases; write 1 or more"),
        ("images: {keep_releases: 2.5}", "1:25: images.keep_releases: '2.5' is no number of releases; write"),
        ("images: {keep_releases: yes}", "1:25: images.keep_releases: 'yes' is no number of releases; write"),
        ("images: {min_free: 100%}", "1:20: images.min_free: '100%' can never be free; write less than 100%"),
        ("images: {min_free: 10}", "1:20: images.min_free: '10' is 10 bytes, which is nothing; write a share such as"),
        ("images: {min_free: -5gb}", "1:20: images.min_free: '-5gb' is no part of a disk; write a share such as 10%"),
        ("images: {min_free: much}", "1:20: images.min_free: 'much' is no part of a disk; write a share such as 10%"),
        ("images: {min_free: true}", "1:20: images.min_free: is not text; write it in quotes"),
        ("images: [3]", "1:9: images: is not a mapping; write"),
        ("repository: {branch: main}", "1:13: repository: has no url; write"),
        (
            "repository: {url: /x, verify: {mode: head}}",
            "1:31: repository.verify: says of nobody that they may sign",
        ),
        ("repository: {url: /x, credentials: {username: x}}", "1:36: repository.credentials: a password is for https"),
        ("- a", "1:1: is not a mapping; write"),
        ("mode: auto\nmode: manual", "2:1: mode: the key 'mode' is already defined in line 1; keep"),
        ("a: [", "2:1: not valid YAML"),
    ],
)
def test_an_error_names_the_place_and_the_mend(tmp_path: Path, text: str, message: str) -> None:
    [said] = refusals(tmp_path, text)
    assert said.startswith(f"gitopsd.yaml:{message}")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("{swarm: 'unix:///run/a.sock'}", TargetEngine("unix:///run/a.sock", swarm=True)),
        ("{docker: 'unix:///run/a.sock', swarm: true}", TargetEngine("unix:///run/a.sock", swarm=True)),
        ("{docker: 'unix:///run/a.sock', swarm: false}", TargetEngine("unix:///run/a.sock")),
        ("{swarm: true}", TargetEngine(swarm=True)),
    ],
)
def test_an_engine_may_stand_for_a_swarm(tmp_path: Path, text: str, target: TargetEngine) -> None:
    assert settings(tmp_path, f"target: {text}").engine == target


@pytest.mark.parametrize(
    ("url", "credentials", "message"),
    [
        ("https://h/x", "{username: x}", "belong together"),
        ("https://h/x", "{ssh_key_file: k, known_hosts_file: h}", "an ssh key is for ssh only"),
        ("git@h:x", "{username: x, password_file: p}", "a password is for https only"),
        ("git@h:x", "{ssh_key_file: k}", "needs known_hosts_file"),
        ("git@h:x", "{ssh_key_file: k, known_hosts_file: h, username: x}", "a password is for https only"),
    ],
)
def test_credentials_must_fit_the_url(tmp_path: Path, url: str, credentials: str, message: str) -> None:
    [said] = refusals(tmp_path, f"repository:\n  url: {url}\n  credentials: {credentials}\n")
    assert said.startswith("gitopsd.yaml:3:16: repository.credentials: ")
    assert message in said


def test_ssh_credentials_are_read(tmp_path: Path) -> None:
    said = settings(tmp_path, "repository: {url: 'git@h:x', credentials: {ssh_key_file: k, known_hosts_file: /h}}")
    assert said.repositories["default"].credentials == Credentials(
        ssh_key_file=tmp_path / "k", known_hosts_file=Path("/h")
    )


def test_all_errors_are_told_at_once_those_of_flags_too(tmp_path: Path) -> None:
    said = refusals(tmp_path, "mode: x\nresync: 1\nnotify: {}\n", Flags(repository="ext::sh", branch="-h", host="a/b"))
    assert [line.split(": ")[0] for line in said] == [
        "--branch",
        "--host",
        "--repository",
        "gitopsd.yaml:1:7",
        "gitopsd.yaml:2:9",
        "gitopsd.yaml:3:9",
    ]


def test_one_and_several_repositories_together_are_refused(tmp_path: Path) -> None:
    [said] = refusals(tmp_path, "repositories: {shop: {url: /x}}\n", Flags(repository="/y"))
    assert "repository and repositories are both given" in said


def test_a_path_that_could_be_in_several_repositories_is_refused(tmp_path: Path) -> None:
    text = "repositories: {a: {url: /a}, b: {url: /b}}\nenvironments: {x: {path: x}}\n"
    [said] = refusals(tmp_path, text)
    assert "2:26: environments.x.path: the path may be in several repositories; add `repository:`, one of a, b" in said


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml: cannot be read: No such file or directory; name "):
        load(tmp_path / "none.yaml", Flags())


def test_restart_storm_and_probe_image_are_read(tmp_path: Path) -> None:
    found = settings(tmp_path, "guards: {restart_storm: {restarts: 5, within: 1m}}\nprobe_image: busybox:1.36\n")

    assert found.restart_storm == RestartStorm(5, timedelta(minutes=1))
    assert found.probe_image == "busybox:1.36"


def test_the_router_is_managed_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert settings(tmp_path, "host: web1").router == RouterSettings("managed", "haproxy:lts", "host")
    assert settings(tmp_path, "router: {mode: none}").router == RouterSettings("none")
    written = "router: {mode: traefik, directory: dynamic, api: 'http://127.0.0.1:8081', entry_points: {web: 80}}"
    own = RouterSettings(
        "traefik", directory=tmp_path / "dynamic", api="http://127.0.0.1:8081", entry_points={"web": 80}
    )
    assert settings(tmp_path, written).router == own
    assert settings(tmp_path, "router: {certificates: certs}").router.certificates == tmp_path / "certs"
    assert settings(tmp_path, 'router: {image: "haproxy:2.8", network: host}').router.image == "haproxy:2.8"


def test_prometheus_is_where_it_says(tmp_path: Path) -> None:
    assert settings(tmp_path, "host: web1").prometheus is None
    written = "metrics: {prometheus: {url: 'https://metrics.example.com/prom/', token_file: token}}"
    found = PrometheusSettings("https://metrics.example.com/prom", tmp_path / "token")
    assert settings(tmp_path, written).prometheus == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{prometheus: {token_file: t}}", "1:23: metrics.prometheus: has no url; write one such as http://prom"),
        ("{prometheus: {url: prom}}", "1:29: metrics.prometheus.url: 'prom' is no address; write one such as http"),
        ("{prometheus: {url: 'http://u:p@p'}}", "1:29: metrics.prometheus.url: a user or token in the URL would show"),
        ("{graphite: {}}", "1:11: metrics.graphite: unknown key; known are prometheus"),
    ],
)
def test_a_prometheus_that_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    [refusal] = refusals(tmp_path, f"metrics: {text}")
    assert refusal.startswith(f"gitopsd.yaml:{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{mode: traefik}", "1:9: router: has no directory; write the one that Traefik watches"),
        ("{mode: traefik, directory: d, image: i}", "1:46: router.image: says nothing with mode: traefik; remove it"),
        ("{directory: d}", "1:21: router.directory: says nothing with mode: managed; remove it"),
        ("{mode: traefik, directory: d, api: here}", "1:44: router.api: 'here' is no address; write one such as http"),
        ("{mode: traefik, directory: d, entry_points: {web: x}}", "1:59: router.entry_points.web: "),
        ("{mode: manged}", "1:16: router.mode: 'manged' is no mode of a router; did you mean 'managed'?"),
        ("{network: moon}", "1:19: router.network: 'moon' is no network of a router; write host or bridge, or remove"),
        ("{image: ''}", "1:17: router.image: is empty"),
        (
            "{picture: x}",
            "1:10: router.picture: unknown key; known are mode, image, network, certificates, directory, ",
        ),
    ],
)
def test_a_router_that_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    [refusal] = refusals(tmp_path, f"router: {text}")
    assert refusal.startswith(f"gitopsd.yaml:{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "guards: {restart_storm: {restarts: 0}}",
            "restart_storm.restarts: '0' is no number of restarts; write",
        ),
        ("guards: {restart_strom: {}}", "guards.restart_strom: unknown key"),
    ],
)
def test_a_guard_that_means_nothing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    [refusal] = refusals(tmp_path, text)
    assert said in refusal


def test_where_pages_answer(tmp_path: Path) -> None:
    hooks = "webhooks: {github: {secret_file: hook}}"
    http = settings(tmp_path, f'http: {{listen: "[::1]:9000", public_url: "https://x.example.com/", {hooks}}}').http
    assert (str(http.listen), http.public_url) == ("[::1]:9000", "https://x.example.com")
    assert http.webhooks == {"github": tmp_path / "hook"}


@pytest.mark.parametrize("off", ["off", '"off"', "false"])
def test_pages_may_be_off(tmp_path: Path, off: str) -> None:
    assert settings(tmp_path, f"http: {{listen: {off}}}").http.listen is None


@pytest.mark.parametrize("listen", ["8080", '"8080"', '"x:0"', '"x:70000"', '"http://x:80"', "true", "[]"])
def test_what_is_no_place_to_listen_at_is_refused(tmp_path: Path, listen: str) -> None:
    (refused,) = refusals(tmp_path, f"http: {{listen: {listen}}}")
    assert "http.listen: " in refused


def test_a_webhook_without_a_secret_is_refused(tmp_path: Path) -> None:
    (refused,) = refusals(tmp_path, "http: {webhooks: {github: {}}}")
    assert "http.webhooks.github: has no secret_file" in refused
