"""The laws of rollouts by their number: what each says, and where it is checked.

They are those of the semantics that gitopsd follows, read for what there is: instances in slots, behind a router or
without one. `unavailable` is every slot for what is recreated, and one for what stops first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.manifest.test_compose_seal import test_the_order_of_maps_and_sets_never_changes_a_fingerprint as any_order
from tests.properties import test_arriving as arriving
from tests.properties import test_judged as judged
from tests.properties.laws import Laws
from tests.properties.test_laws import Worlds
from tests.properties.test_traffic import Roads
from tests.properties.traffic import TrafficLaws

Check = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Law:
    """What holds, and the checks of it; each tells the number in its own first words."""

    says: str
    checks: tuple[Check, ...]


LAWS = {
    1: Law(
        "All that runs or is stopping together is at most replicas + surge.",
        (Laws.never_more_than_surge, Laws.never_two_writers, TrafficLaws.never_more_than_surge),
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
        "What takes another one's place, or comes into the router, has been ready for min_ready without a break. "
        "A router that begins anew has all at once who were let in before.",
        (Laws.never_admitted_early, TrafficLaws.let_in_when_proven, Roads.the_router_restarts),
    ),
    5: Law("Whoever is gone is out of the router at the next look.", (TrafficLaws.gone_is_out,)),
    6: Law(
        "Nothing is stopped that is in the router, nor removed that was not stopped in its own time before.",
        (
            Laws.never_removed_while_it_runs,
            TrafficLaws.never_stopped_in_the_router,
            TrafficLaws.leaves_in_its_own_time,
        ),
    ),
    7: Law(
        "Requests go where somebody answers, and no more of them than those can bear.",
        (
            TrafficLaws.nothing_goes_where_nobody_answers,
            TrafficLaws.newer_content_has_what_it_was_given,
            TrafficLaws.requests_are_sent_somewhere,
        ),
    ),
    8: Law(
        "The share that is asked for only grows on the way forward; on the way back newer content only gets less.",
        (
            TrafficLaws.newer_content_has_what_it_was_given,
            TrafficLaws.asks_for_more_and_more,
            TrafficLaws.gets_less_on_the_way_back,
        ),
    ),
    9: Law(
        "A step is passed on its own evidence alone: its share read back, its time, its verdict, or a word.",
        (TrafficLaws.steps_are_passed_on_their_own_evidence, TrafficLaws.begins_without_evidence_of_others),
    ),
    10: Law("A release and a rollout end once, and stay ended.", (Laws.ends_once,)),
    11: Law(
        "What becomes stable is good in all its slots, with no replicas in none, and has all of the traffic.",
        (Laws.stable_was_good, TrafficLaws.promoted_with_all_of_the_traffic),
    ),
    12: Law(
        "While a rollout is open what it may return to can be made again: its content is known, its image kept.",
        (
            Laws.way_back_exists,
            TrafficLaws.what_served_stays_beside,
            arriving.test_what_a_release_that_is_kept_needs_is_never_cleared_away,
        ),
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
        (arriving.test_however_bad_what_serves_has_become_good_content_succeeds, Roads.teardown),
    ),
    23: Law(
        "No data is no pass, a failure stays one, and each interval counts once.",
        (
            TrafficLaws.steps_are_passed_on_their_own_evidence,
            TrafficLaws.a_failure_is_acted_on,
            judged.test_without_data_nothing_is_passed,
            judged.test_an_interval_counts_once_however_often_it_is_shown,
        ),
    ),
    24: Law(
        "What is worse is judged no better. How seldom it errs is held by simulations (`tests/rollout/judge`).",
        (judged.test_more_bad_requests_of_the_canary_never_turn_a_failure_into_a_pass,),
    ),
    25: Law(
        "A pause, an abort, a promotion or a pin concerns what it was said to, and nothing that comes later.",
        (Laws.words_concern_one_release,),
    ),
    28: Law(
        "What is wanted of the router is always a whole table; what it has was wanted at some moment.",
        (TrafficLaws.table_is_complete, TrafficLaws.router_has_what_was_wanted),
    ),
    29: Law("The order of what has none does not change a fingerprint.", (any_order,)),
    30: Law(
        "When the trouble ends, what is there is what Git says, no more, no less.",
        (Worlds.teardown, Worlds.arrived, Roads.teardown, Roads.arrived),
    ),
}

NOT_HERE = {
    26: "of approvals and limits, how often releases begin and what waits together: `test_guards.py`",
    27: "of migrations, what needs the old shape of data: `test_schema.py`",
}
