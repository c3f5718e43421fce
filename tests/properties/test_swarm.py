"""The laws of an environment on a swarm over everything that can happen: commits, deaths, hands, Swarm's own ways."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from gitopsd.controller.swarm_reconcile import SwarmReconciler
from gitopsd.drift.swarm import differences, healable
from gitopsd.engine_json.swarm_mode import runs_to_end
from gitopsd.model.operation import Verb
from tests.properties.mutants import HUNT, Mutant, loaded
from tests.properties.swarm import Managed

pytestmark = pytest.mark.timeout(3600)
GOOD, FAILS, LATE = ("web:1", "web:2", "web:3"), "web:bad", "web:late"
JOBS = ("", "job:1", "job:2", "job:bad")
CALLS = (
    "create shop_web",
    "update shop_web",
    "create shop_job",
    "update shop_job",
    "update shop_db",
    "remove",
    "create",
)
QUICK = settings(max_examples=200, stateful_step_count=14)
SHORT = settings(HUNT, stateful_step_count=20)
MUTANTS = {
    "runs a job for as long as it is looked at": (
        Mutant("gitopsd.release.swarm_jobs", "service.version != sent.version", "service.version == sent.version"),
        "runs again in release|still open",
    ),
    "collects what a way back needs": (
        Mutant(
            "gitopsd.release.swarm_mending",
            "if each.id not in used and each.name not in needed",
            "if each.name not in needed",
        ),
        "could go back to it",
    ),
    "mends what is whole": (
        Mutant(
            "gitopsd.release.swarm_mending",
            "if found and (cause := why(spec, service, found)) else",
            "if (cause := why(spec, service, found)) else",
        ),
        "told again though nothing differs",
    ),
    "forgets what failed": (
        Mutant(
            "gitopsd.release.returning",
            "rejected = {**journal.rejected, release.content_digest: rejection}",
            "rejected = {}",
        ),
        "was rejected before",
    ),
    "leaves what newer content gave up": (
        Mutant("gitopsd.release.swarm_mending", "and name not in known\n", "and name in ()\n"),
        "shop_extra|shop_job",
    ),
}


def document(web: str, replicas: int, job: str, page: str, *, extra: bool, label: str) -> str:
    """`page` is the content of a config of `web`, `label` is one that only Swarm is told."""
    waits = "    depends_on: {job: {condition: service_completed_successfully}}\n" if job else ""
    text = (
        f"services:\n  web:\n    image: {web}\n    configs: [page]\n    x-gitopsd: {{min_ready: 0s}}\n{waits}"
        f"    deploy: {{replicas: {replicas}, labels: {{colour: {label}}}, update_config: {{monitor: 1s}}}}\n"
        f"  db:\n    image: db:1\n    x-gitopsd: {{min_ready: 0s}}\n"
    )
    text += f"  job:\n    image: {job}\n    x-gitopsd: {{job: {{}}}}\n" if job else ""
    text += "  extra:\n    image: db:1\n    networks: [more]\n    x-gitopsd: {min_ready: 0s}\n" if extra else ""
    networks = "networks: {more: {}}\n" if extra else ""
    return f"{text}{networks}configs: {{page: {{content: {page}}}}}\n"


class Swarms(RuleBasedStateMachine):
    passes: type[SwarmReconciler] = SwarmReconciler

    def __init__(self) -> None:
        super().__init__()
        self.managed = Managed(self.passes)
        swarm = self.managed.swarm
        for image in (*GOOD, FAILS, LATE, "db:1", *filter(None, JOBS)):
            self.managed.engine.add_image(image)
        swarm.failing, swarm.late = {FAILS, "job:bad"}, {LATE}
        self.before: list[str] = []

    @initialize()
    def first_release(self) -> None:
        self._push(document("web:1", 2, "", "one", extra=False, label="red"))
        self.managed.rest()

    # What people commit.

    @rule(
        web=st.sampled_from((*GOOD, FAILS, LATE)),
        replicas=st.integers(0, 3),
        job=st.sampled_from(JOBS),
        page=st.sampled_from(("one", "two", "three")),
        extra=st.booleans(),
        label=st.sampled_from(("red", "blue")),
    )
    def commit(self, web: str, replicas: int, job: str, page: str, *, extra: bool, label: str) -> None:
        self._push(document(web, replicas, job, page, extra=extra, label=label))

    @rule(back=st.integers(2, 3))
    def revert(self, back: int) -> None:
        self._push(self.before[-min(back, len(self.before))])

    def _push(self, text: str) -> None:
        self.before.append(text)
        self.managed.commit({"compose.yaml": text})

    # What goes on.

    @rule(times=st.integers(1, 3))
    def look(self, times: int) -> None:
        for _ in range(times):
            self.managed.look()

    @rule(seconds=st.sampled_from([1, 3, 10]))
    def work(self, seconds: int) -> None:
        for _ in range(3):
            self.managed.look()
            self.managed.swarm.step()
            self.managed.clock.advance(seconds)

    @rule(seconds=st.sampled_from([5, 400]))
    def wait(self, seconds: int) -> None:
        self.managed.clock.advance(seconds)

    # What goes wrong.

    @rule()
    def the_daemon_dies(self) -> None:
        self.managed.die()

    @rule(at=st.sampled_from(CALLS), how=st.sampled_from(["lost", "silent", "silent", "refused", "conflict"]))
    def the_manager_errs(self, at: str, how: str) -> None:
        self.managed.swarm.at, self.managed.swarm.how = at, how

    @rule(away=st.booleans())
    def the_manager_is_away(self, *, away: bool) -> None:
        self.managed.swarm.away = away
        self.managed.look()
        self.managed.swarm.away = False

    @rule(data=st.data(), how=st.sampled_from(["failed", "cut off"]))
    def a_task_crashes(self, data: st.DataObject, how: str) -> None:
        """Swarm begins it anew; a job's is cut off."""
        kept = self._some_service(data)
        if kept is None:
            return
        job, now = runs_to_end(kept.body), self.managed.clock.now()
        for number, task in enumerate(kept.tasks):
            if task.state == "running" and (job or how == "failed"):
                state = "orphaned" if job else "failed"
                kept.tasks[number] = replace(task, state=state, wanted="shutdown", why="it crashed", at=now)
                self.managed.laws.excused |= {"job"} if job else set()
                break
        if not job:
            self.managed.swarm.step()

    # What a person does.

    @rule(data=st.data(), what=st.sampled_from(["scale", "label", "force", "image", "back", "remove"]))
    def a_hand_is_laid_on(self, data: st.DataObject, what: str) -> None:
        kept = self._some_service(data)
        if kept is None:
            return
        if runs_to_end(kept.body):
            self.managed.laws.excused.add("job")
        name, previous = str(kept.body["Name"]), kept.previous

        def change(spec: dict[str, Any]) -> None:
            match what:
                case "scale" if "Replicated" in spec["Mode"]:
                    spec["Mode"]["Replicated"]["Replicas"] = 5
                case "label":
                    spec["Labels"]["by"] = "hand"
                case "force":
                    spec["TaskTemplate"]["ForceUpdate"] = spec["TaskTemplate"].get("ForceUpdate", 0) + 1
                case "image":
                    spec["TaskTemplate"]["ContainerSpec"]["Image"] = "web:3"
                case "back":
                    spec.update(previous or {})

        note(f"    {what} {name}")
        if what == "remove":
            del self.managed.swarm.services[name]
        else:
            self.managed.swarm.by_hand(name, change)

    @rule()
    def somebody_removes_the_stack(self) -> None:
        swarm = self.managed.swarm
        self.managed.laws.excused |= {"job"} if "shop_job" in swarm.services else set()
        swarm.services, swarm.networks, swarm.objects = {}, {}, {}

    @rule(disk=st.sampled_from(["ssd", "tape"]), availability=st.sampled_from(["active", "active", "drain"]))
    def a_node_is_changed(self, disk: str, availability: str) -> None:
        swarm = self.managed.swarm
        swarm.nodes = (replace(swarm.nodes[0], labels={"disk": disk}, availability=availability),)

    @rule(verb=st.sampled_from(["suspend", "resume", "retry", "abort"]))
    def a_person_says(self, verb: Verb) -> None:
        words = {"rollout": True} if verb in ("retry", "abort") else {}
        self.managed.ask(verb, **words)
        if verb == "retry":
            self.managed.laws.rejected = set()
        self.managed.look()

    def _some_service(self, data: st.DataObject) -> Any:
        services = self.managed.swarm.services
        return services[data.draw(st.sampled_from(sorted(services)))] if services else None

    # How it ends.

    def teardown(self) -> None:
        """When the trouble ends it arrives: what is there is what Git says, no more, and no less."""
        managed, swarm = self.managed, self.managed.swarm
        swarm.how = ""
        swarm.nodes = (replace(swarm.nodes[0], availability="active"),)
        managed.ask("resume")
        if len(self.before) % 2:
            managed.rest()
        self._push(document("web:2", 2, "job:1", "two", extra=False, label="blue"))
        managed.rest()
        if managed.journal.release is None and self._is_rejected():
            managed.ask("retry", rollout=True)  # it failed under somebody's hands
            managed.laws.rejected = set()
            managed.rest()
        managed.clock.advance(601)
        managed.rest()
        self.arrived()
        managed.die()

    def _is_rejected(self) -> bool:
        status = next(each for each in self.managed.store.statuses() if each.name == "shop")
        return any(hold.guard == "rejected" for hold in status.holds)

    def arrived(self) -> None:
        state, told = self.managed.swarm.look("shop"), self.managed._passes._told  # type: ignore[union-attr]
        assert self.managed.journal.serving is not None
        assert set(self.managed.journal.stable) - {"job"} == {"db", "web"}
        assert self.managed.journal.completed["job"], "the job never ended well"
        assert {name for name in state.services if name != "shop_job"} == {"shop_db", "shop_web"}
        for name in ("db", "web"):
            service = state.services[f"shop_{name}"]
            assert not healable(differences(told[name], service)), name
            assert sum(each.runs for each in service.tasks) == (2 if name == "web" else 1)
        assert [each.name for each in state.networks] == ["shop_default"]
        used = {id for service in state.services.values() for id in service.uses}
        assert {each.id for each in state.objects} == used


def test_the_laws_hold_whatever_happens_to_an_environment_on_a_swarm() -> None:
    run_state_machine_as_test(Swarms, settings=QUICK)


@pytest.mark.long
def test_the_laws_hold_over_ten_thousand_lives() -> None:
    run_state_machine_as_test(Swarms, settings=settings(max_examples=10_000, stateful_step_count=25, derandomize=False))


def test_that_a_repair_was_refused_is_held_against_no_release_that_comes_then() -> None:
    managed = Managed(SwarmReconciler)
    for image in ("web:1", "web:2", "db:1"):
        managed.engine.add_image(image)
    managed.commit({"compose.yaml": document("web:1", 2, "", "one", extra=False, label="red")})
    managed.rest()
    managed.swarm.services = {}
    managed.swarm.at, managed.swarm.how = "create shop_web", "refused"
    managed.look()
    managed.swarm.how = ""

    managed.commit({"compose.yaml": document("web:2", 2, "", "one", extra=False, label="red")})
    managed.rest()

    assert [each.outcome for each in managed.store.releases("shop", 2)] == ["succeeded", "succeeded"]
    managed.die()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str) -> None:
    mutant, law = MUTANTS[name]
    (module,) = loaded(mutant, "gitopsd.controller.swarm_reconcile")

    class Mistaken(Swarms):
        passes = module.SwarmReconciler

    with pytest.raises(AssertionError, match=law):
        run_state_machine_as_test(Mistaken, settings=SHORT)
