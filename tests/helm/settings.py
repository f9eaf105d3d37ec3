"""The settings that src/config/example.toml shows, as a closed JSON Schema."""

import re
import tomllib

DURATION = re.compile(r"[0-9]+[smhd]")
SECTION = re.compile(r"(?:# )?(\[\[?)([a-z0-9_.]+)\]\]?\s*(?:#.*)?")
SETTING = re.compile(r"(?:# )?([a-z0-9_]+) = (.+)")


def settings(example):
    """Each setting with the value shown, by its path; a path of an array of tables has [] in it."""
    found, section = {}, ""
    for line in example.splitlines():
        if match := SECTION.fullmatch(line):
            section = match[2] + ("[]." if match[1] == "[[" else ".")
        elif match := SETTING.fullmatch(line):
            try:
                value = tomllib.loads(f"{match[1]} = {match[2]}")[match[1]]
            except tomllib.TOMLDecodeError:
                continue  # a sentence that happens to look like one
            found[section + match[1]] = value
    return found


def schema(example):
    """Every setting and no other. Only the form is said here: what is allowed is the program's to say."""
    root = closed()
    for path, value in settings(example).items():
        node = root
        *above, name = path.split(".")
        for part in above:
            if part.endswith("[]"):
                array = node["properties"].setdefault(part[:-2], {"type": "array", "items": closed()})
                node = array["items"]
            else:
                node = node["properties"].setdefault(part, closed())
        node["properties"][name] = form(value)
    return root


def closed():
    return {"type": "object", "additionalProperties": False, "properties": {}}


def form(value):
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, float):
        return {"type": "number", "minimum": 0, "maximum": 1}
    if isinstance(value, int):
        return {"type": "integer", "minimum": 0}
    if isinstance(value, list):
        return {"type": "array", "items": {"$ref": "#/definitions/line"}}
    if DURATION.fullmatch(value):
        return {"$ref": "#/definitions/duration"}
    return {"$ref": "#/definitions/line"}
