"""Files and values from outside."""
