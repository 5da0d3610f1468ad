"""Requests that no browser sends, to the real server: each gets a clear answer, and none does harm."""
