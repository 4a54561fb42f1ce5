"""The ledger in the formats of other programs. Each module writes one family of them from plain values."""
