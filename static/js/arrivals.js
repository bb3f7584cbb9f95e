// [data-arrivals]: a list that is being read does not jump. What is on it changes where it stands; what came or went is
// counted ("3 new"), and n or a click shows it. A list that nobody reads takes all in at once.
import { morph } from "./morph.js";
import { isForThePage } from "./typing.js";

const held = new WeakMap();

document.addEventListener("htmx:beforeSwap", (event) => {
  const list = event.detail.target;
  if (!list.matches?.("[data-arrivals]") || event.detail.requestConfig.triggeringEvent?.type !== "live") return;
  const now = parse(event.detail.serverResponse, list.id);
  if (!now) return;
  const [old, fresh] = [rowsOf(list), rowsOf(now)];
  const came = [...fresh.keys()].filter((id) => !old.has(id));
  const went = [...old.keys()].filter((id) => !fresh.has(id));
  const moves = came.length || went.length || [...old.keys()].join() !== [...fresh.keys()].join();
  if (!moves || !isRead(list)) {
    forget(list);
    return;
  }
  event.detail.shouldSwap = false;
  held.set(list, now);
  for (const [id, row] of fresh) if (old.has(id)) update(old.get(id), row.cloneNode(true));
  for (const id of went) old.get(id).setAttribute("data-gone", "");
  say(list, came.length, went.length);
  settled(list);
});

document.addEventListener("click", (event) => {
  const list = event.target.closest?.("[data-show-arrivals]") && document.querySelector("[data-arrivals]");
  if (list) takeIn(list);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "n" || event.repeat || !isForThePage(event)) return;
  const list = [...document.querySelectorAll("[data-arrivals]")].find((one) => held.has(one));
  if (!list) return;
  event.preventDefault();
  event.stopImmediatePropagation(); // what is new comes before the next question
  takeIn(list);
}, true);

function parse(html, id) {
  return new DOMParser().parseFromString(html, "text/html").getElementById(id);
}

function rowsOf(list) {
  return new Map([...list.querySelectorAll("[data-row][id]")].map((row) => [row.id, row]));
}

function isRead(list) {
  const scrolled = list.scrollTop > 0 || list.getBoundingClientRect().top < 0;
  return !document.hidden && (scrolled || list.matches(":hover") || list.contains(document.activeElement));
}

function update(row, now) {
  const fresh = [];
  morph(row, now, fresh);
  for (const one of fresh) window.htmx.process(one);
}

function takeIn(list) {
  const now = held.get(list);
  if (!now) return;
  forget(list);
  update(list, now);
  list.scrollTop = 0;
  settled(list);
}

// For what looks at a list after each swap.
function settled(list) {
  list.dispatchEvent(new CustomEvent("htmx:afterSettle", { bubbles: true, detail: { elt: list } }));
}

function forget(list) {
  held.delete(list);
  document.querySelector("[data-show-arrivals]")?.setAttribute("hidden", "");
}

function say(list, came, went) {
  const button = document.querySelector("[data-show-arrivals]");
  const parts = [came && `${came} new`, went && `${went} gone`].filter(Boolean);
  const said = parts.length ? parts.join(", ") : "Another order";
  const words = button?.querySelector("[data-words]");
  if (!words) return;
  button.hidden = false;
  if (words.textContent !== said) words.textContent = said;
}
