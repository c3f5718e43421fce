"""What was left behind, held against what is there: missing, extra, stopped, renamed, of another make. Pure."""

from gitopsd.drift.detect import drift, not_checked, remembered

__all__ = ["drift", "not_checked", "remembered"]
