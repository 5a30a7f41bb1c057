"""Tests of what paints."""
