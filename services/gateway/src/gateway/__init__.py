"""The HTTP face of Matchcut."""
