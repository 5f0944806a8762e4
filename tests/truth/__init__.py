"""Can `verified` be relied on? Seeded random models whose truth is computed apart, and a table of what is said of them."""
