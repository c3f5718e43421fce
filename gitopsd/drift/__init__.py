"""What was left behind, held against what is there: missing, extra, stopped, renamed, of another make. Pure."""

from gitopsd.drift.detect import drift, not_checked, remembered
from gitopsd.drift.ending import end_words, ending

__all__ = ["drift", "end_words", "ending", "not_checked", "remembered"]
