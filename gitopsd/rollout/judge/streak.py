"""One reading is no verdict: so many in a row within the bounds pass, so many in a row outside of them fail."""

from dataclasses import replace

from gitopsd.model.analysis import Fail, Inconclusive, Pass, Track, Verdict

IN_A_ROW = 3


def weigh_reading(name: str, track: Track, told: str, outside: str, *, needed: int = IN_A_ROW) -> tuple[Track, Verdict]:
    """One more reading. `told` are its numbers, `outside` what is wrong with them, "" for nothing."""
    if outside:
        track = replace(track, streak=min(track.streak, 0) - 1)
        seen = -track.streak
        if seen >= needed:
            times = f", {seen} times in a row" if seen > 1 else ""
            return track, Fail(name, f"{told}: {outside}{times}")
        return track, Inconclusive(name, f"{told}: {outside}, {seen} of {needed} times in a row")
    track = replace(track, streak=max(track.streak, 0) + 1)
    if track.streak >= needed:
        return track, Pass(f"{name}: {told}")
    return track, Inconclusive(name, f"{told}: good, {track.streak} of {needed} times in a row")
