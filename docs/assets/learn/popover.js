/**
 * One small box beside a word or number that explains it: on hover, on focus and on tap.
 *
 * The page works without it: a term is a link, a number has its title. While the box is shown it stands right behind its
 * word in the document, so it is the next thing that Tab or a screen reader comes to, and it describes the word. It lies
 * above the page and moves nothing. Escape closes it, and so does going elsewhere; the pointer may go into it.
 */

const OPEN = 150; // milliseconds that a pointer rests on a word before the box opens
const CLOSE = 250; // milliseconds to reach the box from the word, or the word from the box
const GAP = 6; // pixels between the word and the box, and from the box to the window's edge

/** @typedef {(trigger: HTMLElement) => Node[] | Promise<Node[]>} Describe what the box shows; nothing, and it stays shut */

/** @type {Array<{selector: string, describe: Describe}>} */
const kinds = [];

/** @type {HTMLElement | undefined} */
let box;
/** @type {HTMLElement | undefined} the word whose box is open, or is about to be */
let shown;
let timer = 0;
let pointer = "mouse";

/**
 * Gives everything that matches `selector`, now or later, a box. A link still leads where it leads by mouse and keyboard;
 * a finger's tap opens the box first.
 *
 * @param {string} selector
 * @param {Describe} describe
 */
export function explain(selector, describe) {
  if (!("popover" in HTMLElement.prototype)) return;
  if (!kinds.length) listen();
  kinds.push({ selector, describe });
}

/** Focuses a word, in the middle of the window, and opens its box. @param {HTMLElement} trigger */
export function point(trigger) {
  trigger.scrollIntoView({ block: "center" });
  trigger.focus({ preventScroll: true });
  const found = find(trigger);
  if (found) open(found);
}

/** Closes the box; a focus inside it goes back to the word. */
export function close() {
  clearTimeout(timer);
  if (!shown) return;
  const trigger = shown;
  shown = undefined;
  if (!box?.isConnected) return;
  if (box.contains(document.activeElement)) trigger.focus({ preventScroll: true });
  trigger.removeAttribute("aria-describedby");
  box.remove();
}

/** @param {EventTarget | null} target */
function find(target) {
  if (!(target instanceof Element) || box?.contains(target)) return null;
  for (const { selector, describe } of kinds) {
    const trigger = /** @type {HTMLElement | null} */ (target.closest(selector));
    if (trigger) return { trigger, describe };
  }
  return null;
}

/** @param {{trigger: HTMLElement, describe: Describe}} found */
function open({ trigger, describe }) {
  clearTimeout(timer);
  if (trigger === shown) return;
  close();
  shown = trigger;
  const nodes = describe(trigger);
  if (nodes instanceof Promise) nodes.then((made) => show(trigger, made), close);
  else show(trigger, nodes); // at once, so that a screen reader hears it with the word
}

/** @param {HTMLElement} trigger @param {Node[]} nodes */
function show(trigger, nodes) {
  if (shown !== trigger) return; // the reader went on meanwhile
  if (!nodes.length) {
    close();
    return;
  }
  if (!box) {
    box = document.createElement("div");
    box.className = "explained";
    box.id = "explained";
    box.popover = "manual";
  }
  box.replaceChildren(...nodes);
  trigger.after(box);
  trigger.setAttribute("aria-describedby", box.id);
  box.showPopover();
  place();
}

/** Puts the box below the word, or above it where there is no room below. */
function place() {
  if (!shown || !box?.isConnected) return;
  const word = shown.getClientRects()[0] ?? shown.getBoundingClientRect();
  const { width, height } = box.getBoundingClientRect();
  const room = document.documentElement.clientWidth - GAP - width;
  const above = word.bottom + GAP + height > window.innerHeight && word.top - GAP - height > 0;
  box.style.left = `${Math.max(GAP, Math.min(word.left, room)) + window.scrollX}px`;
  box.style.top = `${(above ? word.top - GAP - height : word.bottom + GAP) + window.scrollY}px`;
}

function listen() {
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    const found = find(event.target);
    const inside = event.target instanceof Node && box?.contains(event.target);
    if (found || inside) clearTimeout(timer);
    if (found && found.trigger !== shown) timer = window.setTimeout(() => open(found), OPEN);
  });
  document.addEventListener("pointerout", (event) => {
    const from = event.target;
    if (event.pointerType !== "mouse" || !(from instanceof Element)) return;
    clearTimeout(timer);
    const kept = shown?.contains(document.activeElement) || box?.contains(document.activeElement);
    if (shown && !kept) timer = window.setTimeout(close, CLOSE);
  });
  document.addEventListener("pointerdown", (event) => {
    pointer = event.pointerType;
    const target = /** @type {Node} */ (event.target);
    if (shown && !shown.contains(target) && !box?.contains(target)) close();
  }, true);
  document.addEventListener("click", (event) => {
    const found = find(event.target);
    const byMouse = pointer === "mouse" && event.detail > 0;
    const byKey = event.detail === 0;
    if (!found || ((byMouse || byKey) && found.trigger.closest("a[href]"))) return; // a link leads on
    event.preventDefault();
    if (!byMouse && found.trigger === shown && box?.isConnected) close();
    else open(found);
  });
  document.addEventListener("focusin", (event) => {
    const found = find(event.target);
    if (found?.trigger.matches(":focus-visible")) open(found);
  });
  document.addEventListener("focusout", (event) => {
    const to = /** @type {Node | null} */ (event.relatedTarget);
    if (shown && to && !shown.contains(to) && !box?.contains(to)) close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  window.addEventListener("resize", place);
}
