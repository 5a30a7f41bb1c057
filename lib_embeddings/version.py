"""The version of this package, which wheel, command line, page and requests to sites tell."""

__version__ = "0.1.0"
