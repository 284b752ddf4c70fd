"""The drawn streets: their brushes, their figures and one module for each street."""
