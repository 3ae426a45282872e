// Everything works without this. It fills in the time zone, and previews interests while
// they are typed.
"use strict";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const field of document.querySelectorAll("[data-zone]")) {
  if (zone && !field.value) field.value = zone;
}

for (const field of document.querySelectorAll("[data-preview]")) {
  const kind = field.form.querySelector("[name=kind]");
  const place = document.getElementById(field.dataset.shows);
  let waiting = 0;
  let asked = 0;

  // Of several lines, the one that is being typed.
  function line() {
    const { value, selectionStart } = field;
    const start = value.lastIndexOf("\n", selectionStart - 1) + 1;
    return value.slice(start).split("\n", 1)[0].trim();
  }

  async function preview() {
    const text = line();
    const number = ++asked;
    if (!text) {
      place.replaceChildren();
      field.removeAttribute("aria-invalid");
      return;
    }
    const query = new URLSearchParams({ text, kind: kind ? kind.value : "keyword" });
    let answer;
    try {
      answer = await fetch(`${field.dataset.preview}?${query}`, { headers: { accept: "application/json" } });
    } catch {
      return;
    }
    if (number !== asked) return;
    if (answer.status === 429) {
      // Nothing is said: what was typed last is tried when it may be.
      waiting = setTimeout(preview, 1000 * (Number(answer.headers.get("retry-after")) || 5));
      return;
    }
    if (!answer.ok && answer.status !== 422) return;
    const found = await answer.json();
    if (number === asked) show(found);
  }

  function show(found) {
    const said = document.createElement("p");
    said.textContent = found.said;
    const parts = [said];
    if (found.drawing) {
      const drawing = document.createElement("pre");
      drawing.textContent = found.drawing;
      parts.push(drawing);
    }
    if (found.suggestion) {
      const line = document.createElement("p");
      const use = document.createElement("button");
      use.type = "button";
      use.className = "plain";
      use.textContent = found.suggestion;
      use.addEventListener("click", () => {
        field.value = field.value.replace(line(), found.suggestion);
        field.focus();
        preview();
      });
      line.append("Did you mean ", use, "?");
      parts.push(line);
    }
    if (found.papers.length) {
      const list = document.createElement("ol");
      for (const paper of found.papers) {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = paper.url;
        link.dir = "auto";
        link.textContent = paper.title;
        const why = document.createElement("small");
        why.textContent = paper.why;
        item.append(link, why);
        list.append(item);
      }
      parts.push(list);
    }
    place.dataset.state = found.ok ? "good" : "bad";
    place.replaceChildren(...parts);
    if (found.ok) field.removeAttribute("aria-invalid");
    else field.setAttribute("aria-invalid", "true");
  }

  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(preview, 300);
  });
  if (kind) kind.addEventListener("change", preview);
}
