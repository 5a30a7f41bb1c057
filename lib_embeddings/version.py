"""The version, where install scripts can read it without importing anything else."""

VERSION = "0.1.0"
