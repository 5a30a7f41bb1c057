"""Stores that last between starts: readings, people's choices, the token ids of names."""
