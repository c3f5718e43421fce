"""A rollback is a commit: on top of the branch, with an environment's inputs as they were, and nothing else changed."""

from pathlib import Path

import pytest

from gitopsd.controller.queries.rollback import rollback
from gitopsd.model.errors import GitopsdError, SourceUnavailable
from tests.cli.shop import MANIFEST, Shop, compose, web
from tests.fakes.containers import unhealthy


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "state")
    made.release({MANIFEST: compose(web()), "README.md": "one"}, "First")
    return made


def text(shop: Shop, commit: str, path: str = MANIFEST) -> str:
    return shop.source.files(commit).read(path).decode()


def test_it_goes_back_to_the_last_release_with_other_content(shop: Shop) -> None:
    shop.release(compose(web("web:2")), "Second")
    head = shop.release({"README.md": "two"}, "Concerns nobody")
    made = rollback(shop.view(), "shop")
    assert (made.release, made.base, made.pushed) == (1, head, False)
    assert made.changed == (MANIFEST,)
    assert text(shop, made.commit) == compose(web())
    assert text(shop, made.commit, "README.md") == "two"
    assert shop.source.remote["main"] == head


def test_after_a_rejected_release_it_goes_back_to_what_serves(shop: Shop) -> None:
    shop.release(compose(web("web:2")), "Second")
    shop.image("web:bad", unhealthy())
    shop.release(compose(web("web:bad")), "Broken")
    assert rollback(shop.view(), "shop").release == 2


def test_a_commit_that_is_not_released_yet_is_undone(shop: Shop) -> None:
    shop.commit(compose(web("web:2")))
    assert rollback(shop.view(), "shop").release == 1


def test_it_goes_back_even_from_a_manifest_that_cannot_be_loaded(shop: Shop) -> None:
    shop.commit("services: [oops]\n")
    made = rollback(shop.view(), "shop")
    assert text(shop, made.commit) == compose(web())


def test_a_file_that_came_later_goes_again(shop: Shop) -> None:
    override = "environments/shop/compose.override.yaml"
    shop.release({override: compose("web:\n    environment: {A: b}")}, "Override")
    made = rollback(shop.view(), "shop")
    assert made.changed == (override,)
    assert shop.source.files(made.commit).entry(override) is None


def test_a_release_or_a_revision_can_be_named(shop: Shop) -> None:
    first = shop.source.remote["main"]
    shop.release(compose(web("web:2")), "Second")
    shop.release(compose(web("web:3")), "Third")
    assert text(shop, rollback(shop.view(), "shop", "2").commit) == compose(web("web:2"))
    by_revision = rollback(shop.view(), "shop", first[:10])
    assert (by_revision.release, by_revision.revision) == (None, first)
    assert text(shop, by_revision.commit) == compose(web())


def test_with_push_the_branch_moves_and_the_daemon_finds_the_known_content(shop: Shop) -> None:
    shop.release(compose(web("web:2")), "Second")
    made = rollback(shop.view(), "shop", push=True)
    assert made.pushed
    assert shop.source.remote["main"] == made.commit
    shop.work()
    newest = shop.store.releases("shop")[0]
    assert newest.content_digest == shop.store.releases("shop")[-1].content_digest
    assert newest.outcome == "succeeded"


def test_git_that_says_so_already_gets_no_commit(shop: Shop) -> None:
    made = rollback(shop.view(), "shop", "1")
    assert (made.commit, made.changed) == ("", ())


def test_without_an_earlier_release_there_is_nothing_to_go_back_to(shop: Shop) -> None:
    with pytest.raises(GitopsdError, match="no earlier release of shop has other content"):
        rollback(shop.view(), "shop")


def test_a_shared_file_is_told_and_never_pushed_unseen(shop: Shop) -> None:
    using = "services:\n  web:\n    extends: {file: ../../base.yaml, service: web}\n"
    other = "environments/blog/compose.yaml"
    shop.release({MANIFEST: using, other: using, "base.yaml": compose(web("web:2"))}, "Shared")
    head = shop.release({"base.yaml": compose(web("web:3"))}, "Both")
    made = rollback(shop.view(), "shop")
    assert (made.changed, made.others) == (("base.yaml",), ("blog",))
    with pytest.raises(GitopsdError, match=r"base.yaml is shared, so blog would change too"):
        rollback(shop.view(), "shop", push=True)
    assert shop.source.remote["main"] == head


def test_a_remote_that_is_away_gives_a_commit_on_the_last_known_one_but_no_push(shop: Shop) -> None:
    head = shop.release(compose(web("web:2")), "Second")
    shop.source.failure = SourceUnavailable("no route to host")
    made = rollback(shop.view(), "shop")
    assert made.base == head
    assert "no route to host" in made.note
    with pytest.raises(SourceUnavailable):
        rollback(shop.view(), "shop", push=True)


def test_the_commit_is_kept_where_it_can_be_fetched(shop: Shop) -> None:
    shop.release(compose(web("web:2")), "Second")
    made = rollback(shop.view(), "shop")
    assert shop.source.held[made.ref.removeprefix("refs/gitopsd/")] == made.commit


def test_a_release_that_was_no_good_is_warned_of(shop: Shop) -> None:
    shop.image("web:bad", unhealthy())
    shop.release(compose(web("web:bad")), "Broken")
    number = shop.store.releases("shop")[0].number
    shop.release(compose(web("web:3")), "Better")
    made = rollback(shop.view(), "shop", str(number))
    assert made.commit
    assert f"release {number} was no good: rolled-back, web: " in made.note
