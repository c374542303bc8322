"""Files from elsewhere: where they are kept, how they are fetched, and what was decoded from them."""
