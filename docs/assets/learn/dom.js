/** What the modules share of the page. Nothing here writes HTML: what a learner types reaches a page only as text. */

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

/** Tells the page that something the reader did was noted. */
export function announce() {
  document.dispatchEvent(new CustomEvent("course:progress"));
}

/** The address of the page "Your progress", as the page's navigation has it, or "" where a site has no such page. */
export function progressAddress() {
  const links = [...document.querySelectorAll(":is(.md-header, .md-nav) a[href]")];
  return links.find((link) => /(^|\/)progress\/(index\.html)?$/.test(link.pathname))?.href ?? "";
}
