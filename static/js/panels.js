// details[data-panel]: opening goes to its first field, Escape closes it, and one [data-popup] closes on a click outside.
const firstField = (panel) => panel.querySelector("[aria-invalid=true]") ?? panel.querySelector(
  "textarea, select, input:not([type=hidden])");

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details[data-panel][open]")) firstField(event.target)?.focus();
}, true);

// The answer to a form that was wrong opens where it is wrong.
const opened = [...document.querySelectorAll("details[data-panel][open]")].find((one) => one.checkVisibility());
(document.querySelector("[aria-invalid=true]") ?? (opened && firstField(opened)))?.focus();

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  const open = [...document.querySelectorAll("details[data-panel][open], details[data-popup][open]")].pop();
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  for (const popup of document.querySelectorAll("details[data-popup][open]")) {
    if (!popup.contains(event.target)) popup.open = false;
  }
});
