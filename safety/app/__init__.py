"""The roof: settings, wiring, storage, API, commands."""
