"""Takes a video in: probes, rejects or admits it, and derives what the others need."""
