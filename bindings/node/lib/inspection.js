'use strict';

/** An inspection from the core's JSON: field names in camelCase, the context as an object. */
function inspectionOf(json) {
  const inspection = camelCased(JSON.parse(json));
  // The core gives the items as pairs; fromEntries makes an own property of each, whatever its name.
  if (inspection.context !== null) inspection.context = Object.fromEntries(inspection.context);
  return inspection;
}

function camelCased(value) {
  if (Array.isArray(value)) return value.map(camelCased);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [camelCase(name), camelCased(field)]));
}

function camelCase(name) {
  return name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
}

module.exports = { camelCase, inspectionOf };
