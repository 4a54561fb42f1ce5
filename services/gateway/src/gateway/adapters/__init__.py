"""How we get it: one module per outside thing."""
