"""What the people who run a site need: numbers, costs, reconciliation with Twilio, an audit that can be trusted."""
