#!/usr/bin/env python3
"""corpus.py unpack TARGET FOLDER: writes each input of fuzz/corpus/TARGET.txt into a file of its own, as libFuzzer wants it.
corpus.py pack TARGET FOLDER: adds the folder's inputs that the corpus does not have yet.

A line is an input, escaped as by Rust's `escape_ascii`; one that begins with # is a comment."""

import codecs
import hashlib
import pathlib
import sys

ESCAPES = {"\t": r"\t", "\r": r"\r", "\n": r"\n", "'": r"\'", '"': r"\"", "\\": r"\\"}


def escape(data: bytes) -> str:
    plain = [chr(byte) for byte in data]
    line = [ESCAPES.get(char) or (char if " " <= char <= "~" else f"\\x{ord(char):02x}") for char in plain]
    if line and line[0] == "#":
        line[0] = r"\x23"
    # Editors drop blanks at the end of a line.
    if line and line[-1] == " ":
        line[-1] = r"\x20"
    return "".join(line)


def main(command: str, target: str, folder: pathlib.Path) -> None:
    corpus = pathlib.Path(__file__).parent / "corpus" / f"{target}.txt"
    lines = corpus.read_text().splitlines() if corpus.exists() else []
    inputs = [codecs.escape_decode(line)[0] for line in lines if not line.startswith("#")]
    if command == "unpack":
        folder.mkdir(parents=True, exist_ok=True)
        for data in inputs:
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
    elif command == "pack":
        learnt = {file.read_bytes() for file in folder.iterdir()} - set(inputs)
        lines += [escape(data) for data in sorted(learnt, key=lambda data: (len(data), data))]
        corpus.write_text("".join(f"{line}\n" for line in lines))
        print(f"{target}: {len(inputs)} inputs, {len(learnt)} new")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]))
