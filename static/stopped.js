/* The card of a screen that has stopped for good: another tab took over, or the person was removed. */

/** Shows the sentence over a page that can no longer be used; with a word for it also one button. */
export function card(kind, sentence, word, pressed) {
  const dialog = document.createElement("dialog");
  const text = document.createElement("p");
  dialog.className = "card";
  dialog.dataset.card = kind;
  text.textContent = sentence;
  dialog.append(text);
  if (word) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button is-primary";
    button.textContent = word;
    button.onclick = () => {
      dialog.remove();
      pressed();
    };
    dialog.append(button);
  }
  dialog.oncancel = (event) => event.preventDefault();
  document.body.append(dialog);
  dialog.showModal();
}
