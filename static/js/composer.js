// form[data-composer]: Enter sends, Shift+Enter begins a line. What was written stays until the server has it, and is
// sent again under the same name, so that a broken connection makes neither a gap nor a repeat.
const LOST = "This could not be sent: the connection is broken. It stands here; send it again.";
const sending = new WeakMap();

for (const hint of document.querySelectorAll("[data-composer] [data-keys]")) hint.hidden = false;

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.altKey || event.isComposing) return;
  const form = event.target.closest("[data-composer]");
  if (!form || event.target.localName !== "textarea") return;
  event.preventDefault();
  if (!event.repeat) form.requestSubmit();
});

// What was refused comes back with the reason.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!of(event) || ![409, 422].includes(event.detail.xhr.status)) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = of(event);
  if (form) sending.set(form, form.elements.text.value);
});

document.addEventListener("htmx:afterRequest", (event) => {
  const form = of(event);
  if (!form) return;
  const { xhr } = event.detail;
  if (xhr.status === 200) {
    // What was typed since it was sent is the next message.
    const [field, sent] = [form.elements.text, sending.get(form) ?? ""];
    field.value = field.value.startsWith(sent) ? field.value.slice(sent.length).trimStart() : field.value;
    field.focus();
  }
  if (xhr.status === 200 || xhr.status === 409 || xhr.status === 422) form.elements.attempt.value = newAttempt();
  else complain(form, LOST);
});

function of(event) {
  const element = event.detail.requestConfig?.elt ?? event.detail.elt;
  return element?.matches?.("[data-composer]") ? element : null;
}

function complain(form, words) {
  const error = form.querySelector("[role=alert]");
  error.querySelector("[data-words]").textContent = words;
  error.hidden = false;
}

function newAttempt() {
  return Array.from(crypto.getRandomValues(new Uint8Array(18)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
