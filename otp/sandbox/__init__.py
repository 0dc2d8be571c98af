"""A stand-in for Twilio Verify v2: same calls, same answers, no account, no network (docs/reference/sandbox.md)."""
