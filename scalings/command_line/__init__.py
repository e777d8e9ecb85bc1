"""The command line: the commands of python -m scalings, and the options that they share."""
