"""One verb a file: its configuration, its result and the function between them."""
