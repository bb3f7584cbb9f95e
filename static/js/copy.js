// [data-copy="text"]: a button, shown where copying is possible, that copies the text and says so.
const said = document.querySelector("[data-said]");

function show(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  if (said) said.textContent = "Copied.";
});

document.addEventListener("htmx:load", (event) => show(event.target));
show(document);
