"""The same film, only sharper."""
