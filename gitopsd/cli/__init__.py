"""Commands and their rendering; each parses, calls one operation or query, and prints."""
