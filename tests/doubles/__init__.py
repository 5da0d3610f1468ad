"""Services of others, played on this machine for the tests. No part of an install."""
