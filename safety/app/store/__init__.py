"""Everything that survives a crash. All SQL of the project is in here."""
