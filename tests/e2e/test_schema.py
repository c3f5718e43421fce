"""A database's schema beside its code, on a real PostgreSQL: what goes through fails no query, and the rest is refused.

The code is two versions of a small service that reads and writes all the time: the first one uses `name`, the second
one `full_name`. An expand job adds that, with a trigger that keeps the two alike; a contract job drops the first one.
"""

from collections import Counter
from functools import partial
from typing import Any

import docker
import pytest

from tests.e2e.rig import Rig, web
from tests.e2e.witness import Witness
from tests.postgres import postgres_image

IMAGE = "gitopsd-test/postgres:1"
PATIENT = 200.0  # a database, a job and a service come up one after the other
LOOP = """
while :; do
  psql -qtAc "{write}" -c "{read}" >/tmp/said 2>&1 || { cat /tmp/said; echo FAILED; }
  sleep 0.1
done
"""
CODE = {
    1: ("INSERT INTO person (name) VALUES ('ada')", "SELECT name FROM person LIMIT 1"),
    2: ("INSERT INTO person (full_name) VALUES ('ada')", "SELECT full_name FROM person LIMIT 1"),
}
READ = "SELECT number FROM version"
BEGIN = "CREATE TABLE person (id serial PRIMARY KEY, name text); CREATE TABLE version AS SELECT 14 AS number"
EXPAND = """
ALTER TABLE person ADD COLUMN full_name text;
CREATE FUNCTION alike() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN NEW.full_name := coalesce(NEW.full_name, NEW.name); NEW.name := NEW.full_name; RETURN NEW; END';
CREATE TRIGGER alike BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION alike();
UPDATE person SET full_name = name;
UPDATE version SET number = 16
"""
CONTRACT = """
DROP TRIGGER alike ON person; ALTER TABLE person DROP COLUMN name; UPDATE version SET number = 17
"""


@pytest.fixture(scope="session", autouse=True)
def _postgres(docker_api: docker.APIClient) -> None:
    postgres_image(docker_api, IMAGE)


def database() -> dict[str, Any]:
    health = {"health": {"tcp": {"port": 5432}, "interval": "300ms", "timeout": "10s"}}
    return web(IMAGE, command=["start-postgres"], user="postgres", tmpfs=["/data:mode=1777"], x=health)


def code(version: int, accepts: str, **more: Any) -> dict[str, Any]:
    write, read = CODE[version]
    loop = LOOP.replace("{write}", write).replace("{read}", read)
    schema = {"schema": {"database": "shop", "accepts": accepts}}
    return web(IMAGE, command=["sh", "-c", loop], depends_on=["db"], x=schema, **more)


def job(phase: str, statements: str, seconds: float = 0, **said: Any) -> dict[str, Any]:
    """A job that takes its time after it has begun, and carries its statements out in one transaction."""
    run = ["sh", "-c", f'sleep {seconds}; psql -qtA -v ON_ERROR_STOP=1 -1 -c "{statements}"']
    needs = {"db": {"condition": "service_healthy"}}
    moves = {"database": "shop"} if {"provides", "drops"} & said.keys() or phase == "probe" else {}
    x = {"job": {"phase": phase, **moves, **said}}
    return {"image": IMAGE, "command": run, "depends_on": needs, "x-gitopsd": x, "stop_signal": "SIGKILL"}


def first(**more: Any) -> dict[str, Any]:
    return {"db": database(), "expand": job("expand", BEGIN, provides=14), "web": code(1, "14-16"), **more}


def second(seconds: float = 0, **more: Any) -> dict[str, Any]:
    expand = job("expand", EXPAND, seconds, provides=16)
    return {"db": database(), "expand": expand, "web": code(2, "16-17"), **more}


def all_around() -> dict[str, Any]:
    """A job of every phase beside the one that expands."""
    read, look = job("probe", READ, 1), {phase: job(phase, "SELECT 1", 1) for phase in ("before", "verify", "after")}
    return {"probe": read, **look, "contract": job("contract", CONTRACT, 1, drops=16, after="1s")}


def runs_of(seen: Witness) -> Counter[str]:
    """How often what is in the project was started since somebody looked, by service."""
    return Counter(each.service for each in seen.moments if each.action == "start")


def failures(rig: Rig) -> str:
    """What the database itself says of queries that failed, whoever asked."""
    logs = rig.api.logs(rig.container("db-1")["Id"]).decode()
    return "\n".join(line for line in logs.splitlines() if "ERROR:" in line)


def at(rig: Rig) -> str:
    return rig.run_inside("db-1", "psql", "-h", "127.0.0.1", "-tAc", READ).strip()


def rows(rig: Rig) -> int:
    return int(rig.run_inside("db-1", "psql", "-h", "127.0.0.1", "-tAc", "SELECT count(*) FROM person"))


def writes_on(rig: Rig) -> None:
    before = rows(rig)
    rig.eventually(lambda: rows(rig) > before)


def killed_in(rig: Rig, service: str) -> None:
    """The daemon dies while a job runs, and comes back."""
    rig.eventually(partial(runs, rig, service), PATIENT)
    rig.process.kill()
    rig.start()


def runs(rig: Rig, service: str) -> bool:
    return any(row["State"] == "running" for row in rig.rows(service))


@pytest.mark.timeout(600)
def test_a_schema_expands_and_contracts_under_load_without_a_failed_query_and_the_daemon_dies_in_every_job(
    rig: Rig,
) -> None:
    rig.synced(rig.push(**first()), within=PATIENT)
    writes_on(rig)
    seen = rig.witness()
    commit = rig.push(**second(1, **all_around()))
    for each in ("probe", "before", "expand", "verify", "after", "contract"):
        killed_in(rig, each)
    rig.eventually(lambda: at(rig) == "17", PATIENT)
    rig.synced(commit, within=PATIENT)
    writes_on(rig)
    assert failures(rig) == ""
    assert [each.outcome for each in rig.store.releases("shop")] == ["succeeded"] * 3
    ran = runs_of(seen)
    assert [ran[each] for each in ("before", "expand", "verify", "after", "contract")] == [1] * 5
    assert ran["probe"] == 2  # as the contract is a release of its own
    gone = "shop is at 17 (contract of release 3), and its web accepts 14-16"
    assert rig.ask("pin", release=1, for_s=600, reason="slow") == f"not pinned: release 1 cannot be returned to: {gone}"
    assert gone in rig.process.command("rollback", "shop", "--to", "1", code=1)
    assert gone in rig.process.command("history", "shop")

    rig.run_inside("db-1", "psql", "-h", "127.0.0.1", "-c", "UPDATE version SET number = 16")
    before = rig.ids()[f"/{rig.project}-web-1"]
    moved = rig.rejected(
        rig.push(**{**second(1, **all_around()), "web": code(2, "16-17", environment={"A": "B"})}), within=PATIENT
    )
    assert "shop is at 16, but was taken to be at 17 (contract of release 3)" in moved
    assert rig.ids()[f"/{rig.project}-web-1"] == before


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_incompatible_change_is_refused_before_anything_moved_and_a_return_leaves_old_code_with_the_new_schema(
    rig: Rig,
) -> None:
    rig.synced(rig.push(**first()), within=PATIENT)
    before = rig.ids()
    contract = job("expand", CONTRACT, provides=17)
    refused = rig.rejected(rig.push(db=database(), expand=contract, web=code(2, "17")), within=PATIENT)
    assert "expand brings shop to 17, but web accepts 14-16, and may serve then; commits that would work" in refused
    assert (rig.ids(), at(rig)) == (before, "14")

    broken = {**code(2, "16-17"), "command": ["sh", "-c", "exit 3"]}
    broken["x-gitopsd"] = {**broken["x-gitopsd"], "health": {"tcp": {"port": 9}}}
    mourn = job("on-failure", "SELECT 1", 1)
    seen, commit = rig.witness(), rig.push(**{**second(mourn=mourn), "web": broken})
    killed_in(rig, "mourn")
    rig.rejected(commit, within=PATIENT)
    assert runs_of(seen)["mourn"] == 1
    assert (rig.ids()[f"/{rig.project}-web-1"], at(rig)) == (before[f"/{rig.project}-web-1"], "16")
    writes_on(rig)
    assert failures(rig) == ""
