"""The rules of billing: values in, values out.

Nothing here does I/O, reads a clock, makes randomness or awaits. Amounts are exact rationals until
the one rounding of a line, so the same inputs give the same invoice on every machine and database.
"""
