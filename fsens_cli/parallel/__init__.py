"""What several processes that train one model together must say to each other."""
