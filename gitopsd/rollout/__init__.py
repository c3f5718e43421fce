"""One service on its way from one fingerprint to another: a state machine without memory or clock. Pure."""
