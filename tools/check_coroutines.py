#!/usr/bin/env python3
"""Holds every coroutine to the shapes that g++ 12 compiles correctly.

It miscompiles (segfaults, double frees) a co_await in a condition, in ?: or beside a braced temporary, and a coroutine
without a local variable. So every coroutine has a local at the top level of its body, and co_await stands alone:
  co_await e;    auto x = co_await e;    x = co_await e;    co_return co_await e;
with no ?:, no brace and no capturing lambda in e. A lambda with captures is no coroutine: its frame may outlive them.
Usage: check_coroutines.py FILE.. (a folder stands for its .h and .cpp files but the tests, which g++ never sees)
"""

import re
import sys
from pathlib import Path

NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|^[ \t]*#[^\n]*', re.S | re.M)
ALONE = re.compile(r"^(?:(?:case [\w:]+|default): )?(?:co_return |\(void\) ?|static_cast<void>\(|(?:const )?(?:[\w:<>,&* ]+ )??&{0,2}(?:\w+|\[[\w, ]+\]) = )?"
                   r"co_await (.*)$", re.S)
NUMBER = re.compile(r"std::\w+\{\d+U?\}")
CAPTURE = re.compile(r"(?:^|[^\w\])])\[\s*(?!\])[^\[\]]*\]\s*\(")
LOCAL = re.compile(r"^(?:const |constexpr |static )*(?!co_|return\b|throw\b|delete\b|if\b|for\b|while\b|switch\b|try\b|do\b|else\b)"
                   r"[\w:]+(?:<.*>)?(?:::\w+)?[\s&*]+(?:const\s+)?(?:\w+\s*[=({;\[]|\[[\w, ]+\]\s*=)", re.S)
FUNCTION = re.compile(r"(?P<lambda>\[(?P<captures>[^\[\]]*)\]\s*(?:<[^<>]*>)?)?\s*\((?:[^()]|\([^()]*\))*\)"
                      r"\s*(?:const|noexcept|override|final|mutable|&|&&|\s)*(?:->[^{};]*)?$", re.S)
CONTROL = re.compile(r"\b(if|for|while|switch|catch)(?: constexpr)?\s*$")


def blank(match):
    """Keeps the length and the lines of what it removes."""
    return re.sub(r"[^\n]", " ", match.group(0))


class Block:
    def __init__(self, start, function, captures):
        self.start, self.function, self.captures, self.checked = start, function, captures, False


def head_of(text, brace):
    """What stands between the previous statement and an opening brace."""
    depth, at = 0, brace - 1
    while at >= 0:
        char = text[at]
        if char in ")]":
            depth += 1
        elif char in "([":
            if depth == 0:
                break
            depth -= 1
        elif char in ";{}" and depth == 0:
            break
        at -= 1
    return text[at + 1:brace]


def open_block(text, brace):
    head = head_of(text, brace)
    match = FUNCTION.search(head)
    if not match or (not match.group("lambda") and CONTROL.search(head[:match.start()].rstrip() + " ")):
        return Block(brace, False, None)
    # An if (…) { also ends in parentheses: its keyword stands before them.
    before = head[:match.start()].rstrip()
    if not match.group("lambda") and re.search(r"\b(if|for|while|switch|catch|constexpr)$", before):
        return Block(brace, False, None)
    return Block(brace, True, (match.group("captures") or "").strip() if match.group("lambda") else "")


def statement_at(text, at):
    """The statement around a position: from the last ; { or } to the next ; outside parentheses and braces."""
    start = max(text.rfind(c, 0, at) for c in ";{}") + 1
    depth, end = 0, at
    while end < len(text):
        if text[end] in "({[":
            depth += 1
        elif text[end] in ")}]":
            depth -= 1
        elif text[end] == ";" and depth <= 0:
            break
        end += 1
    return re.sub(r"\s+", " ", text[start:end]).strip()


def has_local(text, brace):
    """Whether a variable is declared at the top level of the body that opens at `brace`."""
    depth, start, at = 0, brace + 1, brace + 1
    while depth >= 0 and at < len(text):
        if text[at] in "({[":
            depth += 1
        elif text[at] in ")}]":
            depth -= 1
            if depth == 0 and text[at] == "}" and not text[at + 1:].lstrip().startswith((";", ",", ")", ".", "(")):
                start = at + 1
        elif text[at] == ";" and depth == 0:
            if LOCAL.match(text[start:at + 1].lstrip()):
                return True
            start = at + 1
        at += 1
    return False


def without_condition(statement):
    """`if (a) co_await b` is `co_await b`, but a condition that holds a co_await is kept."""
    match = re.match(r"(?:else |do )?(?:(?:if|for|while) \(|)", statement)
    depth, end = int(match.group().endswith("(")), match.end()
    while depth and end < len(statement):
        depth += {"(": 1, ")": -1}.get(statement[end], 0)
        end += 1
    return statement if "co_await" in statement[:end] else statement[end:].lstrip()


def breaches(text):
    """Yields (position, message)."""
    text = NOISE.sub(blank, text)
    stack = []
    for token in re.finditer(r"[{}]|\bco_(?:await|return|yield)\b", text):
        at = token.start()
        if token.group() == "{":
            stack.append(open_block(text, at))
        elif token.group() == "}":
            if stack:
                stack.pop()
        else:
            owner = next((b for b in reversed(stack) if b.function), None)
            if owner and not owner.checked:
                owner.checked = True
                if not has_local(text, owner.start):
                    yield owner.start, "a coroutine without a local variable at the top of its body"
                if owner.captures:
                    yield owner.start, "a coroutine lambda captures; pass its state as parameters"
            if token.group() == "co_await":
                statement = without_condition(statement_at(text, at))
                match = ALONE.match(statement)
                if not match or "co_await" in match.group(1):
                    yield at, "co_await does not stand alone"
                elif "?" in match.group(1) or "{" in NUMBER.sub("", match.group(1)):
                    yield at, "a ?: or a brace beside co_await"
                elif CAPTURE.search(match.group(1)):
                    yield at, "a capturing lambda beside co_await"


def main(arguments):
    files = []
    for name in map(Path, arguments):
        files += sorted(p for p in name.rglob("*") if p.suffix in (".h", ".cpp") and
                        not p.stem.endswith("_test")) if name.is_dir() else [name]
    bad = 0
    for file in files:
        text = file.read_text()
        for at, message in breaches(text):
            bad += 1
            print(f"{file}:{text.count(chr(10), 0, at) + 1}: {message}")
    print(f"{len(files)} files, {bad} coroutine shapes that g++ 12 may miscompile")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
