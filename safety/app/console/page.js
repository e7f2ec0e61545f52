// Small helpers for the page, and its notice.

import { LEVEL_SHAPES, levelWord } from "./words.js";

export const $ = (id) => document.getElementById(id);

export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function fillBadge(badge, level) {
  if (badge.dataset.level === level) return;
  badge.dataset.level = level;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", LEVEL_SHAPES[level] ?? LEVEL_SHAPES.P3);
  svg.append(path);
  badge.replaceChildren(svg, levelWord(level));
}

export function problem(node, text, field) {
  node.hidden = text === "";
  put(node, text);
  if (field) field.toggleAttribute("aria-invalid", false);
  if (field && text !== "") {
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}

let noticeTimer = 0;

export function notice(text, kind = "news") {
  clearTimeout(noticeTimer);
  $("notice").dataset.kind = kind;
  $("notice").hidden = false;
  put($("notice-text"), text);
  put($("notice-live"), text);
  if (kind === "news") noticeTimer = setTimeout(hideNotice, 6000);
}

export function hideNotice() {
  $("notice").hidden = true;
  put($("notice-live"), "");
}

$("notice-close").addEventListener("click", hideNotice);
