/**
 * Lets a copy of the site that lies on a disk work as the site does.
 *
 * The build puts the texts of the site's modules before this one, as the object `modules`, and wraps both into one classic
 * script: a page opened from a disk may load no module from it, start no worker and follow no address of a folder. It may
 * import what it holds in memory.
 */

const script = /** @type {HTMLScriptElement} */ (document.currentScript);
const root = new URL("..", script.src);
/** An import of another module: what stands before the path, and the path. */
const IMPORT = /(^import\b[^"]*|\bimport\()"(\.{1,2}\/[^"]*)"/gm;
/** @type {Map<string, string>} */
const addresses = new Map();

/** The address in memory of the module at `path`, whose imports are such addresses too. @param {string} path */
function address(path) {
  const known = addresses.get(path);
  if (known) return known;
  if (!(path in modules)) throw new Error(`There is no module ${path}.`);
  const here = new URL(path, root);
  const text = modules[path]
    .replace(IMPORT, (_, before, to) => `${before}"${address(new URL(to, here).href.slice(root.href.length))}"`)
    .replaceAll("import.meta.url", `"${here}"`);
  const made = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  addresses.set(path, made);
  return made;
}

// When modules would run: the page is read, and nobody has been told so.
document.addEventListener(
  "readystatechange",
  () => {
    for (const path of (script.dataset.modules ?? "").split(" ")) {
      try {
        import(address(path));
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
