"""Those who are told of transitions and of states of commits: one adapter for each way."""
