"""Notice changes under folders: events are hints, a scan is the truth."""
