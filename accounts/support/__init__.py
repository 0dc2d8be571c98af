"""What support staff may do to somebody's account: `actions` says what each does, `flows.support` who may do it."""
