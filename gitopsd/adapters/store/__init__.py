"""The state directory: an SQLite database (journal, ledger, operations), instance id, key, and the daemon's lock.

Nothing is imported here, as what needs the directory alone does not wait for the database.
"""
