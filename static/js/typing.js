// Whether a key belongs to the page, and not to a field, a dialog or a shortcut of the browser. A box takes no
// letters: with `inBoxes` a key pressed on one counts too.
export function isForThePage(event, { inBoxes = false } = {}) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  if (document.querySelector("dialog[open]")) return false;
  if (inBoxes && event.target.matches("input[type=checkbox]")) return true;
  return !event.target.closest("input, textarea, select, [contenteditable]");
}
