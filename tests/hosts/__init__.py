"""Where the library runs: one module for each host."""
