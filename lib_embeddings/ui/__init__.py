"""What people and programs see: the HTTP API and the tab."""
