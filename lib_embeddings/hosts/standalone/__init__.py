"""The small app: a page of its own, without any WebUI."""
