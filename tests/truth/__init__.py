"""Can `verified` be relied on? Random models whose truth is computed apart, and a table of what is said of them."""
