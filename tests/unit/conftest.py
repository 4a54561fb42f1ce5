"""How the quick suites are run; nothing else, and nobody imports it."""

from hypothesis import settings

# A busy machine is no failure: Hypothesis allows 200 ms for an example unless told otherwise.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")
