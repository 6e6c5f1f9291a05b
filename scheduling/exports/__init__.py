"""Files that other programs read, written from a `Programme`. Each module makes one format and knows no database.

Equal programmes give equal bytes. No file holds an e-mail address or anything made from one.
"""
