"""What SmartFin costs, measured: each module is a command, and prints ratios of figures taken in one run."""
