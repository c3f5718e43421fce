"""A real repository of which only what known keys have signed is released, whatever else is pushed."""

from collections.abc import Iterator

import pytest

from tests.adapters.git.signing import Keys, keys
from tests.e2e.conftest import ONE, TWO, MakeRig
from tests.e2e.rig import Rig, web


@pytest.fixture(scope="module")
def made() -> Iterator[Keys]:
    with keys() as found:
        yield found


@pytest.fixture
def rig(make_rig: MakeRig, made: Keys) -> Rig:
    rig = make_rig()
    verify = {"mode": "head", "allowed_signers_file": str(made.signers), "revoked_keys_file": str(made.shut_out)}
    rig.configure(repository={"url": str(rig.repository.bare), "interval": "1s", "verify": verify})
    rig.repository.git("config", "gpg.format", "ssh")
    rig.repository.git("config", "commit.gpgsign", "true")
    return rig


def push(rig: Rig, made: Keys, person: str, image: str) -> str:
    rig.repository.git("config", "user.signingkey", str(made.directory / person))
    return rig.push(web=web(image, network_mode="none"))


@pytest.mark.timeout(300)
def test_only_what_a_known_key_has_signed_is_released(rig: Rig, made: Keys) -> None:
    good = push(rig, made, "known", ONE)
    rig.start().synced(good)
    before = rig.ids()

    for person in ("unknown", "expired", "revoked"):
        commit = push(rig, made, person, TWO)
        rig.eventually(lambda commit=commit: commit[:8] in rig.held("signature"))
        assert rig.ids() == before
    assert rig.status().revision == good

    rig.synced(push(rig, made, "known", TWO))
    assert rig.running() == {"web-1": TWO}
