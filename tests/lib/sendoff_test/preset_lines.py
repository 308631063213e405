"""What `account add --for` prints, taken apart: what goes into files is a block of lines of its own."""


def block(text, heading, number=0):
    """The `number`-th block behind the paragraph with `heading` in it, as it is to be pasted."""
    blocks = text.split("\n\n")
    (at,) = (i for i, one in enumerate(blocks) if heading in one)
    return blocks[at + 1 + number].rstrip("\n") + "\n"


def has(text, heading):
    return any(heading in one for one in text.split("\n\n"))
