"""`x-gitopsd.moved_from`: the name that an environment's project and host data are called by after a rename."""

import pytest

from gitopsd.manifest import load, moved_from
from gitopsd.model.desired import Bind
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_revision

WEB = 'services: {web: {image: nginx, volumes: ["./data:/data"]}}\n'


def test_project_and_host_data_keep_the_name_that_the_environment_had() -> None:
    files = a_revision({"store/compose.yaml": "x-gitopsd: {moved_from: Shop}\n" + WEB})

    state = load(files, "store", "store")

    assert (state.environment, state.project, state.policy.moved_from) == ("store", "shop", "Shop")
    assert state.services["web"].mounts == (Bind("/srv/gitopsd/Shop/data", "/data"),)


def test_a_name_that_is_written_goes_before_the_earlier_one() -> None:
    files = a_revision({"store/compose.yaml": "name: market\nx-gitopsd: {moved_from: shop}\n" + WEB})
    assert load(files, "store", "store").project == "market"


def test_the_first_name_of_several_counts_where_it_is_known() -> None:
    files = a_revision({"store/compose.yaml": "x-gitopsd: {moved_from: shop}\n" + WEB})
    state = load(files, "store", "store", first_name="kiosk")
    assert state.project == "kiosk"
    assert state.services["web"].mounts == (Bind("/srv/gitopsd/kiosk/data", "/data"),)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("store", "compose.yaml:1:25: x-gitopsd.moved_from: names the environment itself; remove it"),
        ("environments/shop", "expected the earlier name of this environment's directory, got 'environments/shop'"),
        ("[shop]", "expected a string"),
        ('".."', "expected the earlier name of this environment's directory, got '..'"),
    ],
)
def test_what_cannot_be_an_earlier_name_is_an_error_with_its_place(written: str, message: str) -> None:
    files = a_revision({"store/compose.yaml": f"x-gitopsd: {{moved_from: {written}}}\n" + WEB})
    with pytest.raises(ManifestError) as raised:
        load(files, "store", "store")
    assert message in str(raised.value)


def test_the_earlier_name_is_read_ahead_from_the_files_that_are_used() -> None:
    files = a_revision(
        {
            "store/.env": "COMPOSE_FILE=base.yaml:more.yaml\n",
            "store/base.yaml": "x-gitopsd: {moved_from: kiosk}\n" + WEB,
            "store/more.yaml": "x-gitopsd: {moved_from: shop}\n",
            "store/compose.yaml": "x-gitopsd: {moved_from: other}\n" + WEB,
        }
    )
    found = moved_from(files, "store")
    assert found is not None
    assert (found.name, str(found.place)) == ("shop", "store/more.yaml:1:25")


def test_files_that_cannot_be_read_tell_no_earlier_name() -> None:
    assert moved_from(a_revision({"store/compose.yaml": "services: ["}), "store") is None
    assert moved_from(a_revision({"store/other": ""}), "store") is None
