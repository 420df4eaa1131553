"use strict";
// Draws /openapi.json. Text goes in as text nodes only, so nothing in it can become markup.

function element(name, text, ...children) {
  const out = document.createElement(name);
  if (text) out.textContent = text;
  out.append(...children);
  return out;
}

function classed(node, name) {
  node.className = name;
  return node;
}

function table(head, rows) {
  const top = element("tr", "", ...head.map((x) => element("th", x)));
  const body = rows.map((row) => element("tr", "", ...row.map((cell) =>
    cell instanceof Node ? element("td", "", cell) : element("td", String(cell)))));
  return element("table", "", element("thead", "", top), element("tbody", "", ...body));
}

function schemaOf(content) {
  const found = Object.values(content || {})[0];
  return found ? found.schema : undefined;
}

function schemaView(title, schema) {
  return element("details", "", element("summary", title),
    element("pre", JSON.stringify(schema, null, 2)));
}

function parametersView(parameters) {
  return table(["parameter", "in", "type", ""], parameters.map((p) =>
    [p.name, p.in, p.schema.format || p.schema.type || "", p.description || ""]));
}

function answersView(responses) {
  return table(["status", "", ""], Object.entries(responses).map(([status, answer]) => {
    const schema = schemaOf(answer.content);
    const shared = !schema || schema.$ref;
    return [status, answer.description, shared ? "" : schemaView("schema", schema)];
  }));
}

function operationView(path, method, operation) {
  const line = element("summary", "", classed(element("span", method.toUpperCase()), "method"),
    element("code", path), " ", classed(element("span", operation["x-access"]), "level"), " ",
    operation.summary || "");
  const out = element("details", "", line);
  if (operation.parameters) out.append(parametersView(operation.parameters));
  const request = schemaOf(operation.requestBody && operation.requestBody.content);
  if (request) out.append(schemaView("request body", request));
  out.append(answersView(operation.responses));
  out.dataset.words = [path, method, operation.summary, operation.operationId]
    .join(" ").toLowerCase();
  return out;
}

function groups(document_) {
  const out = new Map();
  for (const [path, methods] of Object.entries(document_.paths))
    for (const [method, operation] of Object.entries(methods)) {
      const tag = (operation.tags || ["other"])[0];
      if (!out.has(tag)) out.set(tag, []);
      out.get(tag).push(operationView(path, method, operation));
    }
  return out;
}

function draw(document_) {
  const main = document.getElementById("routes");
  main.replaceChildren();
  for (const [tag, operations] of groups(document_))
    main.append(element("section", "", element("h2", tag), ...operations));
  main.append(schemaView("Every error", document_.components.schemas.Error));
}

function filter(words) {
  for (const section of document.querySelectorAll("#routes section")) {
    let shown = 0;
    for (const one of section.querySelectorAll(":scope > details")) {
      one.hidden = !words.every((word) => one.dataset.words.includes(word));
      shown += one.hidden ? 0 : 1;
    }
    section.hidden = shown === 0;
  }
}

fetch("/openapi.json").then((answer) => {
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
}).then((found) => {
  draw(found);
  document.getElementById("filter").addEventListener("input", (event) =>
    filter(event.target.value.toLowerCase().split(/\s+/)));
}).catch((error) => {
  document.getElementById("routes").replaceChildren(
    element("p", `The description could not be loaded: ${error.message}`));
});
