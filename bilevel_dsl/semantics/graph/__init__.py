"""What can be said of nodes: values, degrees, where zeros stay, steps of recursions."""
