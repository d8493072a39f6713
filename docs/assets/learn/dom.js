/** Elements from text. Nothing here writes HTML: what a learner types reaches a page only as text. */

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Copies of an element's children. */
export function copies(element) {
  return [...element.childNodes].map((node) => node.cloneNode(true));
}
