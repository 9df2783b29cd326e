"""Rules read out of real code."""
