"""The HTTP face for runners."""
