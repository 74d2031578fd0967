// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="esnext" />
/**
 * Elements made of texts. What devices say is written by anybody: it must never reach the document but as the
 * text of a node or the value of an attribute that means nothing to a browser.
 */

/** The element of this id. @param {string} id @returns {HTMLElement} */
export const $ = (id) => {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no element ${id}`);
  return element;
};

/**
 * A new element.
 *
 * @param {string} tag
 * @param {Readonly<Record<string, string>>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export const make = (tag, attributes, ...children) => {
  const element = document.createElement(tag);
  for (const name in attributes) element.setAttribute(name, attributes[name] ?? "");
  element.append(...children);
  return element;
};

/**
 * A new element of a drawing.
 *
 * @param {string} tag
 * @param {Readonly<Record<string, string | number>>} attributes
 * @returns {SVGElement}
 */
export const draw = (tag, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in attributes) element.setAttribute(name, String(attributes[name]));
  return element;
};

/** Sets a text where it is another: the same again would be laid out again. @param {Node} node @param {string} text */
export const say = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

/** @param {Element} element @param {string} name @param {string} value */
export const set = (element, name, value) => {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
};

/** Tells the result of what somebody did, to readers of screens too. @param {string} text */
export const announce = (text) => {
  const said = $("said");
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => said.classList.remove("shown"), 6000);
};

/** @type {ReturnType<typeof setTimeout> | undefined} */
let hiding;
