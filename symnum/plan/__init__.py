"""From structure to choices."""
