"""How we get it: one file per outside thing."""
