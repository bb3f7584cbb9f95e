// The number of questions that wait stands in the title and as a dot on the icon, whatever page is open.
const icon = document.querySelector("link[rel=icon]");
const plain = document.title.replace(/^\(\d+\+?\) /, "");

function show() {
  const count = document.querySelector("[data-waiting]")?.dataset.waiting ?? "";
  const waits = count !== "" && count !== "0";
  document.title = waits ? `(${count}) ${plain}` : plain;
  const href = waits ? icon?.dataset.waitingIcon : icon?.dataset.plainIcon;
  if (icon && href && icon.getAttribute("href") !== href) icon.setAttribute("href", href);
}

document.addEventListener("htmx:afterSettle", show);
show();
