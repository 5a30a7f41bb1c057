"""Entries become a view of one model: the living library, its search and its memory."""
