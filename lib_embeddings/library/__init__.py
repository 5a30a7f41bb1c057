"""The living library: it scans folders, keeps a view up to date, and changes files."""
