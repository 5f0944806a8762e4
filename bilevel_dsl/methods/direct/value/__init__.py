"""Parts of `value`: the follower's conditions by faces, its answers as rules, bounds of boxes, points, the search."""
