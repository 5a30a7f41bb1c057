"""Where the library runs: one room for each host, and what composes them."""
