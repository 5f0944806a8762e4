"""Parts of the methods that solve by IPOPT instead of a program of phases."""
