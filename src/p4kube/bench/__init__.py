"""Measurements: the traffic that they make, the workload that they make it for, and what comes of it."""
