"""HAProxy as the router: its configuration, its runtime socket, and the order in which the two are used."""
