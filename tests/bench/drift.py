"""What is changed by hand on live containers: what gitopsd finds and heals of it, beside `docker compose up -d`."""

import os
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from gitopsd.engine_json.comparison import differences
from gitopsd.engine_json.projection import container_projection
from tests.bench.ground import Ground
from tests.bench.result import Result
from tests.conftest import gone_is_fine, remove_project
from tests.e2e import hand_on_content, hand_on_networks
from tests.e2e.conftest import ONE, TWO, make_pictures
from tests.e2e.hand import Case, Hand, Mutate
from tests.e2e.rig import Rig, web
from tests.e2e.test_drift import CASES, taken, told
from tests.images import Images

SERVICE = "com.docker.compose.service"
QUIET = ("Running", "Waiting", "Healthy")


@dataclass(frozen=True)
class Outcome:
    """Whether Compose did or said anything, whether all is as it was afterwards, and its words."""

    found: bool
    mended: bool
    words: str


def drift(ground: Ground) -> list[Result]:
    """Every case of the tests; in the table Compose gets a project of its own for each, gitopsd heals all at once."""
    make_pictures(Images(ground.api))
    ours = _ours(ground)
    print("| changed by hand | gitopsd finds | heals | `docker compose up -d` |\n|---|---|---|---|")
    theirs: dict[str, Outcome] = {}
    for name, case in {**CASES, **BEYOND}.items():
        if name == "names-changed-too":
            continue  # the other half of `names-changed`
        if name in hand_on_content.CASES:
            words = "mounts the work tree"
        elif name in ours or name in BEYOND:
            theirs[name] = _compose(ground, name, case)
            words = theirs[name].words
        else:
            continue
        print(f"| {name.replace('-', ' ')} | {_found(case)} | {_healed(case)} | {words} |", flush=True)
    mendable = {name: each for name, each in theirs.items() if name in ours}
    found = sum(each.found for each in theirs.values())
    print(
        f"\ndocker compose up -d: {found} of {len(theirs)} found, {sum(each.mended for each in theirs.values())} mended"
    )
    left = sum(not each.mended for each in mendable.values())
    what = f"changes by hand that stay, of {len(mendable)}, vs. `docker compose up -d`"
    return [Result(what, sum(not ours[name] for name in mendable), left, 0, "changes")]


def _ours(ground: Ground) -> dict[str, bool]:
    """Whether each was found with its fields and its cure, and is as it was afterwards."""
    rig = Rig(ground.directory / "rig", ground.api, os.environ["DOCKER_HOST"], f"gitopsd-bench-{uuid.uuid4().hex[:8]}")
    try:
        story = told(rig)
        left = {each.service for each in story.left}
        return {
            name: name not in left and story.reconnected[name] == story.connected[name]
            for name, case in CASES.items()
            if taken(rig, case)
        }
    finally:
        rig.close()


def _found(case: Case) -> str:
    paths = [path.replace("PROJECT_", "") for path in case.paths]
    return ", ".join([*([] if case.kind == "modified" else [case.kind]), *case.also, *paths])


def _healed(case: Case) -> str:
    if case.cure == "none":
        return "only told"
    return "in place" if case.same else "a new container"


def _compose(ground: Ground, name: str, case: Case) -> Outcome:
    project = f"gitopsd-bench-{uuid.uuid4().hex[:8]}"
    tag = f"{project}:tag"
    directory = ground.directory / project
    directory.mkdir()
    ground.api.tag(ONE, tag)
    try:
        (directory / "compose.yaml").write_text(yaml.safe_dump(_document(name, case, tag)))
        _up(ground, directory, project)
        before = _shown(ground, project)
        case.mutate(Hand(ground.api, before[name]["Id"], project, {key: each["Id"] for key, each in before.items()}))
        said = _up(ground, directory, project)
        return _judged(said, before, _shown(ground, project))
    finally:
        remove_project(ground.api, project)
        gone_is_fine(partial(ground.api.remove_image, tag, force=True))


def _document(name: str, case: Case, tag: str) -> dict[str, Any]:
    named = [name, "names-changed-too"] if name.startswith("names-changed") else [name]
    services = {each: {**web(ONE, **case.service)} for each in dict.fromkeys(named)}
    services["other"] = web(ONE, networks=["front"])
    if case.mutate is BEYOND["tag-moved"].mutate:
        services[name]["image"] = tag
    return {
        "services": services,
        "networks": hand_on_networks.NETWORKS,
        "volumes": {"data": {}},
    }


def _up(ground: Ground, directory: Path, project: str) -> "subprocess.CompletedProcess[str]":
    command = [str(ground.compose), "--progress", "plain", "-p", project, "up", "-d", "--quiet-pull"]
    return subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True, timeout=120)


def _shown(ground: Ground, project: str) -> dict[str, Any]:
    label = {"label": f"com.docker.compose.project={project}"}
    rows = ground.api.containers(all=True, filters=label)
    return {row["Labels"][SERVICE]: ground.api.inspect_container(row["Id"]) for row in reversed(rows)}


def _judged(said: "subprocess.CompletedProcess[str]", before: Mapping[str, Any], after: Mapping[str, Any]) -> Outcome:
    """As it was: every container there is, runs, bears its name and shows the same fields."""
    lines = [line.split() for line in said.stderr.splitlines() if line.strip()]
    deeds = list(dict.fromkeys(line[-1] for line in lines if line[0] == "Container" and line[-1] not in QUIET))
    alike = before.keys() == after.keys() and all(_alike(before[key], after[key]) for key in before)
    if said.returncode:
        reason = said.stderr.strip().splitlines()[-1].rpartition("daemon: ")[2]
        return Outcome(True, False, f"fails: {reason[:90]}")
    deed = next((each for each in ("Recreated", "Created", "Started") if each in deeds), "")
    words = f"{deed.lower()}: {'as it was' if alike else 'not as it was'}" if deed else "sees nothing"
    return Outcome(bool(deed), bool(deed) and alike, words)


def _alike(before: Any, after: Any) -> bool:
    runs = bool(after["State"]["Running"] and not after["State"]["Paused"])
    return runs and not differences(container_projection(before), container_projection(after))


def _tag(hand: Hand) -> None:
    repository = str(hand.api.inspect_container(hand.container)["Config"]["Image"]).partition(":")[0]
    hand.api.tag(TWO, repository, "tag", force=True)


def _twin_in_place(hand: Hand) -> None:
    twin = hand.run_twin()
    name = str(hand.api.inspect_container(hand.container)["Name"]).removeprefix("/")
    hand.remove()
    hand.api.rename(twin, name)


def _without_network(hand: Hand) -> None:
    hand.stop()
    hand.leave("back")
    hand.api.remove_network(hand.network("back"))


def _without_volume(hand: Hand) -> None:
    hand.remove()
    hand.api.remove_volume(hand.network("data"))


BACK = {"networks": ["back"]}


def _beyond(mutate: Mutate, finds: str, cure: str, same: bool, service: Mapping[str, Any] | None = None) -> Case:
    return Case(mutate, (), cure, same, service or {}, kind=finds)


# What `tests/e2e/test_drift_beyond.py` proves of gitopsd.
BEYOND: dict[str, Case] = {
    "network-removed": _beyond(_without_network, "network missing, stopped", "in-place", True, BACK),
    "volume-removed": _beyond(
        _without_volume, "volume missing, missing", "recreate", False, {"volumes": ["data:/data"]}
    ),
    "a-twin-without-limits-in-its-place": _beyond(
        _twin_in_place, "missing, extra", "recreate", False, {"mem_limit": "64m"}
    ),
    "a-twin-beside-it": _beyond(lambda hand: hand.run_twin(), "extra", "none", True),
    "tag-moved": _beyond(_tag, "image: tag", "none", True),
}
