/** The button for the light and the dark theme, and what the theme's own script leaves undone. */

import { store } from "./store.js";

const KEY = "theme:chosen"; // read, too, by the script in the header that sets the theme before anything is painted
const THEMES = { light: "default", dark: "slate" }; // Material's names of its color schemes
const BAR = ".md-code__nav";

const system = matchMedia("(prefers-color-scheme: dark)");
const button = /** @type {HTMLButtonElement | null} */ (document.querySelector(".site-theme"));

function shown() {
  return document.body.dataset.mdColorScheme === THEMES.dark ? "dark" : "light";
}

/** @param {HTMLButtonElement} button */
function tell(button) {
  const label = `Switch to the ${shown() === "dark" ? "light" : "dark"} theme`;
  button.title = label;
  button.setAttribute("aria-label", label);
}

if (button) {
  /** @param {"light" | "dark"} theme */
  const show = (theme) => {
    document.body.dataset.mdColorScheme = THEMES[theme];
    tell(button);
  };
  tell(button);
  button.hidden = false;
  button.addEventListener("click", () => {
    show(shown() === "dark" ? "light" : "dark");
    // Who chose what the system has follows the system again.
    if (shown() === (system.matches ? "dark" : "light")) store.remove(KEY);
    else store.write(KEY, shown());
  });
  system.addEventListener("change", () => {
    if (store.read(KEY) === null) show(system.matches ? "dark" : "light");
  });
}

// What fits is no stop for the Tab key. Asked of all at once, so that the page is laid out once.
const fitting = [...document.querySelectorAll('[tabindex="0"]:is(pre, pre > code, .math, .table-scroll, .output--html)')]
  .filter(({ clientWidth, scrollWidth }) => clientWidth > 0 && scrollWidth <= clientWidth);
for (const code of fitting) code.removeAttribute("tabindex");

/** The buttons beside a block of code are no landmark of the page. @param {Iterable<Node>} nodes */
function mend(nodes) {
  for (const node of nodes) if (node instanceof Element && node.matches(BAR)) node.setAttribute("role", "none");
}

mend(document.querySelectorAll(BAR));
new MutationObserver((changes) => mend(changes.flatMap(({ addedNodes }) => [...addedNodes])))
  .observe(document.body, { childList: true, subtree: true });
