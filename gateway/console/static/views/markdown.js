// Markdown as a tree of elements: headings, paragraphs, lists, tables, quotes, code, emphasis and links. Markup in it stays text.

import { h } from "../dom.js";

const SAFE = /^(https?:|mailto:)/i;
const LONGEST = 200_000;
const INLINE =
  /(`+)(.+?)\1|!\[([^\]]*)\]\([^)\s]*\)|\[([^\]]+)\]\(([^)\s]+)\)|\*\*(.+?)\*\*|__(.+?)__|\*([^*\s][^*]*)\*|\b_([^_\s][^_]*)_\b/;
const ITEM = /^\s*(?:[-*+]|\d{1,9}[.)])\s+/;
const RULE = /^\s*([-*_])(?:\s*\1){2,}\s*$/;
const BLOCKS = [fenced, heading, ruled, quoted, listed, tabled];

/** The tree of a text; what is longer than 200,000 characters is cut. */
export function markdown(text) {
  return blocks(text.slice(0, LONGEST).replace(/\r\n?/g, "\n").split("\n"));
}

function blocks(lines) {
  const made = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const [tree, next] = BLOCKS.map((block) => block(lines, at)).find(Boolean) ?? paragraph(lines, at);
    made.push(tree);
    at = next;
  }
  return made;
}

function fenced(lines, at) {
  const fence = lines[at].match(/^\s*(```+|~~~+)/)?.[1];
  if (!fence) return null;
  const length = lines.slice(at + 1).findIndex((line) => line.trim().startsWith(fence));
  const end = length < 0 ? lines.length : at + 1 + length;
  return [h("pre", { tabindex: 0 }, h("code", {}, lines.slice(at + 1, end).join("\n"))), end + 1];
}

function heading(lines, at) {
  const found = lines[at].match(/^(#{1,6})\s+(.*?)\s*#*$/);
  return found && [h(`h${Math.min(6, found[1].length + 2)}`, {}, inline(found[2])), at + 1];
}

function ruled(lines, at) {
  return RULE.test(lines[at]) ? [h("hr"), at + 1] : null;
}

function quoted(lines, at) {
  if (!/^\s*>/.test(lines[at])) return null;
  const end = until(lines, at, (line) => !/^\s*>/.test(line));
  return [h("blockquote", {}, blocks(lines.slice(at, end).map((line) => line.replace(/^\s*>\s?/, "")))), end];
}

function listed(lines, at) {
  if (!ITEM.test(lines[at])) return null;
  const end = until(lines, at, (line) => !line.trim() || (!ITEM.test(line) && !/^\s/.test(line)));
  const items = [];
  for (const line of lines.slice(at, end)) {
    if (ITEM.test(line)) items.push(line.replace(ITEM, ""));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return [
    h(
      /^\s*\d/.test(lines[at]) ? "ol" : "ul",
      {},
      items.map((item) => h("li", {}, inline(item))),
    ),
    end,
  ];
}

function tabled(lines, at) {
  if (
    !lines[at].includes("|") ||
    !/^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[at + 1] ?? "") ||
    !lines[at + 1].includes("-")
  )
    return null;
  const end = until(lines, at + 2, (line) => !line.includes("|"));
  const [head, , ...rows] = lines.slice(at, end).map(cells);
  const header = h(
    "tr",
    {},
    head.map((cell) => (cell ? h("th", { scope: "col" }, inline(cell)) : h("td"))),
  );
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      row.map((cell, column) => h(column ? "td" : "th", column ? {} : { scope: "row" }, inline(cell))),
    ),
  );
  return [
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of the card" },
      h("table", {}, h("thead", {}, header), h("tbody", {}, body)),
    ),
    end,
  ];
}

function paragraph(lines, at) {
  const begins = (line, n) =>
    !line.trim() || (n > at && (/^(#{1,6}\s|\s*>|\s*```|\s*~~~)/.test(line) || ITEM.test(line) || RULE.test(line)));
  const end = Math.max(at + 1, until(lines, at, begins));
  return [h("p", {}, inline(lines.slice(at, end).join(" "))), end];
}

function until(lines, at, ends) {
  let next = at;
  while (next < lines.length && !ends(lines[next], next)) next += 1;
  return next;
}

const cells = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());

function inline(text, depth = 0) {
  const made = [];
  let rest = text;
  for (let found = depth < 8 && rest.match(INLINE); found; found = rest.match(INLINE)) {
    if (found.index) made.push(rest.slice(0, found.index));
    made.push(spanOf(found, depth + 1));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest) made.push(rest);
  return made;
}

function spanOf([whole, , code, image, label, target, bold, bolder, slanted, leaning], depth) {
  if (code !== undefined) return h("code", {}, code.trim());
  if (image !== undefined) return h("i", {}, image || "picture");
  if (label !== undefined) {
    return SAFE.test(target)
      ? h("a", { href: target, rel: "noopener noreferrer nofollow", target: "_blank" }, inline(label, depth))
      : h("span", {}, inline(label, depth));
  }
  const strong = bold ?? bolder;
  if (strong !== undefined) return h("strong", {}, inline(strong, depth));
  const soft = slanted ?? leaning;
  return soft === undefined ? whole : h("em", {}, inline(soft, depth));
}
