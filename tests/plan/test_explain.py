"""What a plan says of a change: every field by name, and no secret."""

from dataclasses import replace

from gitopsd.model.desired import Content, ContentFile, ContentMount, SealedService
from gitopsd.model.traffic import Traffic
from gitopsd.plan.explain import HIDDEN, changed_fields
from tests.builders import a_service


def holding(data: bytes, *, secret: bool) -> SealedService:
    sealed = a_service("web")
    mount = ContentMount("/run/secrets/token", Content((ContentFile("", data),), False, secret=secret), "token")
    return replace(sealed, service=replace(sealed.service, mounts=(mount,)))


def test_changed_content_is_named_by_its_target_with_a_digest() -> None:
    (change,) = changed_fields(holding(b"old", secret=False), holding(b"new", secret=False))

    assert change.path == "content./run/secrets/token"
    assert change.before != change.after


def test_a_changed_secret_shows_not_even_a_digest() -> None:
    (change,) = changed_fields(holding(b"old", secret=True), holding(b"new", secret=True))

    assert (change.hidden, change.before, change.after) == (True, "(hidden)", "(hidden)")


def test_equal_services_differ_in_nothing() -> None:
    assert changed_fields(holding(b"same", secret=True), holding(b"same", secret=True)) == ()


def test_a_route_of_secret_origin_shows_only_that_it_changed() -> None:
    before, after = (
        replace(each, service=replace(each.service, traffic=Traffic(80, 8080, hosts=(host,), hidden=True)))
        for each, host in ((a_service(), "one.example"), (a_service(), "two.example"))
    )
    (change,) = changed_fields(before, after)
    assert (change.path, change.hidden, change.before, change.after) == ("traffic", True, HIDDEN, HIDDEN)
