"""What expressions become: arrays of known shape, and the sets that their dimensions are over."""
