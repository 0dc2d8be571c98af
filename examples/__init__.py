"""Worked examples of what is built on SmartFin. Nothing of the site needs them."""
