"""A journal gets the fingerprints of another version: every place of an old name, and nothing besides names."""

from dataclasses import replace
from datetime import timedelta

from gitopsd.model.desired import SealedState
from gitopsd.model.release import Journal, Placed, Rejection, Release, ReleasedService, Serving
from gitopsd.model.rollout import Progressing, Rollout, Target
from gitopsd.release.renewal import Renewal, outdated, renew, renewed_release, unknown
from tests.builders import NOON, a_service, a_state

OLD, NEW = "v1:one", "v2:other"


def sealed_again(*names: str) -> SealedState:
    """What this version makes of the same services."""
    state = a_state(*(a_service(name) for name in names))
    services = {
        name: replace(sealed, fingerprint=f"{NEW}-{name}", in_place=f"limits of {name} now")
        for name, sealed in state.services.items()
    }
    return replace(state, services=services, content_digest="content now", input_digest="inputs now")


def a_release(*names: str, number: int = 1, content: str = "content then") -> Release:
    services = tuple(ReleasedService(name, f"{name}:1", "", f"{OLD}-{name}", "config", 1) for name in names)
    return Release(number, "production", "a" * 40, "inputs then", content, "Ada", "Ship", "commit", NOON, services)


def a_journal(*names: str) -> Journal:
    target = {name: Target(f"{OLD}-{name}", 1, f"limits of {name}", f"{name}:1") for name in names}
    placed = {name: Placed(name, 1, f"{OLD}-{name}", f"limits of {name}", 1, f"shop-{name}-1") for name in names}
    serving = Serving(1, "a" * 40, "b" * 40, "inputs then", "content then")
    return Journal("production", "shop", serving, stable=target, inventory=placed)


def test_what_serves_has_its_new_name_wherever_the_old_one_stood() -> None:
    journal = replace(a_journal("web"), completed={"web": (f"{OLD}-web", "v1:before")})
    rejection = Rejection("content then", 1, "a" * 40, "crashed", NOON)
    journal = replace(journal, rejected={"content then": rejection, "another": replace(rejection, release=2)})

    after = renew(journal, (Renewal(a_release("web"), sealed_again("web")),))

    assert after.stable["web"] == Target(f"{NEW}-web", 1, "limits of web now", "web:1")
    assert after.inventory["web"] == Placed("web", 1, f"{NEW}-web", "limits of web now", 1, "shop-web-1")
    assert after.completed == {"web": (f"{NEW}-web", "v1:before")}
    assert set(after.rejected) == {"content now", "another"}
    assert after.serving == Serving(1, "a" * 40, "b" * 40, "inputs now", "content now")
    assert not outdated(after, "v2")


def test_an_open_rollout_keeps_its_course_between_the_new_names() -> None:
    open_release = a_release("web", number=2, content="content of the open one")
    target = Target("v1:next-web", 1, "limits next", "web:2")
    rollout = Rollout(
        "web",
        2,
        target,
        Target(f"{OLD}-web", 1, "limits of web", "web:1"),
        "start-first",
        a_service().service.policy,
        "image web:1 -> web:2",
        Progressing(),
        NOON,
        NOON + timedelta(minutes=10),
    )
    services = tuple(replace(each, fingerprint="v1:next-web") for each in open_release.services)
    open_release = replace(open_release, services=services)
    journal = replace(a_journal("web"), release=open_release, rollouts={"web": rollout})
    journal = replace(journal, before=journal.stable)
    next_state = sealed_again("web")
    next_state = replace(
        next_state,
        services={"web": replace(next_state.services["web"], fingerprint="v2:next", in_place="next now")},
        content_digest="content of the open one now",
    )

    after = renew(journal, (Renewal(a_release("web"), sealed_again("web")), Renewal(open_release, next_state)))

    assert after.rollouts["web"] == replace(
        rollout,
        target=replace(target, fingerprint="v2:next", in_place="next now"),
        stable=Target(f"{NEW}-web", 1, "limits of web now", "web:1"),
    )
    assert after.before == after.stable == {"web": Target(f"{NEW}-web", 1, "limits of web now", "web:1")}
    assert after.release is not None
    assert after.release.content_digest == "content of the open one now"
    assert after.serving is not None
    assert after.serving.content_digest == "content now"


def test_what_nobody_can_seal_again_keeps_its_old_name_and_is_told() -> None:
    journal = a_journal("web", "db")
    after = renew(journal, (Renewal(a_release("web"), sealed_again("web")),))
    assert unknown(after, "v2") == ("db",)
    assert after.stable["db"] == journal.stable["db"]


def test_the_ledger_s_row_of_what_serves_is_found_by_its_new_name() -> None:
    row = renewed_release(Renewal(a_release("web", "gone"), sealed_again("web")))
    assert [each.fingerprint for each in row.services] == [f"{NEW}-web", f"{OLD}-gone"]
    assert (row.content_digest, row.number, row.outcome) == ("content now", 1, None)
