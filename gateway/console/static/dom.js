// Trees of plain values, and what they make of the page. Text is only ever text: nothing here can parse markup.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "disabled", "checked", "selected"]);
const held = new WeakMap(); // node -> what it was made from

/** An element. props: attributes, `key`, `on: {click: …}`, `style: {name: value}`; a value of null or false is left out. */
export function h(tag, props, ...children) {
  return { tag, key: props?.key, props: props ?? {}, children: children.flat(Infinity).filter(shown) };
}

/** An element that draws itself: `mount(node, data)` gives `{update(data), destroy()}`. */
export function own(key, props, mount, data) {
  return { tag: "div", key, props, mount, data, children: [] };
}

/** Makes the children of a node those that the tree says, changing as little as it can: focus, selection and scroll stay. */
export function patch(parent, tree) {
  const wanted = [tree].flat(Infinity).filter(shown);
  const keyed = new Map();
  const loose = [];
  for (const node of parent.childNodes) {
    const key = held.get(node)?.key;
    if (key === undefined) loose.push(node);
    else keyed.set(key, node);
  }
  let place = parent.firstChild;
  for (const each of wanted) {
    const node = taken(each, keyed, loose) ?? made(each, parent);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
    filled(node, each);
  }
  for (const node of [...keyed.values(), ...loose]) gone(node);
}

const shown = (each) => each !== null && each !== undefined && each !== false && each !== "";
const tagOf = (each) => (typeof each === "object" ? each.tag : "#text");

function taken(each, keyed, loose) {
  const tag = tagOf(each);
  if (each.key !== undefined) {
    const node = keyed.get(each.key);
    if (node === undefined || node.nodeName.toLowerCase() !== tag.toLowerCase()) return undefined;
    keyed.delete(each.key);
    return node;
  }
  const at = loose.findIndex((node) => node.nodeName.toLowerCase() === tag.toLowerCase());
  return at < 0 ? undefined : loose.splice(at, 1)[0];
}

function made(each, parent) {
  if (typeof each !== "object") return document.createTextNode("");
  const drawn = each.tag === "svg" || (parent.namespaceURI === SVG && parent.nodeName !== "foreignObject");
  return drawn ? document.createElementNS(SVG, each.tag) : document.createElement(each.tag);
}

function filled(node, each) {
  if (typeof each !== "object") {
    const text = String(each);
    if (node.nodeValue !== text) node.nodeValue = text;
    return;
  }
  const before = held.get(node);
  held.set(node, each);
  attributed(node, before?.props ?? {}, each.props);
  if (!each.mount) {
    patch(node, each.children);
    return;
  }
  if (before?.running) {
    each.running = before.running;
    each.running.update(each.data);
  } else each.running = each.mount(node, each.data);
}

function attributed(node, before, props) {
  for (const name of Object.keys(before)) if (!(name in props)) assign(node, name, null, before[name]);
  for (const [name, value] of Object.entries(props)) assign(node, name, value, before[name]);
}

function assign(node, name, value, before) {
  if (name === "key") return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(before ?? {})) node.removeEventListener(event, listener);
    for (const [event, listener] of Object.entries(value ?? {})) node.addEventListener(event, listener);
  } else if (name === "style") {
    for (const [property, said] of Object.entries(value ?? {})) node.style.setProperty(property, said);
  } else if (PROPERTIES.has(name)) {
    if (value !== before) node[name] = value ?? (name === "value" ? "" : false);
  } else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (String(value) !== node.getAttribute(name)) node.setAttribute(name, value === true ? "" : String(value));
}

function gone(node) {
  for (const child of node.childNodes) released(child);
  released(node);
  node.remove();
}

function released(node) {
  held.get(node)?.running?.destroy();
  for (const child of node.childNodes) released(child);
}
