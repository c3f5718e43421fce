"""A plan says what changes, why, in which order and at which cost; equal content changes nothing."""

from dataclasses import replace

from gitopsd.model.desired import SealedState
from gitopsd.plan import plan_text
from tests.builders import a_service, a_state
from tests.daemon import Daemon


def served(state: SealedState) -> Daemon:
    return Daemon().commit(state).settle()


def changes(daemon: Daemon, state: SealedState) -> dict[str, tuple[str, str]]:
    return {each.service: (each.change, each.cause) for each in daemon.plan(state).changes}


def test_an_image_that_changes_is_the_cause() -> None:
    daemon = served(a_state(a_service()))
    assert changes(daemon, a_state(a_service(image="web:2"))) == {"web": ("replace", "image web:1 -> web:2")}


def test_replicas_and_limits_need_no_new_container() -> None:
    daemon = served(a_state(a_service()))
    assert changes(daemon, a_state(a_service(replicas=3)))["web"] == ("scale", "replicas 1 -> 3")
    assert changes(daemon, a_state(a_service(limits="1g")))["web"] == (
        "update", "limits or restart policy changed, in place"
    )  # fmt: skip


def test_both_at_once_are_both_told() -> None:
    daemon = served(a_state(a_service()))
    cause = changes(daemon, a_state(a_service(replicas=3, limits="1g")))["web"][1]
    assert cause == "replicas 1 -> 3; limits or restart policy changed, in place"


def test_equal_content_plans_nothing() -> None:
    state = a_state(a_service(), a_service("db", volumes=["data:/data"]))
    assert served(state).plan().empty


def test_a_removal_is_early_only_where_a_newcomer_needs_what_it_holds() -> None:
    daemon = served(a_state(a_service("old", ports=[80])))
    needs = daemon.plan(a_state(a_service("new", ports=[80])))
    does_not = daemon.plan(a_state(a_service("new", ports=[81])))
    assert [change.early for change in needs.changes if change.change == "remove"] == [True]
    assert [change.early for change in does_not.changes if change.change == "remove"] == [False]


def test_changes_come_in_waves() -> None:
    web = a_service(depends_on={"db": "service_started"})
    made = Daemon().commit(a_state(web, a_service("db"))).plan()
    assert [(change.wave, change.service) for change in made.changes] == [(0, "db"), (1, "web")]


def test_a_field_that_changes_is_shown_and_a_secret_one_is_not() -> None:

    def state(level: str, secret: str) -> SealedState:
        sealed = a_service(options={"environment": {"LEVEL": level, "TOKEN": secret}})
        hidden = replace(sealed.service, hidden=frozenset({("environment", "TOKEN")}))
        return a_state(replace(sealed, service=hidden))

    text = plan_text(served(state("info", "abc")).plan(state("debug", "xyz")))
    assert "environment.LEVEL: info -> debug" in text
    assert "environment.TOKEN: changed (hidden)" in text
    assert "xyz" not in text
    assert "abc" not in text


def test_the_plan_of_a_canary_names_its_steps() -> None:
    how = {"traffic": "80:8080", "strategy": "canary", "replicas": 4}
    daemon = served(a_state(a_service(**how)))
    assert plan_text(daemon.plan(a_state(a_service(image="web:2", **how)))).splitlines()[1:4] == [
        "  -/+ web: replace, image web:1 -> web:2",
        "        canary, start-first, no interruption: the router has host port 80",
        "        steps: 5 %, pause 2m, 20 %, pause 3m, 50 %, pause 3m, all",
    ]


def test_the_plan_of_a_switch_says_that_all_go_at_once() -> None:
    how = {"traffic": "80:8080", "strategy": "blue-green"}
    daemon = served(a_state(a_service(**how)))
    assert plan_text(daemon.plan(a_state(a_service(image="web:2", **how)))).splitlines()[2:4] == [
        "        blue-green, start-first, no interruption: the router has host port 80",
        "        steps: all",
    ]


def test_a_canary_has_no_steps_while_its_port_goes_over_to_the_router() -> None:
    daemon = served(a_state(a_service(ports=[80])))
    wanted = a_state(a_service(ports=[80], traffic="80:80", strategy="canary"))
    assert plan_text(daemon.plan(wanted)).splitlines()[2:4] == [
        "        canary, stop-first, about 7 s without service: "
        "host port 80 goes over from its container to the router, this once",
        "        traffic: (none) -> http at port 80, to 80",
    ]


def test_another_route_needs_no_new_container() -> None:
    daemon = served(a_state(a_service(traffic="80:8080")))
    wanted = a_state(a_service(traffic="81:8080"))
    assert changes(daemon, wanted) == {"web": ("update", "the router serves it otherwise")}
    daemon.done.clear()
    assert daemon.commit(wanted).settle().plan().empty
    assert daemon.moves() == []


def test_what_cannot_stand_twice_is_no_canary() -> None:
    state = a_state(a_service(traffic="80:8080", strategy="canary", container_name="front"))
    assert "canary has the new beside the old, but its container_name is fixed" in plan_text(Daemon().plan(state))


def test_services_that_exchange_their_ports_are_held_before_one_of_them_is_stopped() -> None:
    daemon = served(a_state(a_service(ports=[80]), a_service("api", ports=[81])))
    daemon.done.clear()

    daemon.commit(a_state(a_service(ports=[81]), a_service("api", ports=[80]))).settle()

    assert daemon.moves() == []
    assert [hold.guard for hold in daemon.plan().holds] == ["ports"]
    assert (
        "held by ports: api takes host port 80/tcp from web; web takes host port 81/tcp from api, which has not let go "
        "of it by then; give web another port in a commit of its own first"
    ) in plan_text(daemon.plan())


def test_a_port_of_a_service_whose_turn_comes_later_is_held() -> None:
    daemon = served(a_state(a_service(ports=[80], depends_on=["api"]), a_service("api", ports=[81])))

    held = daemon.plan(a_state(a_service(ports=[82], depends_on=["api"]), a_service("api", ports=[80]))).holds

    assert ["api takes host port 80/tcp from web" in hold.reason for hold in held] == [True]


def test_ports_that_move_on_one_after_the_other_are_let_go_in_time() -> None:
    daemon = served(a_state(a_service(ports=[80]), a_service("api", ports=[81])))

    daemon.commit(a_state(a_service(ports=[82]), a_service("api", ports=[80]))).settle()

    assert daemon.plan().empty
