"""Exact recognizers of personal data, one file a kind.

Each recognizer module has the same functions, all pure:

    find(text, start, end, ...)  the (first, one-past-last) character positions of what begins in
                                 text[start:end] (for e-mail: has its '@' there), left to right and disjoint.
                                 At most `CONTEXT` characters around it may serve as context.
    canonical(value)             one spelling of a value, so that two spellings get the same fake
    reserved(value)              whether a value can't be anybody's: set aside for documentation or fiction.
                                 `find` leaves those out, and every fake is one of them, so a second run over
                                 a released text finds nothing.
    fake(value, digest)          a harmless value of the same shape, a function of the 64-bit digest

What they find is personal data by its form alone. Nothing here logs or raises a value.
"""

CONTEXT = 64
"""Characters before and after a window that a recognizer may look at."""
