"""Scenes, watermarks and logos."""
