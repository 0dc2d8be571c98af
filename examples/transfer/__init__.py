"""A transfer between two accounts, confirmed with a code: see docs/how-to/confirm-a-transfer.md."""
