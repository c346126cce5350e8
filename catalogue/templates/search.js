const wanted = document.getElementById("wanted"), rows = [...document.querySelectorAll("tr[data-words]")], found = document.getElementById("found");
const search = () => {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) row.hidden = !words.every(word => row.dataset.words.includes(word));
  for (const part of document.querySelectorAll("section")) part.hidden = !part.querySelector("tr[data-words]:not([hidden])");
  const shown = rows.filter(row => !row.hidden).length;
  found.textContent = words.length ? `${shown} of ${rows.length} tables` : `${rows.length} tables`;
};
wanted.addEventListener("input", search);
search();
