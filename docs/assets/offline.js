/**
 * The course kept for reading offline, and word of newer versions.
 *
 * Nothing is kept before the reader asks for it. Then pages come from the copy, whole and of one version (sw.js); each page
 * looks whether the site has a newer one, says so, and says too if that could not be fetched. Whether there is a copy is
 * known to the browser alone: it is the worker's registration.
 */

import { make } from "./learn/dom.js";

const root = new URL("..", import.meta.url);
const onDisk = location.protocol === "file:";
/** @type {ServiceWorkerContainer | undefined} nothing where a browser keeps no copies */
const workers = window.isSecureContext && !onDisk ? navigator.serviceWorker : undefined;

/** The copy of this version's folder, if there is one: a worker of a folder above is somebody else's. */
async function copy() {
  const found = await workers?.getRegistration(root.href);
  return found?.scope === root.href ? found : undefined;
}

/** How many files this version has, and how large they are. @returns {Promise<{count: number, bytes: number}>} */
async function listed() {
  const answer = await fetch(new URL("offline.json", root), { cache: "no-cache" });
  if (!answer.ok) throw new Error(`offline.json answers ${answer.status}`);
  return answer.json();
}

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** One line at the foot of a page that comes from a copy, for what the reader must know of it. */
class Notice {
  constructor() {
    this.text = make("span", { role: "status" }); // on the page before it says anything, so that it is heard
    this.actions = make("span", { class: "offline-actions" });
    this.box = make("div", { class: "offline-notice" }, this.text, this.actions);
    document.body.append(this.box);
  }

  /** @param {string} sentence @param {Record<string, () => void>} actions label → what a press does */
  say(sentence, actions = {}) {
    this.text.textContent = sentence;
    this.actions.replaceChildren(...Object.entries(actions).map(([label, act]) => button(label, act)));
    this.box.classList.toggle("is-shown", sentence !== "");
  }
}

/** @param {string} label @param {() => void} act */
function button(label, act) {
  const made = make("button", { type: "button" }, label);
  made.addEventListener("click", act);
  return made;
}

/** Lets the version that waits take over; every open page then reloads, so that none is left with the old one. @param {ServiceWorkerRegistration} registration */
function takeOver(registration) {
  registration.waiting?.postMessage("take over");
}

/**
 * Tells how a worker fares that fetches a newer version.
 *
 * @param {ServiceWorkerRegistration} registration
 * @param {ServiceWorker} worker
 * @param {Notice} notice
 */
function follow(registration, worker, notice) {
  const ready = () =>
    notice.say("A new version of the course is here. This page is of the one before.", {
      "Read the new one": () => takeOver(registration),
      Later: () => notice.say(""),
    });
  const failed = () =>
    notice.say("A new version of the course is out, but it could not be kept. This page is of the one before.", {
      "Try again": () => update(registration),
      "Read online": () => forget().then(() => location.reload()),
    });
  const step = () => {
    if (worker.state === "installed") ready();
    if (worker.state === "redundant" && registration.waiting === null && !reloading) failed();
  };
  if (worker.state === "installing") notice.say("A new version of the course is out and is being fetched …");
  worker.addEventListener("statechange", step);
  step();
}

/** @param {ServiceWorkerRegistration} registration */
function update(registration) {
  registration.update().catch(() => {}); // no connection: the copy is what there is
}

let reloading = false;

/** Every page that is served from the copy watches for a newer one. */
async function watch() {
  const registration = await copy();
  if (!registration || !workers?.controller) return;
  workers.addEventListener("controllerchange", () => {
    reloading = true;
    location.reload();
  });
  const notice = new Notice();
  const newer = registration.installing ?? registration.waiting;
  if (newer) follow(registration, newer, notice);
  registration.addEventListener("updatefound", () => {
    if (registration.installing) follow(registration, registration.installing, notice);
  });
  update(registration);
}

async function forget() {
  await (await copy())?.unregister();
  for (const name of await caches.keys()) {
    if (name.startsWith(`course ${root.href} `)) await caches.delete(name);
  }
}

/** Fetches and keeps everything. Resolves when the copy is whole. @param {ServiceWorkerContainer} workers */
async function keep(workers) {
  const registration = await workers.register(new URL("sw.js", root), { scope: root.href });
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  if (!worker) throw new Error("The browser began no copy.");
  await new Promise((resolve, reject) => {
    const step = () => {
      if (worker.state === "activated") resolve(worker);
      if (worker.state === "redundant") reject(new Error("The copy is not whole."));
    };
    worker.addEventListener("statechange", step);
    step();
  });
}

/** The controls on the page about reading offline. @param {Element} place */
async function control(place) {
  const text = make("p", { role: "status" });
  const row = make("p", { class: "offline-buttons" });
  place.append(text, row);
  /** @param {string} sentence @param {HTMLElement[]} buttons */
  const show = (sentence, ...buttons) => {
    text.textContent = sentence;
    row.replaceChildren(...buttons);
  };
  if (!workers) {
    show(onDisk ? "These pages are on your disk already." : "A browser keeps a copy only of pages that come over https.");
    return;
  }
  const offer = async () => {
    const size = await listed().then(({ bytes }) => ` (${megabytes(bytes)})`, () => "");
    show("No copy is kept in this browser.", button(`Keep this course offline${size}`, start));
  };
  const start = async () => {
    show("Fetching the course … You may go on reading.");
    try {
      await keep(workers);
      await kept();
    } catch {
      await forget();
      await offer();
      text.textContent = "The course could not be fetched whole, so nothing is kept. Is there a connection, and enough space?";
    }
  };
  const kept = async () => {
    const { bytes, count } = await listed().catch(() => ({ bytes: 0, count: 0 }));
    const size = bytes ? `: ${count} files, ${megabytes(bytes)}` : "";
    show(`The whole course is kept in this browser${size}. It opens without a connection, at this address.`,
      button("Remove the copy", () => forget().then(offer)));
  };
  const registration = await copy();
  await (registration?.active ? kept() : offer());
}

watch();
for (const place of document.querySelectorAll("[data-course='offline']")) control(place);
