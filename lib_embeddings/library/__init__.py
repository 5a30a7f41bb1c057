"""Folders of embedding files, as entries and snapshots."""
