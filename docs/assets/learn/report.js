/** "Report a problem with this question": what a maintainer needs to find it, as a prepared issue or as text to copy. */

import { copier, make } from "./dom.js";

/** Where issues of the course are kept: `repo_url` of the site's configuration, or "". */
function repository() {
  const named = document.querySelector('meta[name="course:repository"]')?.getAttribute("content");
  return named?.replace(/\/+$/, "") ?? "";
}

/**
 * The address of a new issue, filled in. GitLab names its parameters otherwise than GitHub, Gitea and Codeberg.
 *
 * @param {string} home address of the repository
 * @param {string} title
 * @param {string} body
 */
export function issueAddress(home, title, body) {
  const gitlab = new URL(home).hostname.includes("gitlab");
  const names = gitlab ? ["issue[title]", "issue[description]"] : ["title", "body"];
  const asked = new URLSearchParams([[names[0], title], [names[1], body]]);
  return `${home}${gitlab ? "/-" : ""}/issues/new?${asked}`;
}

/** @param {HTMLElement} question */
function details(question) {
  const { id, hash } = question.dataset;
  const version = document.querySelector("[data-version]")?.getAttribute("data-version") ?? "unknown";
  const lesson = document.title.split(" - ")[0];
  const address = new URL(location.href);
  address.search = "";
  address.hash = question.id;
  return [`Question: ${id}`, `Text: ${hash}`, `Lesson: ${lesson}`, `Course: ${version}`, `Page: ${address}`].join("\n");
}

/** A link to a new issue, or the details to copy where the site names no repository. @param {HTMLElement} question */
export function report(question) {
  const words = "Report a problem with this question";
  const text = details(question);
  const home = repository();
  if (home) {
    const body = `What is wrong, and what did you expect?\n\n\n\n${text}`;
    const href = issueAddress(home, `Question ${question.dataset.id}: `, body);
    return make("p", { class: "quiz-report" }, make("a", { href, rel: "noopener" }, words));
  }
  const shown = make("pre", { tabindex: "0", "aria-label": "Details of the question" }, text);
  const say = make("p", {}, "Send these lines to whoever gave you the course, and say what is wrong.");
  return make("details", { class: "quiz-report" }, make("summary", {}, words), say, shown,
    make("div", { class: "quiz-buttons" }, ...copier("Copy the details", text, shown)));
}
