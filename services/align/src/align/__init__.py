"""The ledger of the script."""
