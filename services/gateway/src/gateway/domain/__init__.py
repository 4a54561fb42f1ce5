"""What we know: pure rules, no I/O."""
