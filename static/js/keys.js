// [data-key="a"]: pressing the key presses the control. A key held down, or pressed just after the page
// changed under the hand, does nothing: a decision is not a matter of rhythm.
import { isForThePage } from "./typing.js";

const SETTLE_MS = 400;
let shownAt = performance.now();
addEventListener("pageshow", () => { shownAt = performance.now(); });

document.addEventListener("keydown", (event) => {
  if (!isForThePage(event) || event.repeat || event.key.length !== 1) return;
  const control = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!control || !control.checkVisibility() || performance.now() - shownAt < SETTLE_MS) return;
  event.preventDefault();
  control.click();
});
