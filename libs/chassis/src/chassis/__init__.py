"""What every service is bolted to. Knows Redis and PostgreSQL, knows no video."""
