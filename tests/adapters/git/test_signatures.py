"""Signatures of commits and tags: whose count, and why others do not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitopsd.adapters.git.source import open_source
from gitopsd.controller.ports import Source
from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.settings import Repository, Verify
from tests.adapters.git.repositories import BareRepository
from tests.adapters.git.signing import Keys, keys, sign_commit, sign_tag


@pytest.fixture(scope="module")
def made() -> Iterator[Keys]:
    with keys() as found:
        yield found


@pytest.fixture
def remote(tmp_path: Path) -> BareRepository:
    repository = BareRepository(tmp_path / "shop.git")
    repository.write({"a": "1"})
    return repository


def opened(remote: BareRepository, made: Keys, tmp_path: Path, mode: str = "head") -> Source:
    verify = Verify("head", made.signers, made.shut_out, made.public)
    verify = replace(verify, mode="strict") if mode == "strict" else verify
    return open_source(Repository("shop", str(remote.path), verify=verify), tmp_path / "state")


@pytest.mark.parametrize("kind", ["ssh", "gpg"])
@pytest.mark.parametrize(
    ("person", "why"),
    [("known", ""), ("unknown", "."), ("expired", "."), ("revoked", ".")],
)
def test_only_a_signature_of_an_allowed_key_counts(
    remote: BareRepository, made: Keys, tmp_path: Path, kind: str, person: str, why: str
) -> None:
    commit = sign_commit(remote, made, kind, person)
    source = opened(remote, made, tmp_path)
    source.poll()
    assert bool(source.distrust(commit, "")) is bool(why), source.distrust(commit, "")


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ("unknown", "the key that signed it is none of those allowed"),
        ("expired", "the key that signed it has expired"),
        ("revoked", "the key that signed it is revoked"),
    ],
)
def test_the_reason_says_what_is_wrong_with_the_key(
    remote: BareRepository, made: Keys, tmp_path: Path, person: str, why: str
) -> None:
    commit = sign_commit(remote, made, "gpg", person)
    source = opened(remote, made, tmp_path)
    source.poll()
    assert source.distrust(commit, "") == why


def test_an_unsigned_commit_does_not_count(remote: BareRepository, made: Keys, tmp_path: Path) -> None:
    source = opened(remote, made, tmp_path)
    assert source.distrust(source.poll(), "") != ""


@pytest.mark.parametrize(("mode", "trusted"), [("head", True), ("strict", False)])
def test_a_good_head_over_an_unsigned_commit_counts_only_where_heads_are_asked_for(
    remote: BareRepository, made: Keys, tmp_path: Path, mode: str, trusted: bool
) -> None:
    before = sign_commit(remote, made, "ssh")
    sign_commit(remote, None)
    head = sign_commit(remote, made, "ssh")
    source = opened(remote, made, tmp_path, mode)
    source.poll()
    assert (source.distrust(head, before) == "") is trusted


def test_a_keyring_of_this_machine_has_no_say(remote: BareRepository, made: Keys, tmp_path: Path) -> None:
    commit = sign_commit(remote, made, "gpg", "known")
    verify = Verify("head", allowed_signers_file=made.signers)
    source = open_source(Repository("shop", str(remote.path), verify=verify), tmp_path / "state")
    source.poll()
    assert source.distrust(commit, "") == "the key that signed it is none of those allowed"


def test_a_file_of_keys_that_is_not_there_is_told_and_trusts_nobody(
    remote: BareRepository, made: Keys, tmp_path: Path
) -> None:
    commit = sign_commit(remote, made, "ssh")
    verify = Verify("head", allowed_signers_file=tmp_path / "none")
    source = open_source(Repository("shop", str(remote.path), verify=verify), tmp_path / "state")
    source.poll()
    with pytest.raises(SourceUnavailable, match="is not there"):
        source.distrust(commit, "")


def test_tags_below_a_name_tell_their_commit_and_whether_their_signature_counts(
    remote: BareRepository, made: Keys, tmp_path: Path
) -> None:
    commit = remote.tip()
    for kind, person in (("ssh", "known"), ("gpg", "known"), ("gpg", "revoked")):
        sign_tag(remote, made, kind, person, f"approve/shop/{kind}-{person}", commit)
    remote.tag("approve/shop/unsigned", commit)
    remote.tag("approve/other/unsigned", commit)
    remote.git("update-ref", "refs/tags/approve/shop/light", commit)
    found = opened(remote, made, tmp_path).tags("approve/shop")
    assert {name for name, tag in found.items() if not tag.distrust} == {"ssh-known", "gpg-known"}
    assert {name for name, tag in found.items() if tag.distrust} == {"gpg-revoked", "unsigned", "light"}
    assert {tag.commit for tag in found.values()} == {commit}
    assert (found["ssh-known"].by, found["ssh-known"].message) == ("Ada", "looked at it")


def test_a_tag_that_is_gone_is_no_more_there(remote: BareRepository, made: Keys, tmp_path: Path) -> None:
    source = opened(remote, made, tmp_path)
    remote.tag("approve/shop/one", remote.tip())
    assert set(source.tags("approve/shop")) == {"one"}
    remote.git("tag", "-d", "approve/shop/one")
    assert source.tags("approve/shop") == {}
