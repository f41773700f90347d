"""What is left when people go home: outcomes, files, and the erasing of a person."""
