"""Makes contrastive pairs from source code and manuals that lie on a disk: what somebody would ask, and the code or section that answers.

    python code_pairs.py --output pairs --python SITE_PACKAGES... --rust CRATES... --markdown CRATES... [--without corpus.jsonl...]

Three files are written, one JSON object a line with `query` and `positive`:

    python_functions.jsonl    a function; asked for by its docstring, its name, or a web-style question
    rust_items.jsonl          a documented item; asked for likewise
    manual_sections.jsonl     a section of a README or a long docstring; asked for by its headings or its name

Only packages whose own metadata names a permissive licence are read. A text that is in a collection given by `--without` (BEIR's
corpus.jsonl), with or without its comments, is left out, so that such a collection can still be measured on. Same input, same output.
"""

import argparse
import ast
import hashlib
import json
import random
import re
import tomllib
from pathlib import Path

PERMISSIVE = re.compile(r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|CC0|0BSD|Zlib|HPND|BSL-1\.0)\b", re.I)
COPYLEFT = re.compile(r"\b(A?L?GPL|GNU|MPL|EPL|Proprietary|SSPL|BUSL)", re.I)
LONGEST = 1000  # characters of a positive
SHORTEST = 60


def squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def fingerprint(text: str) -> str:
    return hashlib.blake2b(re.sub(r"[^a-z0-9]", "", text.lower()).encode(), digest_size=12).hexdigest()


def without_docstring(code: str) -> str:
    return re.sub(r'^(\s*(?:async )?def [^\n]*\n(?:[^\n]*\n)??\s*)[rRuU]{0,2}("""|\'\'\')(?:.|\n)*?\2', r"\1", code, count=1)


def first_sentence(text: str) -> str:
    head = text.strip().split("\n\n")[0]
    sentence = re.split(r"(?<=[.!?])\s", squeeze(head))[0]
    return re.sub(r"[`*]|:\w+:", "", sentence)[:300].strip()


def spoken(name: str) -> str:
    """An identifier as words: `parseHTTPDate` and `parse_http_date` are both `parse http date`."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", name)
    return squeeze(re.sub(r"[^A-Za-z0-9]+", " ", name)).lower()


def imperative(sentence: str) -> str:
    """`Returns the sum of two arrays.` as `return the sum of two arrays`."""
    words = sentence.rstrip(".").split()
    if words and len(words[0]) > 3 and words[0].endswith("s") and not words[0].endswith(("ss", "us", "is")):
        words[0] = words[0][:-1]
    return " ".join(words)[:120]


def ask(rng: random.Random, language: str, name: str, sentence: str) -> str:
    name, doing = spoken(name), imperative(sentence).lower()
    doing = " ".join(doing.split()[:14])
    forms = [sentence, sentence, doing, f"how to {doing} in {language}", f"{language} {doing}", f"{doing} {language}",
             f"{language} how to {doing}", f"{language} {name}", f"how to {name} {language}", f"{language} function to {doing}"]
    if len(name.split()) < 2:
        forms = forms[:7]
    return rng.choice(forms)


class Writer:
    def __init__(self, folder: Path, name: str, known: set[str]):
        self.path = folder / name
        self.lines, self.seen = [], set(known)

    def add(self, query: str, positive: str, also: str = "") -> None:
        query, positive = query.strip(), positive.strip()
        marks = {fingerprint(positive)} | ({fingerprint(also)} if also else set())
        if len(query) < 8 or len(positive) < SHORTEST or marks & self.seen:
            return
        self.seen |= marks
        self.lines.append(json.dumps({"query": query, "positive": positive[:LONGEST]}, ensure_ascii=False))

    def finish(self, rng: random.Random, most: int) -> None:
        rng.shuffle(self.lines)
        self.lines = self.lines[:most]
        self.path.write_text("\n".join(self.lines) + "\n")
        print(f"{self.path.name}: {len(self.lines):,} pairs")


def permissive_python(site: Path):
    """Top folders and modules of a site-packages folder whose metadata names a permissive licence and no other."""
    for info in sorted(site.glob("*.dist-info")):
        metadata = (info / "METADATA").read_text(errors="replace").split("\n\n")[0]
        licence = " ".join(re.findall(r"^(?:License(?:-Expression)?: .*|Classifier: License :: .*)$", metadata, re.M))
        if not PERMISSIVE.search(licence) or COPYLEFT.search(licence):
            continue
        record = info / "RECORD"
        rows = record.read_text(errors="replace").splitlines() if record.exists() else []
        tops = {row.split(",")[0].split("/")[0] for row in rows if row.split(",")[0].endswith(".py")}
        yield from (site / top for top in sorted(tops) if not top.endswith(".dist-info") and not top.startswith(".."))


def python(paths, functions: Writer, manual: Writer, rng: random.Random) -> None:
    for file in paths:
        if re.search(r"(^|/)(tests?|_vendor|vendored|migrations)/|/test_", str(file)):
            continue
        try:
            source = file.read_text()
            tree = ast.parse(source)
        except (SyntaxError, UnicodeDecodeError, ValueError, RecursionError):
            continue
        lines = source.splitlines()
        for node in ast.walk(tree):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            doc = ast.get_docstring(node) or ""
            if len(doc) < 16 or not doc.isascii():
                continue
            sentence = first_sentence(doc)
            if len(doc) > 400 and rng.random() < 0.5:
                module = ".".join(file.with_suffix("").parts[-2:])
                query = rng.choice([sentence, f"{module} {node.name}", spoken(f"{file.parts[-2]} {node.name}"), ask(rng, "python", node.name, sentence)])
                manual.add(query, squeeze(doc[len(sentence):] if query == sentence else doc))
            if isinstance(node, ast.ClassDef) or len(sentence) < 12:
                continue
            code = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            indent = len(code) - len(code.lstrip())
            code = "\n".join(line[indent:] for line in code.splitlines())
            bare = without_docstring(code)
            if len(bare) < SHORTEST or bare.count("\n") < 2:
                continue
            shown = bare if len(doc) > 500 or rng.random() < 0.35 else code
            functions.add(ask(rng, "python", node.name, sentence), shown, bare)


ITEM = re.compile(
    r"((?:^[ \t]*///[^\n]*\n)+)((?:^[ \t]*#\[[^\n]*\n)*)(^[ \t]*pub (?:const |unsafe |async )*(fn|struct|enum|trait) (\w+)[^\n]*\n)", re.M)


def rust(crates, items: Writer, rng: random.Random) -> None:
    for file in sorted(path for crate in crates for path in crate.rglob("*.rs")):
        if re.search(r"/(tests?|benches|examples)/|bindings|generated", str(file)) or file.stat().st_size > 400_000:
            continue
        source = file.read_text(errors="replace")
        for found in ITEM.finditer(source):
            doc = "\n".join(line.strip()[3:].removeprefix(" ") for line in found[1].splitlines())
            sentence = first_sentence(doc)
            if len(sentence) < 16 or not sentence.isascii():
                continue
            end, depth = found.end(3), found[3].count("{") - found[3].count("}")
            while depth > 0 and end < len(source) and end - found.start(3) < LONGEST:
                depth += {"{": 1, "}": -1}.get(source[end], 0)
                end += 1
            body = source[found.start(3) : end]
            prose = squeeze(re.sub(r"```(?:.|\n)*?```", "", doc))
            kind = rng.random()
            shown = body if kind < 0.3 else f"{prose[:600]}\n{body}" if kind < 0.7 else f"{prose} {squeeze(found[3])}"
            items.add(ask(rng, "rust", found[5], sentence), shown, "")


def markdown(crates, manual: Writer, rng: random.Random) -> None:
    for file in sorted(path for crate in crates for path in crate.rglob("*.md")):
        if re.search(r"changelog|changes|code_of_conduct|license|releases", file.name, re.I):
            continue
        headings, part = [], []
        for line in file.read_text(errors="replace").splitlines() + ["# end"]:
            heading = re.match(r"(#{1,4}) +(.*)", line)
            if heading is None:
                part.append(line)
                continue
            text = squeeze(re.sub(r"\[!\[.*?\]\(.*?\)\]\(.*?\)|!\[.*?\]\(.*?\)|\]\(.*?\)|[\[`*]|<[^>]*>", "", "\n".join(part)))
            if headings and len(text) > 120 and text.isascii():
                query = rng.choice([" ".join(headings[-2:]), headings[-1], f"how {headings[-1].lower()} works", f"what is {headings[-1].lower()}?"])
                manual.add(query, text)
            headings = headings[: len(heading[1]) - 1] + [squeeze(re.sub(r"[\[\]`*]|\(.*?\)", "", heading[2]))]
            part = []


def permissive_crates(roots):
    for manifest in sorted(path for root in roots for path in root.glob("*/Cargo.toml")):
        try:
            licence = tomllib.loads(manifest.read_text())["package"].get("license", "")
        except (tomllib.TOMLDecodeError, KeyError, UnicodeDecodeError):
            continue
        if isinstance(licence, str) and PERMISSIVE.search(licence):
            yield manifest.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder the three files go to")
    parser.add_argument("--python", nargs="*", type=Path, default=[], metavar="SITE_PACKAGES", help="folders that hold packages beside their .dist-info")
    parser.add_argument("--python-library", nargs="*", type=Path, default=[], metavar="LIB", help="folders of Python's own library")
    parser.add_argument("--rust", nargs="*", type=Path, default=[], metavar="CRATES", help="folders that hold crates, one a folder")
    parser.add_argument("--markdown", nargs="*", type=Path, default=[], metavar="CRATES", help="folders that hold crates, for their manuals")
    parser.add_argument("--without", nargs="*", type=Path, default=[], metavar="CORPUS", help="collections whose texts are left out")
    parser.add_argument("--most", nargs=3, type=int, default=[100_000, 50_000, 50_000], help="pairs of each file at most")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    known = set()
    for corpus in args.without:
        for line in corpus.read_text().splitlines():
            text = json.loads(line)["text"]
            known |= {fingerprint(text), fingerprint(without_docstring(text))}
    args.output.mkdir(parents=True, exist_ok=True)
    functions, items, manual = (Writer(args.output, f"{name}.jsonl", known) for name in ("python_functions", "rust_items", "manual_sections"))
    tops = [top for site in args.python for top in permissive_python(site)]
    files = [file for top in tops for file in ([top] if top.is_file() else sorted(top.rglob("*.py")))]
    files += [file for library in args.python_library for file in sorted(library.rglob("*.py")) if "site-packages" not in str(file)]
    rng.shuffle(files)
    python(files, functions, manual, rng)
    rust(permissive_crates(args.rust), items, rng)
    markdown(permissive_crates(args.markdown), manual, rng)
    for writer, most in zip((functions, items, manual), args.most):
        writer.finish(rng, most)


if __name__ == "__main__":
    main()
