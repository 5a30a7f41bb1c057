"""Entries as one model sees them: what a name means, searched, as lines and as JSON."""
