"""Google's machine-readable definitions (google-api-python-client): the routes, and a validator of what this server says."""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import jsonschema

_FORMATS = {
    "byte": r"^[A-Za-z0-9+/]*={0,2}$",
    "int64": r"^-?[0-9]+$",
    "google-datetime": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$",
    "google-duration": r"^\d+(\.\d+)?s$",
}
# proto3 JSON has a second form for enumerations: see wire.py. The definition gives the names only.


class Divergence(Exception):
    """An answer that the definition does not allow: a fault of this server."""


@dataclass(frozen=True)
class Method:
    """One method of the service, such as Encrypt."""

    identifier: str
    http_method: str
    path: re.Pattern
    parameter: str  # what the path names: `name`, `parent` or `resource`
    request: str | None
    response: str
    scopes: frozenset[str]
    query: frozenset[str]


class Definition:
    """One service, such as `cloudkms.v1`."""

    def __init__(self, service: str):
        text = files("googleapiclient").joinpath(f"discovery_cache/documents/{service}.json").read_text(encoding="utf-8")
        self._document = json.loads(text)
        self._properties = {name: set(schema.get("properties", {})) for name, schema in self._document["schemas"].items()}
        self._schemas = {name: _to_json_schema(schema) for name, schema in self._document["schemas"].items()}
        self.methods = list(self._collect(self._document))
        self.revision = self._document["revision"]

    @property
    def regional_hosts(self) -> dict[str, str]:
        """Host names of the regional endpoints, with their locations."""
        endpoints = self._document.get("endpoints", [])
        return {e["endpointUrl"].removeprefix("https://").rstrip("/"): e["location"] for e in endpoints}

    def match(self, http_method: str, path: str) -> tuple[Method, str] | None:
        """The method for a path, and the resource that the path names."""
        for method in self.methods:
            if method.http_method == http_method and (found := method.path.fullmatch(path)):
                return method, found["resource"]
        return None

    def unknown_fields(self, method: Method, value: dict) -> list[str]:
        """Names at the top of a request that the definition does not have. What the path names may be in the body too."""
        return sorted(set(value) - self._properties[method.request or ""] - {method.parameter})

    def validate(self, schema: str, value: object) -> None:
        """Raises `Divergence`."""
        error = jsonschema.exceptions.best_match(self._validator(schema).iter_errors(value))
        if error is not None:
            raise Divergence(f"{schema}: {error.json_path}: {error.message}")

    @cache  # noqa: B019 - a definition lives as long as the server
    def _validator(self, schema: str) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator({"$defs": self._schemas, "$ref": f"#/$defs/{schema}"})

    def _collect(self, node: dict):
        common = frozenset(self._document["parameters"])
        for method in node.get("methods", {}).values():
            template = re.match(r"^v1/\{\+?(\w+)\}(.*)$", method["path"])
            if template is None:
                continue
            # Such as ^projects/[^/]+/locations/[^/]+$; no identifier holds a colon, which starts the name of a custom method.
            pattern = method["parameters"][template[1]]["pattern"].strip("^$").replace("[^/]+", "[^/:]+").replace(".*", "[^:]+")
            yield Method(
                identifier=method["id"],
                http_method=method["httpMethod"],
                parameter=template[1],
                path=re.compile(f"/v1/(?P<resource>{pattern}){re.escape(template[2])}"),
                request=method.get("request", {}).get("$ref"),
                response=method["response"]["$ref"],
                scopes=frozenset(method.get("scopes", [])),
                query=common | {name for name, value in method["parameters"].items() if value["location"] == "query"},
            )
        for resource in node.get("resources", {}).values():
            yield from self._collect(resource)


def _to_json_schema(schema: dict) -> dict:
    """A schema of a discovery document (an old draft of JSON Schema with formats of its own) as JSON Schema 2020-12."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    if schema["type"] == "any":
        return {}
    out: dict = {"type": schema["type"]}
    if schema["type"] == "object":
        out["properties"] = {name: _to_json_schema(value) for name, value in schema.get("properties", {}).items()}
        extra = schema.get("additionalProperties")
        out["additionalProperties"] = _to_json_schema(extra) if extra else False
    if schema["type"] == "array":
        out["items"] = _to_json_schema(schema["items"])
    if "enum" in schema:
        out["enum"] = schema["enum"]
    if schema.get("format") in _FORMATS:
        out["pattern"] = _FORMATS[schema["format"]]
    return out
