"""What things are: frozen values that every other room speaks of. Standard library only."""
