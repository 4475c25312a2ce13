"""What is corrupted, and how."""
