"""Parts of the wiring in ``main``."""
