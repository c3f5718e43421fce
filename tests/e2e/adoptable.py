"""Thirty-six projects as people have them, each with one thing that is changed later, and what gives way for it.

In the texts PROJECT is the project's name, PORT a free port of this host, BOX, WEB and RICH are images, and QUICK is
what lets a container go at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.images import Images

BOX, WEB, RICH = "gitopsd-test/box:1", "gitopsd-test/page:1", "gitopsd-test/rich:1"
QUICK = "stop_signal: SIGKILL\n    x-gitopsd: {min_ready: 0s}"
COMPOSE = "compose.yaml"


def make_images(images: Images) -> None:
    steady = 'CMD ["sleep", "1000"]'
    images.busybox(BOX, changes=[steady])
    images.web(WEB, "page")
    own = ["ENV PATH=/bin COLOUR=image", "LABEL made=here", "VOLUME /kept", "WORKDIR /tmp", "USER nobody"]
    images.busybox(RICH, changes=[steady, *own, "EXPOSE 9999/tcp", 'HEALTHCHECK --interval=1s CMD ["true"]'])


@dataclass(frozen=True, slots=True)
class Adoptable:
    """A project. In the file `where`, `old` becomes `new`; then `gives_way` is replaced, or changed `in_place`."""

    name: str
    text: str
    old: str
    new: str
    gives_way: tuple[str, ...] = ("web",)
    in_place: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    where: str = COMPOSE

    def contents(self, project: str, port: int, *, changed: bool = False) -> dict[str, str]:
        """Its files by path, before or after the change."""
        words = {"PROJECT": project, "PORT": str(port), "BOX": BOX, "WEB": WEB, "RICH": RICH, "QUICK": QUICK}
        found = {COMPOSE: f"name: PROJECT\n{self.text}", **self.files}
        if changed:
            assert self.old in found[self.where], f"{self.name}: {self.old} is not in {self.where}"
            found[self.where] = found[self.where].replace(self.old, self.new)
        for word, value in words.items():
            found = {path: text.replace(word, value) for path, text in found.items()}
        return found


def services(**each: str) -> str:
    """A Compose file of services; each is the lines below its name."""
    return "services:\n" + "".join(f"  {name}:\n{_indented(lines)}" for name, lines in each.items())


def _indented(lines: str) -> str:
    return "".join(f"    {line}\n" for line in [*lines.strip("\n").splitlines(), "QUICK"])


WEB_AND_DB = services(
    web="image: WEB\nenvironment: {DB: db}\ndepends_on: [db]\nports: ['8080']",
    db="image: BOX\nvolumes: ['data:/var/lib/data']\nrestart: unless-stopped",
)
ADOPTABLE = (
    Adoptable("plain", services(web="image: BOX"), "image: BOX", "image: BOX\n    labels: {a: b}"),
    Adoptable(
        "environment",
        services(web="image: RICH\nenvironment: {A: '1', EMPTY: '', COLOUR: }\nenv_file: [web.env]"),
        "B=2",
        "B=3",
        files={"web.env": "B=2\nC=x=y\n# nothing\nD='quoted $$ text'\n"},
        where="web.env",
    ),
    Adoptable(
        "command",
        services(
            web="image: BOX\nentrypoint: [sh, -c]\ncommand: ['echo \"$$0\"; sleep 1000', 'one two']\nworking_dir: /tmp"
        ),
        "one two",
        "one  two",
    ),
    Adoptable(
        "image-defaults",
        services(web="image: RICH\nlabels: {made: there, more: 'yes'}\nuser: '0'\nhealthcheck: {interval: 2s}"),
        "more: 'yes'",
        "more: 'no'",
    ),
    Adoptable(
        "replicas",
        services(
            web="image: WEB\ndeploy: {replicas: 3}\nenvironment: [COLOUR=blue]",
            other="image: BOX\nscale: 2",
        ),
        "COLOUR=blue",
        "COLOUR=red",
    ),
    Adoptable(
        "ports",
        services(
            web="image: WEB\nports: ['127.0.0.1:PORT:8080', '8081', {target: 9000, protocol: udp}]\nexpose: [7000]"
        ),
        "7000",
        "7001",
    ),
    Adoptable("web-and-db", f"{WEB_AND_DB}volumes: {{data: }}\n", "{DB: db}", "{DB: database}"),
    Adoptable("db-of-web", f"{WEB_AND_DB}volumes: {{data: }}\n", "image: BOX", "image: RICH", ("db",)),
    Adoptable(
        "anonymous",
        services(web="image: RICH\nvolumes: [/scratch, /kept]", other="image: RICH"),
        "/scratch",
        "/scratched",
    ),
    Adoptable(
        "content",
        services(web="image: WEB\nvolumes: ['./pages:/www:ro', './web.conf:/etc/web.conf']", other="image: BOX"),
        "hello",
        "good bye",
        files={"pages/index.html": "hello\n", "pages/more/deep.html": "deep\n", "web.conf": "a = b\n"},
        where="pages/index.html",
    ),
    Adoptable(
        "host-data",
        services(web="image: BOX\nvolumes: ['./data:/data', './made:/made', '/tmp:/host:ro']\nenvironment: {A: b}"),
        "A: b",
        "A: c",
        files={"data/.gitkeep": ""},
    ),
    Adoptable(
        "tmpfs",
        services(
            web="image: BOX\ntmpfs: ['/t:size=1m,mode=755']\n"
            "volumes: [{type: tmpfs, target: /u, tmpfs: {size: 2m, mode: 0700}}]"
        ),
        "size=1m",
        "size=2m",
    ),
    Adoptable(
        "configs",
        services(web="image: BOX\nconfigs: [file, {source: inline, target: /etc/inline}, from]")
        + "configs: {file: {file: ./file}, inline: {content: 'in ${HERE} line'}, from: {environment: HERE}}\n",
        "line'",
        "a row'",
        files={"file": "one\n", ".env": "HERE=there\n"},
    ),
    Adoptable(
        "secrets",
        services(web="image: BOX\nsecrets: [one, {source: two, target: /etc/two}]", other="image: BOX\nsecrets: [two]")
        + "secrets: {one: {file: ./one}, two: {file: ./two}}\n",
        "open",
        "shut",
        files={"one": "open sesame\n", "two": "swordfish\n"},
        where="one",
    ),
    Adoptable(
        "networks",
        services(web="image: WEB\nnetworks: {front: {aliases: [shop]}, back: }", db="image: BOX\nnetworks: [back]")
        + "networks: {front: , back: {internal: true}}\n",
        "[shop]",
        "[store]",
    ),
    Adoptable(
        "addresses",
        services(web="image: BOX\nnetworks: {fixed: {ipv4_address: 10.87.3.9}}\nlabels: [a=b]")
        + "networks: {fixed: {ipam: {config: [{subnet: 10.87.3.0/24, gateway: 10.87.3.1}]}}}\n",
        "a=b",
        "a=c",
    ),
    Adoptable(
        "driver-options",
        services(web="image: BOX\nvolumes: [{type: volume, source: kept, target: /k, read_only: true}]")
        + "networks: {default: {driver: bridge, driver_opts: {com.docker.network.bridge.enable_icc: 'true'}}}\n"
        "volumes: {kept: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}, labels: {a: b}}}\n",
        "target: /k",
        "target: /kept",
    ),
    Adoptable(
        "healthcheck",
        services(
            web="image: WEB\nhealthcheck: {test: 'true', interval: 1s, timeout: 1s, retries: 2, start_period: 1s}"
        ),
        "retries: 2",
        "retries: 3",
    ),
    Adoptable(
        "no-healthcheck",
        services(web="image: RICH\nhealthcheck: {disable: true}\ncommand: [sleep, '100']"),
        "'100'",
        "'101'",
    ),
    Adoptable(
        "limits",
        services(web="image: BOX\nmem_limit: 32m\ncpus: 0.5\nrestart: 'on-failure:3'"),
        "32m",
        "24m",
        in_place=True,
    ),
    Adoptable(
        "resources",
        services(
            web="image: BOX\ndeploy: {resources: {limits: {memory: 32M, pids: 50, cpus: '0.25'}, "
            "reservations: {memory: 16M}}}"
        ),
        "pids: 50, ",
        "",
    ),
    Adoptable(
        "restart",
        services(web="image: BOX\nrestart: always", other="image: BOX\nrestart: unless-stopped"),
        "restart: always",
        "restart: on-failure",
        in_place=True,
    ),
    Adoptable(
        "rights",
        services(
            web="image: BOX\ncap_add: [NET_ADMIN, sys_time]\ncap_drop: [MKNOD]\n"
            "read_only: true\ninit: true\nuser: nobody"
        ),
        "[MKNOD]",
        "[MKNOD, CHOWN]",
    ),
    Adoptable(
        "names",
        services(web="image: BOX\ncontainer_name: PROJECT-the-one\nhostname: one", other="image: BOX\nhostname: two"),
        "hostname: two",
        "hostname: three",
        ("other",),
    ),
    Adoptable(
        "logging",
        services(web="image: BOX\nlogging: {driver: json-file, options: {max-size: 1m, max-file: '3'}}"),
        "'3'",
        "'2'",
    ),
    Adoptable(
        "chain",
        services(
            a="image: RICH",
            b="image: RICH\ndepends_on: {a: {condition: service_healthy}}\nenvironment: {B: b}",
            c="image: BOX\ndepends_on: {b: {condition: service_started, restart: true}}",
        ),
        "{B: b}",
        "{B: c}",
        ("b",),
    ),
    Adoptable(
        "one-shot",
        services(
            migrate="image: BOX\ncommand: ['true']\nrestart: 'no'",
            web="image: BOX\ndepends_on: {migrate: {condition: service_completed_successfully}}\nenvironment: {A: b}",
        ),
        "A: b",
        "A: c",
    ),
    Adoptable(
        "variables",
        services(web="image: ${IMAGE:-BOX}\nenvironment: {V: '${V}'}", debug="image: BOX\nprofiles: [debug]")
        + "  more:\n    image: BOX\n    profiles: [more]\n    QUICK\n",
        "V=1",
        "V=2",
        files={".env": "V=1\nCOMPOSE_PROFILES=more\n"},
        where=".env",
    ),
    Adoptable(
        "override",
        services(web="image: WEB\nenvironment: {A: b}", db="image: BOX"),
        "C: d",
        "C: e",
        files={"compose.override.yaml": "services: {web: {environment: {C: d}, labels: {over: 'true'}}}\n"},
        where="compose.override.yaml",
    ),
    Adoptable(
        "shared",
        "include: [more/compose.yaml]\nx-log: &log {driver: json-file, options: {max-size: 2m}}\n"
        + services(web="extends: {file: base.yaml, service: base}\nlogging: *log\nlabels: {web: 'true'}"),
        "COLOUR: blue",
        "COLOUR: red",
        files={
            "base.yaml": "services: {base: {image: BOX, environment: {COLOUR: blue}, labels: {base: 'true'}}}\n",
            "more/compose.yaml": services(more="image: BOX\nvolumes: ['./file:/etc/file:ro']"),
            "more/file": "more\n",
        },
        where="base.yaml",
    ),
    Adoptable(
        "host-names",
        services(
            web="image: BOX\ndns: [192.0.2.1, 192.0.2.2]\ndns_search: [shop.example]\ndns_opt: [ndots:2, 'timeout:1']\n"
            "extra_hosts: {db: 192.0.2.9, cache: 192.0.2.8}\ndomainname: shop.example\nhostname: web\n"
            "mac_address: 02:42:ac:11:65:43"
        ),
        "192.0.2.9",
        "192.0.2.7",
    ),
    Adoptable(
        "kernel",
        services(
            web="image: BOX\nulimits: {nofile: {soft: 1000, hard: 2000}, nproc: 100}\n"
            "sysctls: {net.core.somaxconn: 100}\nshm_size: 32m\noom_score_adj: 100\npids_limit: 50\ncpuset: '0'\n"
            "mem_limit: 64m\nmem_reservation: 32m\nmemswap_limit: 96m\ncpu_shares: 512"
        ),
        "somaxconn: 100",
        "somaxconn: 200",
    ),
    Adoptable(
        "namespaces",
        services(
            db="image: BOX\nipc: shareable",
            web="image: BOX\nnetwork_mode: service:db\npid: service:db\nipc: service:db\nenvironment: {A: b}",
            other="image: BOX\nnetwork_mode: none",
        ),
        "A: b",
        "A: c",
    ),
    Adoptable(
        "devices",
        services(
            web="image: BOX\ndevices: ['/dev/null:/dev/nothing:r']\ndevice_cgroup_rules: ['c 1:3 mr']\n"
            "tty: true\nstdin_open: true\nsecurity_opt: ['no-new-privileges:true']\ngroup_add: ['10', nogroup]",
            other="image: BOX\nuts: host\ncgroup: host",
        ),
        "/dev/nothing:r",
        "/dev/nothing:rw",
    ),
    Adoptable(
        "borrowed",
        services(
            store="image: BOX\nvolumes: [/borrowed]",
            web="image: BOX\nvolumes_from: ['store:ro']\nlinks: ['db:database']\nlabels: {a: b}",
            db="image: BOX",
        ),
        "a: b",
        "a: c",
    ),
    Adoptable(
        "endpoints",
        services(
            web="image: BOX\n"
            "networks: {default: {priority: 5, link_local_ips: [169.254.8.8]}, more: {aliases: [a, b]}}\n"
            "volumes: [{type: bind, source: /tmp, target: /t, bind: {propagation: private}}]"
        )
        + "networks: {more: {labels: {a: b}, attachable: true}}\n",
        "[a, b]",
        "[a, c]",
    ),
)
