"""A recipe with many arguments, and the rate and distortion that each makes."""
