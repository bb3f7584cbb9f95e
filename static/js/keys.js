// The keyboard, where it belongs to the page: [data-find] takes /, dialog[data-help] takes ?, j and k move through
// the [data-item]s of [data-list]s, and [data-key="a"] is a control that a key presses.
import { isForThePage } from "./typing.js";

const SETTLE_MS = 400;
let shownAt = performance.now();
addEventListener("pageshow", () => { shownAt = performance.now(); });

const help = document.querySelector("dialog[data-help]");
const KEYS = { "/": goToFind, "?": showHelp, j: move, k: move };

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.activeElement === findField()) document.activeElement?.blur();
  else if (isForThePage(event)) (KEYS[event.key] ?? press)(event);
});

for (const opener of help ? document.querySelectorAll("[data-open-help]") : []) {
  opener.hidden = false;
  opener.addEventListener("click", () => {
    opener.closest("details")?.removeAttribute("open");
    help.showModal();
  });
}

function findField() {
  return [...document.querySelectorAll("[data-find]")].find((one) => one.checkVisibility());
}

function goToFind(event) {
  const field = findField();
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}

function showHelp(event) {
  if (!help) return;
  event.preventDefault();
  help.showModal();
}

// Enter is the browser's own.
function move(event) {
  const items = [...document.querySelectorAll("[data-list] [data-item]")].filter((item) => item.checkVisibility());
  if (items.length === 0) return;
  event.preventDefault();
  const focused = items.indexOf(document.activeElement);
  const place = focused >= 0 ? focused : items.findIndex((item) => item.hasAttribute("aria-current"));
  const next = place < 0 ? 0 : place + (event.key === "j" ? 1 : -1);
  const item = items[Math.min(Math.max(next, 0), items.length - 1)];
  item.focus();
  item.scrollIntoView({ block: "nearest" });
}

// A key held down, or pressed just after the page changed under the hand, does nothing: a decision is not a matter of
// rhythm.
function press(event) {
  if (event.repeat || event.key.length !== 1) return;
  const control = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!control || !control.checkVisibility() || performance.now() - shownAt < SETTLE_MS) return;
  event.preventDefault();
  control.click();
}
