"""Who meets whom, part by part; ``main.py`` puts the parts together."""
