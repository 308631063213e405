"""Documents, as their readers use them: headings and their anchors, links, blocks to paste, and what stands in backquotes."""

import re
from dataclasses import dataclass

FENCE = re.compile(r"^\s*```(\w*)\s*$")
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass
class Block:
    language: str
    line: int  # of the document, that it begins at
    text: str


def anchor(heading):
    """GitHub's rule: small letters, no marks but - and _, a hyphen for each space."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


class Document:
    def __init__(self, path):
        with open(path) as file:
            self.lines = file.read().split("\n")
        self.blocks, prose, block = [], [], None
        for number, line in enumerate(self.lines, 1):
            fence = FENCE.match(line)
            if fence and block is None:
                block = Block(fence[1], number + 1, "")
            elif fence:
                self.blocks.append(block)
                block = None
            elif block is not None:
                block.text += f"{line}\n"
            prose.append("" if fence or block is not None else line)
        assert block is None, f"{path}: a block is not closed"
        self.prose = prose  # by line, blocks left empty

    def headings(self):
        return [line.lstrip("#").strip() for line in self.prose if re.match(r"#+ ", line)]

    def anchors(self):
        """Headings that are there twice get -1, -2 ..."""
        seen, all_of_them = {}, set()
        for heading in self.headings():
            name = anchor(heading)
            count = seen.get(name, 0)
            seen[name] = count + 1
            all_of_them.add(f"{name}-{count}" if count else name)
        return all_of_them

    def links(self):
        return LINK.findall(CODE.sub("", "\n".join(self.prose)))

    def codes(self):
        """What stands in backquotes, also over the end of a line."""
        paragraphs = "\n".join(self.prose).split("\n\n")
        return [" ".join(code.split()) for text in paragraphs for code in CODE.findall(text)]

    def section(self, heading):
        """The lines below a heading, to the next one of any level."""
        at, end = self._span(heading)
        return self.lines[at + 1 : end]

    def blocks_of(self, heading):
        """The texts of a section's blocks."""
        at, end = self._span(heading)
        return [block.text for block in self.blocks if at < block.line - 1 < end]

    def _span(self, heading):
        at = next(i for i, line in enumerate(self.prose) if re.match(r"#+ ", line) and line.lstrip("#").strip() == heading)
        return at, next((i for i in range(at + 1, len(self.prose)) if re.match(r"#+ ", self.prose[i])), len(self.prose))
