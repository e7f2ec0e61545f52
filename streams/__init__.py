"""Streams: events in, cards and cases out."""
