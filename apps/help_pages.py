"""What --help prints: the docstring of an app, and its flags under headings."""

import sys
import textwrap

from absl import flags


def text() -> str:
    """The page of the running app: its own flags first, then those of its helpers.

    The heading of a helper is the beginning of its docstring, up to a colon. Flags are
    in the order in which they are defined.
    """
    program = sys.modules["__main__"]
    owners = flags.FLAGS.flags_by_module_dict()
    lines, last = [program.__doc__], None
    for flag in flags.FLAGS.get_key_flags_for_module(program):
        owner = next(name for name, own in owners.items() if flag in own)
        if owner != last:
            lines += [f"{_heading(owner)}:", ""]
            last = owner
        lines += [*_described(flag), ""]
    return "\n".join([*lines, "--helpfull also lists the flags of absl."])


def _heading(owner):
    if owner not in sys.modules:  # absl calls the running program by its path
        return "This task"
    return sys.modules[owner].__doc__.partition(":")[0]


def meaning(flag) -> str:
    """The help text of a flag as its app wrote it, without what absl puts around it."""
    text = flag.help.partition(";\n    repeat this option")[0]
    return text.partition(">: ")[2] if text.startswith("<") else text


def _described(flag):
    """The lines about one flag: what it means, its values, its default."""
    values = getattr(flag.parser, "enum_values", None)
    text = meaning(flag)
    if values and not all(value in text for value in values):
        text += f" One of {', '.join(values)}."
    if flag.default_as_str not in (None, "''", "[]"):
        default = flag.default_as_str.strip("'")
        text += f" (default: {default})"
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
    return [
        f"  {name}",
        *textwrap.wrap(
            text,
            80,
            initial_indent=" " * 6,
            subsequent_indent=" " * 6,
            break_on_hyphens=False,
        ),
    ]
