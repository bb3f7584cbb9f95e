// [data-reload] fragments fetch themselves again (htmx asks, see hx-trigger). They wait while nobody looks or
// somebody types in them, swap only what is new, and keep what was unfolded, focused and scrolled. [data-rest] waits
// for what comes next, and asks for nothing while nobody looks.
const seen = new WeakMap();
const FRESH_EACH_TIME = /name="(csrfmiddlewaretoken|attempt)" value="[^"]*"/g;

document.addEventListener("htmx:beforeRequest", (event) => {
  const fragment = event.target; // and not a form within it, which somebody sends
  if (fragment.matches?.("[data-reload]") && (document.hidden || isHeld(fragment))) event.preventDefault();
  if (document.hidden && event.target.matches?.("[data-rest]")) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const fragment = event.detail.target;
  if (!fragment.matches?.("[data-reload]")) return;
  const answer = event.detail.serverResponse.replace(FRESH_EACH_TIME, "");
  const old = seen.get(fragment) === answer;
  seen.set(fragment, answer);
  if (old || isHeld(fragment)) {
    event.detail.shouldSwap = false;
    return;
  }
  const kept = { unfolded: unfolded(fragment), focus: focusIn(fragment), answer };
  document.addEventListener("htmx:afterSwap", () => restore(fragment.id, kept), { once: true });
});

function isHeld(fragment) {
  if (fragment.querySelector("details[data-hold][open]")) return true;
  const selection = getSelection();
  return Boolean(selection && !selection.isCollapsed && fragment.contains(selection.anchorNode));
}

function unfolded(fragment) {
  return [...fragment.querySelectorAll("details[id][open]")].map((one) => one.id);
}

function focusIn(fragment) {
  const focused = document.activeElement;
  if (!focused || !fragment.contains(focused)) return null;
  const holder = focused.closest("[id]");
  return { id: holder.id, summary: focused.matches("summary"), href: focused.getAttribute("href") };
}

function restore(id, { unfolded, focus, answer }) {
  const fragment = document.getElementById(id);
  if (!fragment) return;
  seen.set(fragment, answer);
  for (const name of unfolded) document.getElementById(name)?.setAttribute("open", "");
  if (!focus || fragment.contains(document.activeElement)) return;
  const holder = document.getElementById(focus.id) ?? fragment;
  const link = focus.href && [...fragment.querySelectorAll("a")].find((one) => one.getAttribute("href") === focus.href);
  (link || (focus.summary && holder.querySelector("summary")) || holder).focus?.({ preventScroll: true });
}
