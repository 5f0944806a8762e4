"""From a method to an answer: attempts, what the certificate teaches, other starts, and the best that was found."""
