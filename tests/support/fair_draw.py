"""The draw of docs/fair-draw.md, written from that page alone and from nothing of the product.

Whoever has the published files of a draw checks it with these functions.
"""

import hashlib

ALGORITHM = "tiketi-draw-1"


class Words:
    """Random words: SHA-256 of the key and a counter, eight of 32 bits each, big end first."""

    def __init__(self, key):
        self.key, self.counter, self.words = key, 0, []

    def next(self):
        if not self.words:
            block = hashlib.sha256(self.key + self.counter.to_bytes(8, "big")).digest()
            self.words = [int.from_bytes(block[i:i + 4], "big") for i in range(0, 32, 4)]
            self.counter += 1
        return self.words.pop(0)

    def below(self, bound):
        limit = 2**32 // bound * bound
        while True:
            word = self.next()
            if word < limit:
                return word % bound


def drawn_numbers(draw):
    """All numbers of a draw in the order in which they are served."""
    text = ":".join([ALGORITHM, draw["seed"], draw["eventId"], str(draw["firstNumber"]),
                     str(draw["cutoff"]), draw["listDigest"]])
    words = Words(hashlib.sha256(text.encode()).digest())
    order = list(range(draw["firstNumber"], draw["cutoff"]))
    for i in range(len(order) - 1, 0, -1):
        j = words.below(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def commitment(seed):
    """Of a seed in hexadecimal digits."""
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


def pseudonym(seed, user_id):
    """Who a user is on the list."""
    return hashlib.sha256(bytes.fromhex(seed) + user_id.encode()).hexdigest()[:32]


def list_digest(lines):
    """Of the list's lines, in order."""
    digest = bytes(32)
    for line in lines:
        text = f"{line['number']} {line['pseudonym']}\n"
        digest = hashlib.sha256(digest + text.encode()).digest()
    return digest.hex()
