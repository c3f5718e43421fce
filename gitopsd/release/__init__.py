"""A release: its waves, its way back, and the repairs between releases. Pure."""
