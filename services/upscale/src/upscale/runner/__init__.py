"""The program of a runner: a machine of somebody's that asks for chunks, makes them, and may vanish at any moment."""
