"""The HTTP side: pages, API, webhooks. Handlers call queries and operations, and nothing else."""
