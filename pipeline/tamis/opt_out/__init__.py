"""What sites say against the use of their pages: reading it, judging an address by it, and asking for it."""
