"""The OpenAPI document as one page of plain HTML: no script, no font and no style from anywhere else."""

import json
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #2563eb; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: 18rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; border-right: 1px solid var(--line);
  box-sizing: border-box; }
nav a { display: block; padding: .2rem 0; color: inherit; text-decoration: none; font-size: .9rem; }
nav a:hover, nav a:focus { color: var(--accent); text-decoration: underline; }
nav h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .05em; margin: 1rem 0 .2rem; }
main { padding: 1rem 2rem 4rem; max-width: 60rem; }
section { border-top: 1px solid var(--line); padding: 1.5rem 0; }
.verb { font-weight: 700; font-family: ui-monospace, monospace; font-size: .85em; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
code { background: var(--soft); padding: .1em .3em; border-radius: 4px; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .8rem; border-radius: 6px; overflow: auto; }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
summary { cursor: pointer; font-weight: 600; margin: .6rem 0; }
@media (max-width: 48rem) { body { display: block; } nav { position: static; height: auto; border: 0; } }
"""
VERBS = ("get", "post", "put", "patch", "delete")


def reference_page(document: dict[str, Any]) -> bytes:
    """UTF-8 HTML that works without a network and without JavaScript."""
    info = document["info"]
    operations = [
        (verb, path, item[verb]) for path, item in document["paths"].items() for verb in VERBS if verb in item
    ]
    tags: dict[str, list[str]] = {}
    for verb, path, operation in operations:
        link = (
            f'<a href="#{escape(operation["operationId"])}"><span class="verb">{verb.upper()}</span> {escape(path)}</a>'
        )
        tags.setdefault(operation["tags"][0], []).append(link)
    contents = "".join(f"<h2>{escape(tag)}</h2>{''.join(links)}" for tag, links in tags.items())
    components = document.get("components", {})
    schemas = components.get("schemas", {})
    contents += '<h2>Problems</h2><a href="#problems">All codes</a>'
    contents += "<h2>Schemas</h2>" + "".join(f'<a href="#schema-{escape(name)}">{escape(name)}</a>' for name in schemas)
    title = f"{escape(info['title'])} {escape(info['version'])}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f'<nav aria-label="Contents">{contents}</nav><main><h1>{title}</h1>{_text(info.get("description", ""))}'
        f'<p>The same as a document: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"{''.join(_operation(*each) for each in operations)}"
        f"{_problems(components.get('examples', {}))}"
        f"{''.join(_schema(name, schema) for name, schema in schemas.items())}</main></body></html>"
    ).encode("utf-8", "replace")


def _operation(verb: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f'<section id="{escape(operation["operationId"])}"><h2>{escape(operation.get("summary", ""))}</h2>',
        f'<p><code><span class="verb">{verb.upper()}</span> {escape(path)}</code></p>',
        _text(operation.get("description", "")),
    ]
    if operation.get("parameters"):
        parts.append(_parameters(operation["parameters"]))
    if "requestBody" in operation:
        parts.append(f"<h3>Body</h3>{_content(operation['requestBody'])}")
    parts.append("<h3>Answers</h3>")
    for status, response in operation["responses"].items():
        opened = " open" if status.startswith("2") else ""
        parts.append(
            f"<details{opened}><summary>{escape(status)} {escape(response['description'])}</summary>"
            f"{_content(response)}</details>"
        )
    return "".join(parts) + "</section>"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}"
        f"{', required' if parameter.get('required') else ''}</td><td>{_shape(parameter['schema'])}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
        for parameter in parameters
    )
    return f"<h3>Parameters</h3><table><tr><th>Name</th><th>In</th><th>Value</th><th>About</th></tr>{rows}</table>"


def _content(holder: dict[str, Any]) -> str:
    parts = []
    for media_type, content in holder.get("content", {}).items():
        parts.append(f"<p><code>{escape(media_type)}</code> {_shape(content['schema'])}</p>")
        if "example" in content:
            parts.append(f"<pre>{escape(json.dumps(content['example'], indent=2, ensure_ascii=False))}</pre>")
        if "examples" in content:
            items = "".join(f"<li>{_problem(reference)}</li>" for reference in content["examples"].values())
            parts.append(f"<ul>{items}</ul>")
    return "".join(parts)


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(member)}</code>{' required' if member in required else ''}</td><td>{_shape(shape)}</td>"
        f"<td>{escape(shape.get('description', ''))}</td></tr>"
        for member, shape in schema.get("properties", {}).items()
    )
    table = f"<table><tr><th>Member</th><th>Value</th><th>About</th></tr>{rows}</table>"
    about = _text(schema.get("description", "")) + (table if rows else f"<p>{_shape(schema)}</p>")
    return f'<section id="schema-{escape(name)}"><h2>{escape(name)}</h2>{about}</section>'


def _problem(reference: dict[str, str]) -> str:
    name = escape(reference["$ref"].rpartition("/")[2])
    return f'<a href="#problem-{name}"><code>{name}</code></a>'


def _problems(examples: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr id="problem-{escape(name)}"><td><code>{escape(name)}</code></td><td>{example["value"]["status"]}</td>'
        f"<td>{escape(example['summary'])}</td><td>{escape(example['value']['detail'])}</td></tr>"
        for name, example in examples.items()
    )
    heads = "<tr><th>Code</th><th>Status</th><th>What</th><th>What to do</th></tr>"
    return f'<section id="problems"><h2>Problems</h2><table>{heads}{rows}</table></section>'


def _shape(schema: dict[str, Any]) -> str:
    """A schema in a few words, with links to the named ones."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(_shape(option) for option in schema[union])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    words = [escape(str(schema.get("format") or schema.get("type", "any")))]
    if "items" in schema:
        words.append(f"of {_shape(schema['items'])}")
    bounds = ("minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "default")
    words += [f"{bound} {escape(json.dumps(schema[bound]))}" for bound in bounds if bound in schema]
    return ", ".join(words)


def _text(text: str) -> str:
    """Paragraphs, with `code` between backticks."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        pieces = escape(paragraph).split("`")
        marked = "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
        if marked.strip():
            paragraphs.append(f"<p>{marked}</p>")
    return "".join(paragraphs)
