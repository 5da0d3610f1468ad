"""Recordings, as the operations make and keep them."""
