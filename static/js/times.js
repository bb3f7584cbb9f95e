// time[data-form]: how long ago, or how long until, goes on being true while the page stays open. The words are the
// server's: "4 min 31 s", or one unit alone in lists.
const UNITS = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
const EVERY_MS = 1000;
// By the server's clock: the browser's may be wrong by hours.
const skew = document.body.dataset.now ? Date.parse(document.body.dataset.now) - Date.now() : 0;

setInterval(() => { if (!document.hidden) tick(); }, EVERY_MS);
document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });

function tick() {
  for (const time of document.querySelectorAll("time[data-form]")) {
    const seconds = (Date.now() + skew - Date.parse(time.dateTime)) / 1000;
    const said = wordsOf(time.dataset.form, time.dataset.words ?? "", seconds);
    if (said && time.textContent !== said) time.textContent = said;
  }
}

function wordsOf(form, words, seconds) {
  if (form === "since") return roughly(seconds);
  if (form === "until") return -seconds > 1 ? `in ${inWords(-seconds)}` : "now";
  if (form === "left") return seconds < 0 ? words.replace("%s", roughly(-seconds)) : "";
  return words.replace("%s", inWords(seconds));
}

function inWords(span) {
  const seconds = Math.max(0, Math.trunc(span));
  const place = UNITS.findIndex(([size]) => seconds >= size);
  if (place < 0) return "0 s";
  const [size, unit] = UNITS[place];
  const [count, rest] = [Math.trunc(seconds / size), seconds % size];
  const [smaller, name] = UNITS[place + 1] ?? [];
  return smaller && count < 10 && rest >= smaller ? `${count} ${unit} ${Math.trunc(rest / smaller)} ${name}` : `${count} ${unit}`;
}

function roughly(span) {
  const seconds = Math.max(0, Math.trunc(span));
  const [size, unit] = UNITS.find(([one]) => seconds >= one) ?? [];
  return size ? `${Math.trunc(seconds / size)} ${unit}` : "now";
}
