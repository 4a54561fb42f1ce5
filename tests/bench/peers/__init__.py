"""The queues the bus is measured against, each as a program: ``python -m peers.NAME consume|produce ...``."""
