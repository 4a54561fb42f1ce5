"""What we do, without saying how: one module per resource."""
