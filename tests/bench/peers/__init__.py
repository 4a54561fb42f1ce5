"""What Matchcut is measured against, each as a program: ``python -m peers.NAME ...``."""
