"""Random texts against the reader of models. `python -m tests.fuzz --seconds 600` runs longer than the tests do."""
