"""Forge, Forge Neo, and those that kept their text engines."""
