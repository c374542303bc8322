"""Pictures for a paper's single column, drawn from tables alone."""
