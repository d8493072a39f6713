/**
 * Answers the theme's search box. The build puts this script before the theme's own worker, of which it uses lunr, the
 * engine, and the four messages; so it runs wherever the theme's worker does, also in a frame of a copy on a disk.
 *
 * What has more of the words counts for more, so sections with all of them come first and others follow. Words are
 * compared by their stems. A word that the index does not have may be the beginning of one if it is the last, which is
 * still being typed; else it may be misspelled.
 */
(() => {
  /** What the theme's page and its worker say to each other. */
  const SETUP = 0, READY = 1, QUERY = 2, RESULT = 3;
  /** How much a word counts that stands in the heading, among the names of what a section teaches, or in what names the page. */
  const BOOST = { title: 6, also: 8, page: 2, text: 1 };
  const WORD = /[\p{L}\p{N}]+(?:\.\p{N}+)*(?:\+(?![\p{L}\p{N}]))?/gu; // also 0.5 and LoRA+
  const EXCERPT = 220;
  const LETTERS = /** @type {Record<string, string>} */ ({ "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&" });

  /**
   * @typedef {{ location: string, title: string, text: string, also?: string, boost?: number }} Section
   * @typedef {Section & { score: number, terms: Record<string, boolean> }} Item
   * @typedef {{ typed: string, stems: string[] }} Word What was typed, and the stems in the index that it may stand for.
   */

  const lunr = () => /** @type {any} */ (self).lunr;
  const stem = (/** @type {string} */ word) => lunr().stemmer(new (lunr().Token)(word.toLowerCase(), {})).toString();
  /** Words of questions that lunr does not count among those that say nothing. */
  const ASKING = new Set(["many", "much", "vs", "versus"]);
  const isStopWord = (/** @type {string} */ word) => ASKING.has(word) || !lunr().stopWordFilter(word);
  const plain = (/** @type {string} */ html) =>
    html.replace(/<[^>]*>/g, "").replace(/&(?:lt|gt|quot|amp);/g, (name) => LETTERS[name]);
  const escaped = (/** @type {string} */ text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  /** Answers queries about `docs`. @param {Section[]} docs */
  function searcher(docs) {
    const sections = docs.map((doc) => ({ ...doc, title: plain(doc.title), text: plain(doc.text) }));
    /** @type {Map<string, Section>} */
    const pages = new Map();
    for (const section of sections) {
      const address = page(section);
      if (!pages.has(address)) pages.set(address, section);
    }
    const index = lunr()((/** @type {any} */ builder) => {
      builder.tokenizer = (/** @type {string} */ text) =>
        (text?.match(WORD) ?? []).map((word) => new (lunr().Token)(word.toLowerCase(), {}));
      builder.pipeline.remove(lunr().trimmer); // it takes α and β for no letters
      builder.ref("number");
      for (const [name, boost] of Object.entries(BOOST)) builder.field(name, { boost });
      for (const [number, section] of sections.entries()) {
        const whole = /** @type {Section} */ (pages.get(page(section)));
        const around = section === whole ? "" : `${whole.title} ${whole.also ?? ""}`;
        builder.add({ ...section, number, page: around }, { boost: section.boost ?? 1 });
      }
    });
    const known = Object.keys(index.invertedIndex);

    /** @param {string} typed @param {boolean} last @returns {Word} */
    function word(typed, last) {
      const wanted = stem(typed);
      if (wanted in index.invertedIndex) return { typed, stems: [wanted] };
      const begun = last ? known.filter((term) => term.startsWith(typed.toLowerCase())) : [];
      if (begun.length || wanted.length < 4) return { typed, stems: begun };
      return { typed, stems: index.tokenSet.intersect(lunr().TokenSet.fromFuzzyString(wanted, 1)).toArray() };
    }

    /** The pages that answer `query`, the best first, each as its sections and itself. @param {string} query */
    return (query) => {
      const typed = query.match(WORD) ?? [];
      const words = typed
        .map((text, place) => word(text, place === typed.length - 1))
        .filter((w) => !isStopWord(w.typed.toLowerCase()));
      const stems = words.flatMap((w) => w.stems);
      if (!stems.length) return [];
      /** @type {{ ref: string, score: number, matchData: { metadata: Record<string, unknown> } }[]} */
      const matches = index.query((/** @type {any} */ q) => {
        for (const term of stems) q.term(term, { usePipeline: false });
      });
      const counted = matches.map(({ ref, score, matchData }) => {
        const has = words.map((w) => w.stems.some((term) => term in matchData.metadata));
        return { section: sections[Number(ref)], score, has, share: has.filter(Boolean).length / words.length };
      });
      const items = counted
        .map(({ section, score, has, share }) => ({
          ...section,
          score: score * share ** 3,
          terms: Object.fromEntries(words.map((w, place) => [has[place] ? common(w) : w.typed, has[place]])),
          title: marked(section.title, stems),
          text: excerpt(section.text, stems),
        }))
        .sort((a, b) => b.score - a.score);
      /** @type {Map<string, Item[]>} */
      const groups = new Map();
      for (const item of items) {
        const group = groups.get(page(item)) ?? [];
        if (!group.some((better) => better.location === item.location)) groups.set(page(item), [...group, item]);
      }
      for (const [address, group] of groups) {
        const top = /** @type {Section} */ (pages.get(address));
        if (!group.some((item) => item.location === top.location)) {
          group.push({ ...top, title: escaped(top.title), text: "", score: 0, terms: {} });
        }
      }
      return [...groups.values()];
    };
  }

  /** @param {Section} section */
  const page = ({ location }) => location.split("#")[0];

  /** What is to be highlighted on the page found: as much of a word as its other forms have too. @param {Word} word */
  function common({ typed, stems }) {
    const lower = typed.toLowerCase();
    let end = 0;
    while (end < lower.length && stems[0][end] === lower[end]) end += 1;
    return typed.slice(0, end) || typed;
  }

  /** The places of words with one of the `stems` in `text`. @param {string} text @param {string[]} stems */
  function hits(text, stems) {
    const found = [];
    for (const match of text.matchAll(WORD)) {
      const term = stem(match[0]);
      if (stems.includes(term)) found.push({ start: match.index, end: match.index + match[0].length, term });
    }
    return found;
  }

  /** `text` as HTML in which words with one of the `stems` are marked. @param {string} text @param {string[]} stems */
  function marked(text, stems) {
    let html = "", done = 0;
    for (const { start, end } of hits(text, stems)) {
      html += `${escaped(text.slice(done, start))}<mark>${escaped(text.slice(start, end))}</mark>`;
      done = end;
    }
    return html + escaped(text.slice(done));
  }

  /** Whole words around the place with the most of the `stems`, from a sentence's start if one is near; as HTML.
   * @param {string} text @param {string[]} stems */
  function excerpt(text, stems) {
    const found = hits(text, stems);
    let start = 0, most = 0;
    for (const hit of found) {
      const near = found.filter((other) => other.start >= hit.start && other.end <= hit.start + EXCERPT * 0.7);
      const terms = new Set(near.map((other) => other.term)).size;
      if (terms > most) [start, most] = [hit.start, terms];
    }
    const before = text.slice(0, start);
    const sentence = Math.max(before.lastIndexOf(". "), before.lastIndexOf("? "), before.lastIndexOf("! ")) + 1;
    start = start - sentence <= EXCERPT * 0.4 ? sentence : before.lastIndexOf(" ", start - 40) + 1;
    let end = Math.min(start + EXCERPT, text.length);
    if (end < text.length) end = Math.max(text.lastIndexOf(" ", end), start + 1);
    const shown = marked(text.slice(start, end).trim(), stems);
    const cut = start > 0 && start !== sentence;
    return `${cut ? "… " : ""}${shown}${end < text.length ? " …" : ""}`;
  }

  /** @type {ReturnType<typeof searcher>} */
  let search = () => [];
  addEventListener("message", (event) => {
    event.stopImmediatePropagation(); // the theme's own answer is not wanted
    const { type, data } = /** @type {{ type: number, data: any }} */ (event.data);
    if (type === SETUP) {
      search = searcher(data.docs);
      postMessage({ type: READY });
    } else if (type === QUERY) postMessage({ type: RESULT, data: { items: search(data) } });
  });
})();
