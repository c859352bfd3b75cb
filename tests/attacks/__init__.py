"""What hostile and unlucky people hand in, what it must score, and what it must leave alone.

To add an attack, add an entry to one of the themes (`forging`, `answers`, `record`, `breaking`,
`people`, `luck`); `corpus.Attack` says what an entry holds. To add a probe, add a line to `probes`.
"""
