"""The store on PostgreSQL, which several daemons share: tables, connections, and the lease of the one that acts."""
