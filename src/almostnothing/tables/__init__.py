"""Tables that are measured on trained networks: each module has a `table` for the notebooks that name it."""
