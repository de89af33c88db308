"""The demonstration: shares, request times and scaling under load, in a lab, with a verdict."""
