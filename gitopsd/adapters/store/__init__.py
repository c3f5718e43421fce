"""The state directory: an SQLite database (journal, ledger, operations), instance id, key, and the daemon's lock."""

from gitopsd.adapters.store.sqlite import SqliteStore, open_store

__all__ = ["SqliteStore", "open_store"]
