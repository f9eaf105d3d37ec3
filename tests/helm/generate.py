"""Brings up to date what is made from other files: config in values.schema.json, and the table of helm/README.md."""

import json
import pathlib
import re

import yaml

import settings

TOP = pathlib.Path(__file__).resolve().parents[2]
CHART = TOP / "helm"
EXAMPLE = TOP / "src/config/example.toml"
BEGIN, END = "<!-- values: made by tests/helm/run write -->", "<!-- end of values -->"


def schema():
    """values.schema.json with config as src/config/example.toml has it."""
    document = json.loads((CHART / "values.schema.json").read_text())
    config = settings.schema(EXAMPLE.read_text())
    # Refused in words by templates/validate.yaml when it is empty.
    document["properties"]["config"] = config
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def readme():
    """helm/README.md with the table of values."""
    text = (CHART / "README.md").read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:begin]}\n{table()}\n{text[end:]}"


def table():
    rows = ["| value | default | what |", "|---|---|---|"]
    for path, default, comment in documented():
        shown = "" if default in ("", None) else f"`{json.dumps(default, ensure_ascii=False)}`"
        rows.append(f"| `{path}` | {shown.replace('|', chr(92) + '|')} | {comment.replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def documented():
    """Each value of values.yaml that is not a map of others, with its default and the comment above it."""
    text = (CHART / "values.yaml").read_text()
    values, comment, path = yaml.safe_load(text), [], []
    for line in text.splitlines():
        if match := re.fullmatch(r"( *)# (.*)", line):
            comment.append(match[2])
        elif match := re.match(r"( *)([A-Za-z0-9_]+):(.*)", line):
            depth = len(match[1]) // 2
            path = path[:depth] + [match[2]]
            held = values
            for part in path:
                held = held[part] if isinstance(held, dict) else None
            if held is None and match[3].strip() != "null":
                continue  # within a list
            inline = match[3].strip()
            if inline or comment and not isinstance(held, dict):
                yield ".".join(path), held, " ".join(comment)
            comment = []
        elif not line.strip():
            comment = []


if __name__ == "__main__":
    (CHART / "values.schema.json").write_text(schema())
    (CHART / "README.md").write_text(readme())
