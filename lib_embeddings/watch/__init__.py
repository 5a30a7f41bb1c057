"""Notice changes under folders: events are hints, a second look is the truth."""
