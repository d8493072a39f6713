/**
 * What the reader's browser keeps for the course.
 *
 * Where storage is off, full or forbidden, a value lives in this page's memory until the page is left: nothing is
 * thrown, and nothing that was typed is lost while it is looked at.
 */

/** Values that the browser would not keep. @type {Map<string, string>} */
const memory = new Map();

export const store = {
  /** @param {string} key @returns {string | null} */
  read(key) {
    const kept = memory.get(key);
    if (kept !== undefined) return kept;
    try {
      return window.localStorage.getItem(key);
    } catch {
      return null;
    }
  },

  /** The value that `key` holds as JSON, or null. @param {string} key @returns {unknown} */
  readJson(key) {
    try {
      return JSON.parse(this.read(key) ?? "null");
    } catch {
      return null; // nonsense in the storage is none of ours
    }
  },

  /** @param {string} key @param {unknown} value */
  writeJson(key, value) {
    this.write(key, JSON.stringify(value));
  },

  /** @param {string} key @param {string} value */
  write(key, value) {
    try {
      window.localStorage.setItem(key, value);
      memory.delete(key);
    } catch {
      memory.set(key, value);
    }
  },

  /** Whether the browser keeps what is written. */
  lasts() {
    try {
      window.localStorage.setItem("course:probe", "");
      window.localStorage.removeItem("course:probe");
      return memory.size === 0;
    } catch {
      return false;
    }
  },

  /** @param {string} key */
  remove(key) {
    memory.delete(key);
    try {
      window.localStorage.removeItem(key);
    } catch {
      // Nothing was stored.
    }
  },

  /** All keys that begin with `prefix`, sorted. @param {string} prefix @returns {string[]} */
  keys(prefix) {
    const found = new Set(memory.keys());
    try {
      for (let place = 0; place < window.localStorage.length; place += 1) found.add(window.localStorage.key(place) ?? "");
    } catch {
      // Those in memory are all there are.
    }
    return [...found].filter((key) => key.startsWith(prefix)).sort();
  },
};
