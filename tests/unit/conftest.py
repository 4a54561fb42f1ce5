"""How the quick suites are run; nothing else, and nobody imports it."""

import os

from hypothesis import settings

# A busy machine is no failure: Hypothesis allows 200 ms for an example unless told otherwise.
settings.register_profile("unhurried", settings.default, deadline=None)
# What `make fuzz-scripts` takes its time for: tests that do not say themselves how many examples they try.
settings.register_profile("thorough", settings.default, deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))
