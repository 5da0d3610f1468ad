"""Calls that Twilio carries, on its local double."""
