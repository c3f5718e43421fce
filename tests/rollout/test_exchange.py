"""Files that are exchanged while what runs goes on running: on the way forth, on the way back, and after a crash."""

from typing import Any

from gitopsd.model.action import Exchange
from gitopsd.model.drift import FieldDrift
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

FLAGS, CONF = "update /etc/flags.yaml", "SIGHUP /etc/app.conf"


def serving(**how: Any) -> Daemon:
    daemon = wants(Daemon(), **how).settle()
    daemon.done.clear()
    return daemon


def wants(daemon: Daemon, image: str = "web:1", behaviour: Behaviour | None = None, **files: Any) -> Daemon:
    how = {"replicas": files.pop("replicas", 1), **files}
    return daemon.commit(a_state(a_service(image=image, **how)), **({"web": behaviour} if behaviour else {}))


def files(flags: str = "off", conf: str = "one") -> dict[str, Any]:
    return {"exchanged": {FLAGS: flags, CONF: conf}}


def test_files_are_exchanged_and_nothing_is_replaced() -> None:
    daemon = wants(serving(replicas=2, **files()), replicas=2, **files("on")).settle()

    assert daemon.moves() == ["Exchange shop-web-1", "Exchange shop-web-2"]
    assert daemon.plan().empty
    assert not daemon.look()


def test_only_what_its_own_files_ask_for_is_sent() -> None:
    daemon = serving(**files())

    (flags,) = wants(daemon, **files("on")).settle().done
    (conf,) = _after(daemon, "on", "two")
    (both,) = _after(daemon, "off", "one")

    assert [each.signals for each in (flags, conf, both) if isinstance(each, Exchange)] == [
        (),
        ("SIGHUP",),
        ("SIGHUP",),
    ]


def _after(daemon: Daemon, flags: str, conf: str) -> list[Any]:
    daemon.done.clear()
    return wants(daemon, **files(flags, conf)).settle().done


def test_a_revert_exchanges_them_back() -> None:
    daemon = wants(serving(**files()), **files("on")).settle()
    daemon.done.clear()

    assert wants(daemon, **files()).settle().moves() == ["Exchange shop-web-1"]


def test_limits_and_files_are_brought_in_one_go_and_each_once() -> None:
    daemon = wants(serving(**files()), limits="1g", **files("on")).settle()

    assert daemon.moves() == ["Update shop-web-1", "Exchange shop-web-1"]
    assert daemon.plan().empty


def test_a_canary_with_other_files_alone_has_no_steps() -> None:
    how: dict[str, Any] = {"strategy": "canary", "traffic": "80:8080"}
    daemon = wants(serving(**how, **files()), **how, **files("on")).settle()

    assert daemon.moves() == ["Exchange shop-web-1"]


def test_what_the_engine_refuses_is_tried_again_and_the_old_files_stay_in_force() -> None:
    daemon = serving(**files())
    daemon.world.refuse = {"Exchange shop-web-1": "no space left on device"}
    wants(daemon, **files("on")).run()
    assert "update:off" in daemon.world.named("shop-web-1").limits

    daemon.world.refuse = {}
    wants(daemon, **files("on")).settle()

    assert "update:on" in daemon.world.named("shop-web-1").limits


def test_a_release_whose_files_the_engine_refuses_for_good_goes_back() -> None:
    daemon = serving(**files())
    daemon.world.refuse = {"Exchange shop-web-1": "files cannot be exchanged in place on an engine for s390x"}

    wants(daemon, **files("on")).settle()

    assert daemon.outcome() == "rolled-back"
    assert "on an engine for s390x" in daemon.reason()
    assert "update:off" in daemon.world.named("shop-web-1").limits


def test_a_release_is_good_when_its_files_are_seen_and_not_before() -> None:
    daemon = wants(serving(**files()), **files("on"))
    daemon.look()
    assert daemon.journal.release is not None

    daemon.settle()

    assert daemon.journal.release is None


def test_a_newer_image_that_fails_leaves_the_files_of_what_serves() -> None:
    never = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
    daemon = serving(**files())

    wants(daemon, "web:2", never, **files("on")).settle()

    assert daemon.world.running() == ["shop-web-1 web:1"]
    assert "update:off" in daemon.world.named("shop-web-1").limits


def test_a_file_that_was_changed_by_hand_is_exchanged_again_and_told() -> None:
    daemon = serving(**files())
    at = ("exchanged_content", "/etc/app.conf")
    daemon.changed["shop-web-1"] = (FieldDrift(at, "a", "a", "b", "declared", "in-place"),)

    (heal,) = daemon.run().done

    assert str(heal) == "Exchange shop-web-1  # repair: exchanged_content./etc/app.conf changed by hand"
    assert isinstance(heal, Exchange)
    assert heal.signals == ("SIGHUP",)
