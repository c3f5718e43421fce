"""What the real `docker compose config` refuses is refused, with its place and mend; and what only one of the two does.

`broken/TOPIC.yaml` has one broken project to a document, `broken/TOPIC.txt` what is said about each; `UPDATE_GOLDEN=1`
writes that anew, to be read before it is committed.
"""

import os
import re
from pathlib import Path

import pytest

from tests.manifest.parity import Answer, verdicts

BROKEN = Path(__file__).parent / "broken"
TOPICS = sorted(path.stem for path in BROKEN.glob("*.yaml"))
# What Compose's `config` accepts and no engine could carry out, or what it accepts and then drops.
ONLY_COMPOSE_ACCEPTS = {
    # Only other machines or other programs could carry these out.
    "cpu_count: 2": "services.web.cpu_count: is for Windows containers",
    "cpu_percent: 50": "services.web.cpu_percent: is for Windows containers",
    "isolation: hyperv": "services.web.isolation: expected default",
    "credential_spec: {file: a.json}": "services.web.credential_spec: is for Windows containers",
    "volumes: [{type: npipe, source: a, target: /a}]": "services.web.volumes[0].type: named pipes",
    "volumes: [{type: cluster, source: a, target: /a}]": "services.web.volumes[0].type: cluster volumes need Swarm",
    "deploy: {mode: global}": "services.web.deploy.mode: global needs Swarm",
    "deploy: {mode: replicated-job}": "services.web.deploy.mode: replicated-job needs Swarm",
    "deploy: {endpoint_mode: vip}": "services.web.deploy.endpoint_mode: vip needs Swarm",
    "deploy: {labels: {a: b}}": "services.web.deploy.labels: labels a Swarm service",
    "deploy: {rollback_config: {monitor: 5s}}": "services.web.deploy.rollback_config.monitor: what served before has",
    "deploy: {rollback_config: {max_failure_ratio: 0.5}}": "rollback_config.max_failure_ratio: all slots go back",
    "deploy: {rollback_config: {failure_action: continue}}": "rollback_config.failure_action: each slot that can",
    "deploy: {rollback_config: {failure_action: rollback}}": "rollback_config.failure_action: what goes back has",
    "deploy: {placement: {constraints: [a]}}": "services.web.deploy.placement: needs Swarm",
    "deploy: {resources: {reservations: {generic_resources: [{}]}}}": "generic_resources: needs Swarm",
    "provider: {type: cloud}": "services.web.provider: hands the service to a program beside the engine",
    "use_api_socket: true": "services.web.use_api_socket: hands out the credentials",
    "post_start: [{command: a}]": "services.web.post_start: is run by the Compose command",
    "pre_stop: [{command: a}]": "services.web.pre_stop: is run by the Compose command",
    "pull_policy: build": "services.web.pull_policy: images are not built here",
    "pull_refresh_after: 1d": "services.web.pull_refresh_after: is not acted on by Compose either",
    # Compose drops the value, or reads another one than is written.
    "mem_limit: 1e9": "services.web.mem_limit: expected a size",
    "shm_size: 1.5": "services.web.shm_size: expected a size",
    "blkio_config: {weight: 70000}": "services.web.blkio_config.weight: expected a number from 10 to 1000",
    "pids_limit: 1e30": "services.web.pids_limit: expected a whole number",
    "gpus: [{foo: 1}]": "services.web.gpus[0].foo: unknown key",
    "pull_policy: alwaysx": "services.web.pull_policy: expected always",
    "pull_policy: refresh": "services.web.pull_policy: expected always",
    'network_mode: ""': "services.web.network_mode: is empty",
    'ports: [{target: 80, mode: ""}]': "services.web.ports[0].mode: expected one of ingress, host",
    'ports: [{target: 80, protocol: ""}]': "services.web.ports[0].protocol: expected one of tcp, udp, sctp",
    'volumes: [{type: volume, target: ""}]': "services.web.volumes[0]: has no target",
    'devices: ["/dev/a:rw"]': "services.web.devices[0]: expected an absolute path inside",
    # An engine refuses the container that Compose would ask for.
    "uts: service:db": "services.web.uts: expected host",
    "userns_mode: private": "services.web.userns_mode: expected host",
    "ipc: shared": "services.web.ipc: expected host",
    "pid: private": "services.web.pid: expected host",
    'network_mode: "container:"': "services.web.network_mode: names nothing",
    "mac_address: here": "services.web.mac_address: expected an address",
    "networks: {default: {mac_address: here}}": "services.web.networks.default.mac_address: expected an address",
    "networks: {default: {link_local_ips: [here]}}": "link_local_ips[0]: expected an IP address",
    "networks: {default: {ipv4_address: here}}": "services.web.networks.default.ipv4_address: expected an IPv4 address",
    "dns: here": "services.web.dns: expected IP addresses",
    "extra_hosts: {a: here}": "services.web.extra_hosts.a: expected an IP address",
    "security_opt: [seccomp]": "services.web.security_opt[0]: expected NAME=VALUE",
    "security_opt: [seccomp=missing.json]": "services.web.security_opt[0]: 'shop/missing.json' does not exist",
    "ulimits: {files: 1}": "services.web.ulimits.files: the kernel knows no such limit",
    "ulimits: {nofile: -2}": "services.web.ulimits.nofile: expected a whole number of at least -1",
    "ulimits: {nofile: {soft: 6, hard: 5}}": "services.web.ulimits.nofile: the soft limit is above the hard one",
    "mem_limit: -1": "services.web.mem_limit: '-1' is negative",
    "memswap_limit: 1g": "services.web.memswap_limit: is memory and swap together, and needs a limit of memory",
    "mem_limit: 1g, memswap_limit: 1m": "services.web.memswap_limit: is memory and swap together, but less",
    "mem_limit: 1m, mem_reservation: 1g": "services.web.mem_reservation: more memory is reserved",
    "mem_swappiness: 200": "services.web.mem_swappiness: expected a whole number from 0 to 100",
    "cpus: -1": "services.web.cpus: expected a number from 0 up",
    "cpus: 1, cpu_quota: 50000": "services.web.cpu_quota: cpus is a quota already",
    "cpu_quota: 5": "services.web.cpu_quota: expected at least 1000 microseconds",
    "cpu_period: 5": "services.web.cpu_period: expected 1000 to 1000000 microseconds",
    "cpu_shares: -1": "services.web.cpu_shares: expected a whole number of at least 0",
    "cpuset: first": "services.web.cpuset: expected numbers of CPUs",
    "pids_limit: -5": "services.web.pids_limit: expected a whole number of at least -1",
    "blkio_config: {device_read_bps: [{path: /a}]}": "device_read_bps[0]: has no rate",
    "blkio_config: {weight_device: [{weight: 50}]}": "weight_device[0]: has no path",
    "device_cgroup_rules: [all]": "services.web.device_cgroup_rules[0]: expected a rule",
    'devices: ["/dev/a:/dev/b:x"]': "services.web.devices[0]: expected permissions",
    "devices: [here]": "services.web.devices[0]: expected an absolute path",
    "platform: a/b/c/d": "services.web.platform: expected a platform",
    "stop_signal: SIG TERM": "services.web.stop_signal: expected a signal",
    "restart: sometimes": 'services.web.restart: expected "no"',
    "expose: [x]": "services.web.expose[0]: expected ports",
    "group_add: [5, '5']": "services.web.group_add[1]: '5' is in the list twice",
    "external_links: [a:b:c]": "services.web.external_links[0]: expected CONTAINER",
    "volumes_from: ['db:xx']": "services.web.volumes_from[0]: expected SERVICE",
    "volumes: [{type: image, target: /a}]": "services.web.volumes[0]: has no source",
    "deploy: {restart_policy: {condition: soon}}": "services.web.deploy.restart_policy.condition: expected one of",
    "deploy: {restart_policy: {condition: any, max_attempts: 3}}": "max_attempts: the engine counts attempts only",
    "network_mode: service:db, ports: ['80:80']": "services.web.ports: belongs to the container whose network",
    "network_mode: container:a, hostname: b": "services.web.hostname: belongs to the container whose network",
    "network_mode: host, links: [db]": "services.web.links: means nothing in the host's network",
    "uts: host, hostname: a": "services.web.hostname: the host's name counts",
    "mac_address: '02:42:ac:11:65:43', networks: {default: {mac_address: '02:42:ac:11:65:44'}}": (
        "services.web.mac_address: says something else than networks.default.mac_address"
    ),
}
# What only Compose refuses, though it has a plain meaning.
ONLY_COMPOSE_REFUSES = (
    "ulimits: {nofile: {soft: 1, hard: 1e3}}",  # it crashes on a number written as a power of ten
)
SAID = re.compile(r"shop/compose\.yaml:[1-9][0-9]*:[1-9][0-9]*: .*(; |expected |did you mean )")


@pytest.mark.parametrize("topic", TOPICS)
def test_what_compose_refuses_is_refused_with_place_and_mend(topic: str, compose_program: Path) -> None:
    projects = (BROKEN / f"{topic}.yaml").read_text().split("\n---\n")

    found = list(verdicts(compose_program, ({"compose.yaml": project} for project in projects)))

    assert [str(each) for each in found if not each.compose.refusal] == []
    assert [line for each in found for line in lines(each.gitopsd) if not SAID.match(line)] == []
    golden = BROKEN / f"{topic}.txt"
    text = "\n".join("".join(f"{line}\n" for line in lines(each.gitopsd)) for each in found)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_what_only_compose_accepts_is_refused_for_a_reason(compose_program: Path) -> None:
    projects = [{"compose.yaml": a_project(keys)} for keys in ONLY_COMPOSE_ACCEPTS]

    found = dict(zip(ONLY_COMPOSE_ACCEPTS, verdicts(compose_program, projects), strict=True))

    assert [keys for keys, each in found.items() if each.compose.refusal] == []
    assert [keys for keys, why in ONLY_COMPOSE_ACCEPTS.items() if why not in str(found[keys].gitopsd)] == []
    assert [line for each in found.values() for line in lines(each.gitopsd) if not SAID.match(line)] == []


def test_what_only_compose_refuses_has_a_plain_meaning(compose_program: Path) -> None:
    projects = [{"compose.yaml": a_project(keys)} for keys in ONLY_COMPOSE_REFUSES]

    found = dict(zip(ONLY_COMPOSE_REFUSES, verdicts(compose_program, projects), strict=True))

    assert [keys for keys, each in found.items() if not each.compose.refusal or each.gitopsd.refusal] == []


def a_project(keys: str) -> str:
    """A project whose service `web` has these keys, beside a service `db`."""
    return f"services: {{web: {{image: i, {keys}}}, db: {{image: d}}}}\n"


def lines(answer: Answer) -> list[str]:
    """What is said about a broken project; one that is not refused has no lines."""
    return answer.refusal.splitlines()
