/** What the theme's script leaves unsaid: the buttons beside a block of code are no landmark of the page. */

const BAR = ".md-code__nav";

/** @param {Iterable<Node>} nodes */
function mend(nodes) {
  for (const node of nodes) if (node instanceof Element && node.matches(BAR)) node.setAttribute("role", "none");
}

mend(document.querySelectorAll(BAR));
new MutationObserver((changes) => changes.forEach(({ addedNodes }) => mend(addedNodes)))
  .observe(document.body, { childList: true, subtree: true });
