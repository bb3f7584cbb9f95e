// hx-swap="morph": what is shown becomes what came, node by node, and what stays the same is not touched: focus,
// scroll, selection, what is unfolded and what is being typed stay where they are. Elements are known by their id.
const OWN_STATE = { details: ["open"], dialog: ["open"] };
const SHOWN_BY_SCRIPTS = "[data-copy], [data-choose-all], [data-open-help], [data-keys]";

window.htmx.defineExtension("morph", {
  isInlineSwap: (style) => style === "morph",
  handleSwap(style, target, fragment, settleInfo) {
    if (style !== "morph") return false;
    const root = fragment.firstElementChild ?? fragment;
    if (!root || root.nodeName !== target.nodeName || root.id !== target.id) {
      target.replaceWith(root);
      settleInfo.elts.push(root);
      return [root];
    }
    const fresh = [];
    morph(target, root, fresh);
    settleInfo.elts.push(target);
    return fresh;
  },
});

export function morph(old, now, fresh = []) {
  if (old.nodeType !== now.nodeType || old.nodeName !== now.nodeName || (old.id ?? "") !== (now.id ?? "")) {
    old.replaceWith(now);
    if (now.nodeType === Node.ELEMENT_NODE) fresh.push(now);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== now.nodeValue) old.nodeValue = now.nodeValue;
    return;
  }
  if (old.isEqualNode(now)) return;
  if (takeAttributes(old, now)) fresh.push(old);
  takeChildren(old, now, fresh);
}

// Whether htmx has to look at the element anew: it remembers where an element asks.
function takeAttributes(old, now) {
  if (old.matches("input[name=attempt], input[name=csrfmiddlewaretoken]")) return false; // as good as new, maybe on its way
  let asksElsewhere = false;
  const own = OWN_STATE[old.localName] ?? (old.matches(SHOWN_BY_SCRIPTS) ? ["hidden"] : []);
  for (const { name, value } of [...now.attributes]) {
    if (own.includes(name) || old.getAttribute(name) === value) continue;
    old.setAttribute(name, value);
    asksElsewhere ||= name.startsWith("hx-");
  }
  for (const { name } of [...old.attributes]) {
    if (own.includes(name) || now.hasAttribute(name)) continue;
    old.removeAttribute(name);
    asksElsewhere ||= name.startsWith("hx-");
  }
  return asksElsewhere;
}

function takeChildren(old, now, fresh) {
  let place = old.firstChild;
  for (const child of [...now.childNodes]) {
    const match = matchOf(old, place, child);
    if (!match) {
      old.insertBefore(child, place);
      if (child.nodeType === Node.ELEMENT_NODE) fresh.push(child);
      continue;
    }
    // What stands between goes, unless it will be wanted by its id further on.
    while (place && place !== match && !place.id) place = remove(place);
    if (place !== match) old.insertBefore(match, place);
    else place = match.nextSibling;
    // [data-keep] loads itself: its beginning does not replace what it has become.
    if (match.hasAttribute?.("data-keep") && child.hasAttribute("data-keep")) continue;
    morph(match, child, fresh);
  }
  while (place) place = remove(place);
}

// The same thing by its id; else the next one of the same kind that has none.
function matchOf(old, place, child) {
  if (child.id) return [...old.children].find((one) => one.id === child.id && one.localName === child.localName);
  for (let one = place; one; one = one.nextSibling) {
    if (one.nodeType === child.nodeType && one.nodeName === child.nodeName && !one.id) return one;
    if (one.nodeType === Node.ELEMENT_NODE && child.nodeType === Node.ELEMENT_NODE) return undefined;
  }
  return undefined;
}

// What somebody wrote outlives the form that it was written for; it cannot be sent any more.
function remove(node) {
  const next = node.nextSibling;
  if (node.nodeType === Node.ELEMENT_NODE && holdsWords(node)) keepWords(node);
  else node.remove();
  return next;
}

function holdsWords(node) {
  return [...node.querySelectorAll("textarea, input[type=text], input:not([type])")].some(
    (field) => field.value !== field.defaultValue);
}

function keepWords(node) {
  if (node.hasAttribute("data-late")) return;
  node.setAttribute("data-late", "");
  for (const control of node.querySelectorAll("button, [data-key]")) {
    control.removeAttribute("data-key");
    if ("disabled" in control) control.disabled = true;
  }
  const note = document.createElement("p");
  note.className = "note is-waiting";
  note.setAttribute("role", "status");
  note.textContent = "This moved on while you were writing. What you wrote is kept here until you leave the page; it was not sent.";
  node.prepend(note);
}
