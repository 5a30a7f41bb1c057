"""What holds for all tests."""

import os

from hypothesis import settings

# Pictures are compared to the bit, as a CPU makes them; torch is not imported yet.
os.environ["CUDA_VISIBLE_DEVICES"] = ""

# No test judges by the clock: a machine may be slow.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
