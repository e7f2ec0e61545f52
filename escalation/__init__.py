"""Escalation: bringing a person in."""
