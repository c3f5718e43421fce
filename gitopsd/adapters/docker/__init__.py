"""The Docker engine over its HTTP API: `engine.connect` gives one to act on, `engine.connect_view` one to look at."""
