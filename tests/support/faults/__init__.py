"""Crash points by the thousand: a sender dies, others go on, an oracle looks at the rest.

`points` draws a point from a seed, `worlds` makes its database, `sender` is the process
that dies, `zygote` forks senders from a warm one, `oracle` judges from the tables and
the server's record alone, `runner` runs a point, `broken` breaks the engine on purpose,
`campaign` runs many and prints the table.
"""
