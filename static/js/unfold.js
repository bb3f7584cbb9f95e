// details[data-load="address"]: what it holds is fetched when it is first opened, into its .more. Until then, and
// without scripts, a link stands there.
document.addEventListener("toggle", (event) => load(event.target), true);
// Those that came open said so before this was here to listen.
for (const details of document.querySelectorAll("details[data-load][open]")) load(details);

async function load(details) {
  const address = details.open && details.dataset?.load;
  if (!address) return;
  delete details.dataset.load;
  const target = details.querySelector(".more");
  await window.htmx.ajax("GET", address, { target, swap: "innerHTML" }).catch(() => { details.dataset.load = address; });
}
