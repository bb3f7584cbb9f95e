// form[data-choose]: [data-choice] boxes of a list. x chooses the row under the cursor, o unfolds it, shift chooses
// all between; [data-choose-all] all of the page. What was chosen stays so when the list is swapped for a newer one.
import { isForThePage } from "./typing.js";

const chosen = new Set();
let last = null;

const boxes = () => [...document.querySelectorAll("[data-choose] [data-choice]")];

function show() {
  const all = boxes();
  const count = all.filter((box) => box.checked).length;
  for (const every of document.querySelectorAll("[data-choose-all]")) {
    every.hidden = all.length === 0;
    every.checked = count > 0 && count === all.length;
    every.indeterminate = count > 0 && count < all.length;
  }
  for (const words of document.querySelectorAll("[data-chosen]")) {
    const said = count === 0 ? "Choose runs by their boxes." : count === 1 ? "1 run is chosen." : `${count} runs are chosen.`;
    if (words.textContent !== said) words.textContent = said;
  }
  for (const bar of document.querySelectorAll("[data-choose-bar]")) bar.toggleAttribute("data-some", count > 0);
}

function choose(box, checked) {
  box.checked = checked;
  if (checked) chosen.add(box.value);
  else chosen.delete(box.value);
}

function chooseTo(box) {
  const all = boxes();
  const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
  if (from >= 0) for (const between of all.slice(from, to + 1)) choose(between, box.checked);
}

document.addEventListener("click", (event) => {
  const box = event.target.closest?.("[data-choice]");
  if (!box) return;
  choose(box, box.checked);
  if (event.shiftKey && last) chooseTo(box);
  last = box;
  show();
});

document.addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-choose-all]")) return;
  for (const box of boxes()) choose(box, event.target.checked);
  show();
});

document.addEventListener("keydown", (event) => {
  if (!isForThePage(event, { inBoxes: true }) || event.repeat) return;
  const row = document.activeElement?.closest("[data-list] tr");
  const target = row?.querySelector({ x: "[data-choice]", o: "[data-fold]" }[event.key] ?? "none");
  if (!target) return;
  event.preventDefault();
  target.click();
});

// A run that is no longer on the page, or has ended, is not chosen any more: only what one sees is steered.
document.addEventListener("htmx:afterSettle", () => {
  const shown = boxes();
  const position = last?.value;
  for (const box of shown) box.checked = chosen.has(box.value);
  for (const value of chosen) if (!shown.some((box) => box.value === value)) chosen.delete(value);
  last = shown.find((box) => box.value === position) ?? null;
  show();
});

addEventListener("pageshow", () => {
  for (const box of boxes()) choose(box, box.checked);
  show();
});
