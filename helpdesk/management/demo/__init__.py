"""Invented customers and the history of their tickets, for the demonstration and for benchmarks."""
