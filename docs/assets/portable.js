/**
 * Lets a copy of the site that lies on a disk work as the site does.
 *
 * The build puts the site's modules before this text, as the object `modules`, and wraps both into one classic script: a
 * page opened from a disk may load no module, start no worker and follow no address of a folder.
 */

const script = /** @type {HTMLScriptElement} */ (document.currentScript);
const root = new URL("..", script.src);
/** @type {Map<string, unknown>} */
const loaded = new Map();

/** What the module at `path` exports; it runs when it is first asked for. @param {string} path */
function load(path) {
  if (!loaded.has(path)) {
    const here = new URL(path, root);
    /** @param {string} to */
    const later = async (to) => load(new URL(to, here).href.slice(root.href.length));
    loaded.set(path, modules[path](load, later, here.href));
  }
  return loaded.get(path);
}

// When modules would run: the page is read, and nobody has been told so.
document.addEventListener(
  "readystatechange",
  () => {
    for (const path of (script.dataset.modules ?? "").split(" ")) {
      try {
        load(path);
      } catch (error) {
        reportError(error); // the others still run
      }
    }
  },
  { once: true },
);

/** Does the work of a worker in a frame without an address, which no browser refuses. Search needs no more than this. */
class FrameWorker extends EventTarget {
  /** @param {string} address */
  constructor(address) {
    super();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    this.inside = /** @type {Window} */ (frame.contentWindow);
    this.inside.postMessage = (/** @type {unknown} */ data) => this.dispatchEvent(new MessageEvent("message", { data }));
    const code = this.inside.document.createElement("script");
    this.ready = new Promise((resolve) => code.addEventListener("load", resolve));
    code.src = address;
    this.inside.document.body.append(code);
  }

  /** @param {unknown} data */
  async postMessage(data) {
    await this.ready;
    this.inside.dispatchEvent(new MessageEvent("message", { data }));
  }
}

if (location.protocol === "file:") {
  window.Worker = /** @type {any} */ (FrameWorker);
  // Links in the pages name their file already; these are links that scripts made.
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      if (link?.href.startsWith(root.href) && link.pathname.endsWith("/")) link.pathname += "index.html";
    },
    true,
  );
}
