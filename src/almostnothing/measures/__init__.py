"""What is measured on networks."""
