"""Problems as other problems that are easier to solve, each with a way back."""
