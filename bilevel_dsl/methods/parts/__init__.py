"""What methods are made of, each thing once."""
