"""The command line: parse, check, link, run. Nothing here computes; it wires what the other rooms hold."""
