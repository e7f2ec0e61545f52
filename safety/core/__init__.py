"""The floor of the house: shared words, promises and pure decisions. Standard library only."""
