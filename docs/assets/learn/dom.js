/** What the modules share of the page. Nothing here writes HTML: what a learner types reaches a page only as text. */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** All elements inside `root` that match. @param {ParentNode} root @param {string} selector @returns {HTMLElement[]} */
export function parts(root, selector) {
  return [...root.querySelectorAll(selector)].filter((element) => element instanceof HTMLElement);
}

/**
 * The first element inside `root` that matches, which the build has put there.
 *
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 * @throws {Error} a page and a script that are not of one version
 */
export function part(root, selector) {
  const [found] = parts(root, selector);
  if (!found) throw new Error(`The page has no ${selector}.`);
  return found;
}

/** Copies of an element's children. @param {Element} element */
export function copies(element) {
  return [...element.childNodes].map((node) => node.cloneNode(true));
}

/**
 * A button that copies `text`, or selects `shown` where a page may not write to the clipboard, and the line that says so.
 *
 * @param {string} label of the button
 * @param {string} text
 * @param {HTMLElement} shown
 * @returns {[HTMLButtonElement, HTMLSpanElement]}
 */
export function copier(label, text, shown) {
  const button = make("button", { type: "button", class: "quiz-button quiz-button--quiet" }, label);
  const told = make("span", { role: "status", class: "quiz-report-told" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      told.textContent = "Copied.";
    } catch {
      getSelection()?.selectAllChildren(shown);
      told.textContent = "Selected: copy it with your keyboard.";
    }
  });
  return [button, told];
}

/**
 * A field for a number. A phone shows its keyboard of numbers, unless the number is below zero: some have no minus there.
 *
 * @param {string} id
 * @param {string | undefined} answer
 */
export function numberField(id, answer = "") {
  const inputmode = answer.startsWith("-") ? "text" : "decimal";
  return make("input", { type: "text", inputmode, id, autocapitalize: "off", spellcheck: "false" });
}

/** Tells the page that something the reader did was noted. */
export function announce() {
  document.dispatchEvent(new CustomEvent("course:progress"));
}

/** The address of the page "Your progress", as the page's navigation has it, or "" where a site has no such page. */
export function progressAddress() {
  /** @type {NodeListOf<HTMLAnchorElement>} */
  const links = document.querySelectorAll(":is(.md-header, .md-nav) a[href]");
  return [...links].find((link) => /(^|\/)progress\/(index\.html)?$/.test(link.pathname))?.href ?? "";
}
