"""What is adopted gets its place in the journal as it is, and the release in the ledger says what it is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from gitopsd.model.adoption import FOUND, Adoptee, AdoptionReport, Match
from gitopsd.model.live import Instance, LiveNetwork, LiveState, LiveVolume
from gitopsd.model.plan import FieldChange
from gitopsd.model.release import Journal, Release
from gitopsd.release.adoption import Deed, adopt, as_found, settle, slots
from tests.builders import NOON, a_service, a_state

STATE = a_state(a_service("web", replicas=2), a_service("db", volumes=["data:/data"]))
DEED = Deed("ada", NOON, 7, "ada", "What runs")
RED = Match(changes=(FieldChange("environment.COLOUR", "red", "blue"),))
ALIKE = Match()
SMALL = Match(in_place=(FieldChange("resources.memory", 32, 64),))
LIVE = LiveState(
    networks=(LiveNetwork("n", "shop_default", {}), LiveNetwork("m", "other", {})),
    volumes=(LiveVolume("shop_data", {}),),
)


def an_instance(service: str = "web", slot: int = 1, **how: Any) -> Instance:
    name = f"shop-{service}-{slot}"
    return Instance(f"id of {name}", name, service, slot, **{"state": "running", "created_at": NOON, **how})


def an_adoptee(service: str = "web", slot: int = 1, match: Match = ALIKE, **how: Any) -> Adoptee:
    return Adoptee(an_instance(service, slot, **how), slot, match)


ALL = (an_adoptee(slot=1), an_adoptee(slot=2), an_adoptee("db"))


def adopted(*adoptees: Adoptee, missing: tuple[str, ...] = (), state: Any = STATE) -> tuple[Journal, Release]:
    report = AdoptionReport("shop", "production", state.revision, adoptees, missing)
    journal, release, _ = adopt(Journal("production"), state, LIVE, report, DEED)
    return journal, release


def test_what_is_as_wanted_serves_with_the_manifests_fingerprints() -> None:
    journal, release = adopted(*ALL)

    wanted = {name: sealed.fingerprint for name, sealed in STATE.services.items()}
    assert {name: target.fingerprint for name, target in journal.stable.items()} == wanted
    assert {placed.fingerprint for placed in journal.inventory.values()} == set(wanted.values())
    assert journal.serving is not None
    assert journal.serving.content_digest == release.content_digest == STATE.content_digest
    assert (release.outcome, release.number, release.cause) == (
        "succeeded",
        7,
        "adopted by ada: what runs in project shop",
    )


def test_the_projects_own_networks_and_volumes_are_taken_as_they_are() -> None:
    journal, _ = adopted(*ALL)

    assert (journal.networks, journal.volumes) == ({"shop_default"}, {"shop_data"})


def test_a_service_that_differs_has_a_fingerprint_that_no_manifest_has() -> None:
    journal, release = adopted(an_adoptee(slot=1, match=RED), an_adoptee(slot=2), an_adoptee("db"))

    assert journal.stable["web"].fingerprint.startswith(FOUND)
    assert journal.inventory["id of shop-web-1"].fingerprint == journal.stable["web"].fingerprint
    assert journal.inventory["id of shop-web-2"].fingerprint == STATE.services["web"].fingerprint
    assert release.content_digest != STATE.content_digest
    assert release.reason == "not as the manifest says: web"


def test_limits_that_differ_leave_the_fingerprint_and_are_known_to_differ() -> None:
    journal, _ = adopted(an_adoptee(slot=1, match=SMALL), an_adoptee(slot=2), an_adoptee("db"))

    target = journal.stable["web"]
    assert target.fingerprint == STATE.services["web"].fingerprint
    assert target.in_place not in ("", STATE.services["web"].in_place)


def test_another_number_of_replicas_and_a_missing_service_are_told() -> None:
    fewer, too_few = adopted(ALL[0], ALL[2])
    _, without = adopted(ALL[0], ALL[1], missing=("db",))

    assert fewer.stable["web"].replicas == 1
    assert too_few.reason == "not as the manifest says: the number of replicas"
    assert without.reason == "not as the manifest says: db"


def test_a_one_shot_that_ended_well_does_not_run_again() -> None:
    state = a_state(a_service("migrate", job=True))
    ended: dict[str, Any] = {"state": "exited", "exit_code": 0}

    done, _ = adopted(an_adoptee("migrate", **ended), state=state)
    other, _ = adopted(an_adoptee("migrate", match=RED, **ended), state=state)
    failed, _ = adopted(an_adoptee("migrate", state="exited", exit_code=1), state=state)

    assert done.completed == {"migrate": (state.services["migrate"].fingerprint,)}
    assert (other.completed, failed.completed) == ({}, {})


def test_what_is_found_to_be_as_wanted_later_gets_the_manifests_fingerprint() -> None:
    journal, _ = adopted(an_adoptee(slot=1, match=RED), an_adoptee(slot=2, match=SMALL), an_adoptee("db"))
    report = AdoptionReport("shop", "production", "", (an_adoptee(slot=1), an_adoptee(slot=2)))

    settled = settle(journal, STATE, report)

    wanted = STATE.services["web"]
    assert {placed.fingerprint for id, placed in settled.inventory.items() if "web" in id} == {wanted.fingerprint}
    assert (settled.stable["web"].fingerprint, settled.stable["web"].in_place) == (wanted.fingerprint, wanted.in_place)
    assert as_found(settled) == {}


def test_what_still_differs_keeps_its_own() -> None:
    journal, _ = adopted(an_adoptee(slot=1, match=RED), an_adoptee(slot=2), an_adoptee("db"))
    report = AdoptionReport("shop", "production", "", (an_adoptee(slot=1, match=RED),))

    assert settle(journal, STATE, report) == journal


def test_slots_are_those_of_the_labels_and_gaps_are_filled() -> None:
    later = NOON + timedelta(seconds=1)
    found = [an_instance(slot=1), an_instance(slot=4), replace(an_instance(slot=1), id="twin", created_at=later)]

    assert {instance.id: slot for instance, slot in slots(found)} == {
        "id of shop-web-1": 1,
        "twin": 2,
        "id of shop-web-4": 3,
    }
