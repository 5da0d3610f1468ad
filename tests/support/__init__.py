"""What tests are made of: databases, servers, browsers, pages and the cast."""
