"""How far two spellings are apart, and how far apart they may be."""

__all__ = ["apart", "tolerance"]


def tolerance(word: str) -> int:
    """How many slips are forgiven: none in short words, where every slip is another word."""
    if len(word) < 4 or not word.isalpha():
        return 0
    return 1 if len(word) < 8 else 2


def apart(one: str, other: str, *, most: int) -> int:
    """Slips between two words: a letter too many, one missing, a wrong one, two exchanged. Counts up to ``most`` + 1.

    Optimal string alignment distance (Damerau, 1964; Levenshtein, 1966).
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        previous, row = row, [i]
        for j, theirs in enumerate(other, start=1):
            cost = min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before = previous
    return min(row[-1], most + 1)
