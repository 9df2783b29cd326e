"""Checks of array objectives: their gradients proved on small sizes."""
