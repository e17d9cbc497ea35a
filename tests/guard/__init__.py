"""A month of linked keys in virtual time: `python -m tests.guard --links 10000 --days 30 [--seed S]`."""
