"""What holds for all tests."""

from hypothesis import settings

# No test judges by the clock: a machine may be slow.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
