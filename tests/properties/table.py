"""The laws of rollouts by their number: what each says, and where it is checked.

They are those of the semantics that gitopsd follows, read for what there is: instances in slots, without a router.
`unavailable` is every slot for what is recreated, and one for what stops first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.manifest.test_compose_seal import test_the_order_of_maps_and_sets_never_changes_a_fingerprint as any_order
from tests.properties import test_arriving as arriving
from tests.properties.laws import Laws
from tests.properties.test_laws import Worlds

Check = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Law:
    """What holds, and the checks of it; each tells the number in its own first words."""

    says: str
    checks: tuple[Check, ...]


LAWS = {
    1: Law(
        "All that runs or is stopping together is at most replicas + surge.",
        (Laws.never_more_than_surge, Laws.never_two_writers),
    ),
    2: Law(
        "No action of ours leaves fewer good slots than there were, below replicas - unavailable.",
        (Laws.never_below_what_was_promised,),
    ),
    3: Law(
        "Old ones that may recover and new ones that are good are never fewer than replicas - unavailable.",
        (Laws.never_deletes_the_fleet,),
    ),
    4: Law(
        "What takes another one's place has been ready for min_ready without a break.",
        (Laws.never_admitted_early,),
    ),
    6: Law("Nothing is removed that was not stopped in its own time before.", (Laws.never_removed_while_it_runs,)),
    10: Law("A release and a rollout end once, and stay ended.", (Laws.ends_once,)),
    11: Law("What becomes stable is good in all its slots; with no replicas, in none.", (Laws.stable_was_good,)),
    12: Law(
        "While a rollout is open what it may return to can be made again: its content is known, its image kept.",
        (Laws.way_back_exists, arriving.test_what_a_release_that_is_kept_needs_is_never_cleared_away),
    ),
    13: Law(
        "What failed or was aborted is not tried again by itself, and repairs bring back what served.",
        (Laws.rejected_stays_rejected, Laws.repairs_bring_back_what_served),
    ),
    14: Law("What is on its way back never turns again.", (Laws.never_turns_twice,)),
    15: Law("An abort with nothing under way changes nothing.", (Worlds.a_person_says,)),
    16: Law(
        "Killed between intent, action and record it leaves the same containers as without, and none twice.",
        (
            Laws.never_a_slot_twice,
            Worlds.the_daemon_dies_at_the_last_of,
            Worlds.teardown,
            arriving.test_killed_at_any_effect_it_leaves_what_it_would_have_left,
        ),
    ),
    17: Law(
        "Equal input, equal answer; and nothing is left to do once it has arrived.", (Worlds.decided, Worlds.arrived)
    ),
    18: Law(
        "Newer content supersedes what is under way, and ends as if it had come alone.",
        (
            Laws.ends_once,
            Worlds.teardown,
            arriving.test_commits_in_the_middle_of_others_end_as_if_the_last_had_come_alone,
        ),
    ),
    19: Law(
        "Going back to what serves brings exactly that, without steps.",
        (arriving.test_going_back_to_what_serves_waits_for_nothing_but_its_instances,),
    ),
    20: Law(
        "A deadline is absolute: no restart of the daemon moves it, and a pause does not count.",
        (
            Laws.deadlines_move_with_progress_only,
            arriving.test_however_often_the_daemon_begins_anew_the_deadline_stays,
        ),
    ),
    21: Law(
        "Without progress until its deadline a rollout ends, unless it is paused.",
        (Laws.something_comes_of_it, Worlds.teardown, arriving.test_whatever_is_no_good_is_given_up_in_time),
    ),
    22: Law(
        "However bad what serves has become, good content succeeds.",
        (arriving.test_however_bad_what_serves_has_become_good_content_succeeds,),
    ),
    25: Law(
        "A pause, an abort, a promotion or a pin concerns what it was said to, and nothing that comes later.",
        (Laws.words_concern_one_release,),
    ),
    29: Law("The order of what has none does not change a fingerprint.", (any_order,)),
    30: Law(
        "When the trouble ends, what is there is what Git says, no more, no less.", (Worlds.teardown, Worlds.arrived)
    ),
}

NOT_HERE = {
    5: "a router's: what is not ready leaves it at once",
    7: "a router's: shares add up, and nothing goes to what is not ready",
    8: "a router's: the share of the new only grows on the way forward, and shrinks on the way back",
    9: "a router's: a share grows only after a verdict on the step at hand",
    23: "of metrics: no data is no pass",
    24: "of metrics: how often a judge errs",
    26: "of approvals and limits: how often releases begin, and what waits together",
    27: "of migrations: what needs the old shape of data",
    28: "a router's: what it has on disk is complete",
}
