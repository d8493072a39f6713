/**
 * Uses the site in Firefox as a reader does, and writes what is wrong as JSON: a check's name → its problem, or nothing.
 *
 * Puppeteer speaks WebDriver BiDi with any installed Firefox; Playwright needs one of its own making.
 * Arguments: the program, the site's address, and that of a lesson.
 */

import assert from "node:assert/strict";
import puppeteer from "puppeteer-core";

const [program, site, lesson] = process.argv.slice(1);
const PATIENCE = 30_000; // milliseconds: other work on the machine is not the page's
const PHONE = { width: 360, height: 780 }, DESKTOP = { width: 1280, height: 900 };

/** Whether what matches has a size and is within the window. */
const IN_SIGHT = (selector) => [...document.querySelectorAll(selector)].some((element) => {
  const { top, bottom, width, height } = element.getBoundingClientRect();
  return width > 0 && height > 0 && bottom > 0 && top < innerHeight;
});
const inSight = (page, selector) => page.waitForFunction(IN_SIGHT, {}, selector);
const text = (page, selector) => page.$eval(selector, (element) => element.textContent.trim());

/** Clicks what matches, after it was brought to the middle of the window, where nothing of the page's frame lies on it. */
async function click(page, selector) {
  const found = await page.waitForSelector(selector);
  await found.evaluate((element) => element.scrollIntoView({ block: "center", behavior: "instant" }));
  await found.click();
}

async function hover(page, selector) {
  const found = await page.waitForSelector(selector);
  await found.evaluate((element) => element.scrollIntoView({ block: "center", behavior: "instant" }));
  await found.hover();
}

const CHECKS = {
  async home(page) {
    await page.goto(site);
    await inSight(page, "h1");
    await click(page, 'article a[href*="lessons/"]');
    await page.waitForFunction(() => location.pathname.includes("/lessons/") && document.querySelector("h1"));
  },

  async lesson(page) {
    for (const size of [PHONE, DESKTOP]) {
      await page.setViewport(size);
      await page.goto(lesson);
      await inSight(page, "h1");
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page scrolls sideways");
    }
    const figures = await page.$$eval("figure svg", (all) => all.map((svg) => svg.clientWidth));
    assert.ok(figures.length && figures.some((width) => width > 300), "there is no figure");
    await click(page, ".task-list-item input");
    await page.reload();
    assert.deepEqual(await page.$$eval(".task-list-item input", (all) => all.slice(0, 2).map((box) => box.checked)), [true, false]);
  },

  async quiz(page) {
    await page.goto(lesson);
    const asked = `.question[data-kind="choice"]`;
    const id = await page.$eval(asked, (question) => question.id);
    await click(page, `#${id} .option:not([data-right]) input`);
    await click(page, `#${id} .quiz-buttons button`);
    await page.waitForSelector(`#${id}.is-wrong .quiz-note:not(:empty)`);
    await page.reload();
    await page.waitForSelector(`#${id}.is-wrong`);
  },

  async prediction(page) {
    await page.goto(lesson);
    const asked = `.predict[data-kind="choice"]`;
    const [id, cells] = await page.$eval(asked, ({ id, dataset }) => [id, dataset.cells.split(" ")]);
    assert.equal(await page.$eval(`#reveal-${cells[0]}`, (result) => result.open), false);
    await click(page, `#${id} .predict-choices input`);
    await click(page, `#${id} ::-p-text(Compare)`);
    await page.waitForFunction((at) => document.querySelector(`#${at} .predict-choices`)?.textContent.includes("your guess"), {}, id);
    await page.reload();
    await page.waitForFunction((at) => document.querySelector(`#${at} .predict-choices`)?.textContent.includes("your guess"), {}, id);
  },

  async widgets(page) {
    await page.goto(`${site}tools/`);
    await page.waitForSelector("#widget-memory.is-live");
    const total = "#widget-memory [data-text=total]";
    const before = await text(page, total);
    await click(page, '#widget-memory label:has(input[value="full"]), #widget-memory input[value="full"] + label');
    await page.waitForFunction((place, was) => document.querySelector(place).textContent.trim() !== was, {}, total, before);
    await page.waitForFunction(() => location.search.includes("memory.method=full"));
  },

  async mathematics(page) {
    await page.goto(lesson);
    const fractions = await page.$$eval("math mfrac", (all) => all.filter((fraction) => fraction.checkVisibility()).map(({ children: [above, below] }) =>
      [above.getBoundingClientRect().bottom, below.getBoundingClientRect().top]));
    assert.ok(fractions.length, "there is no fraction");
    for (const [above, below] of fractions) assert.ok(above <= below + 1, "a numerator is not above its denominator");
    const font = await page.evaluate(async () => {
      await document.fonts.ready;
      return [...document.fonts].filter(({ family, status }) => /math/i.test(family) && status === "loaded").length;
    });
    assert.ok(font, "the font of mathematics is not loaded");
  },

  async popovers(page) {
    await page.goto(lesson);
    for (const word of [".md-content p > data", ".md-content p > a.term"]) {
      await hover(page, word);
      await inSight(page, ".explained");
      assert.ok((await text(page, ".explained")).length > 20, "the box says nothing");
      await page.keyboard.press("Escape");
      await page.waitForSelector(".explained", { hidden: true });
    }
  },

  async search(page) {
    await page.goto(site);
    await click(page, ".md-search__input");
    await page.keyboard.type("CUDA out of memory");
    await page.waitForSelector('.md-search-result__item:first-child a[href*="glossary/"][href$="#out-of-memory"]');
  },
};

const browser = await puppeteer.launch({ browser: "firefox", executablePath: program, headless: true, timeout: 4 * PATIENCE });
const found = {};
try {
  for (const [name, check] of Object.entries(CHECKS)) {
    const profile = await browser.createBrowserContext();
    const page = await profile.newPage();
    const problems = [];
    page.setDefaultTimeout(PATIENCE);
    await page.setViewport(DESKTOP);
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => /error|warn/.test(message.type()) && problems.push(message.text()));
    page.on("request", (request) => {
      if (/^(http|ws)/.test(request.url()) && !request.url().startsWith(site)) problems.push(`asked for ${request.url()}`);
    });
    await check(page).catch((error) => problems.push(error.stack));
    found[name] = problems.join("\n");
    await profile.close();
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
