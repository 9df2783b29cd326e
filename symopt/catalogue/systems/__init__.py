"""The source systems: each file states one note; discovery is by folder."""
