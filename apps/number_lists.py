"""Numbers in flags of lists."""

from rdtf.status import InputError


def numbers(flag, least=1, most=2) -> tuple[float, ...]:
    """The numbers of a list flag."""
    try:
        found = tuple(float(text) for text in flag.value)
    except ValueError:
        found = ()
    if not least <= len(found) <= most:
        raise InputError(
            f"Expected {least} to {most} numbers as --{flag.name}, got "
            f"{','.join(flag.value)!r}."
        )
    return found


def whole(flag, most: int) -> tuple[int, ...]:
    """From one to `most` whole numbers."""
    found = numbers(flag, 1, most)
    if any(number != int(number) for number in found):
        raise InputError(f"Expected whole numbers as --{flag.name}, got {found}.")
    return tuple(int(number) for number in found)


def two(flag) -> tuple[float, float]:
    """The first and the last of one or two."""
    found = numbers(flag)
    return found[0], found[-1]
