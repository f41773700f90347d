/* The card of a screen that has stopped for good: another tab took over, the person was removed, the session is over. */

/** Shows the sentence; with a word for it also one button. modal: the page behind can no longer be used. */
export function card(kind, sentence, word, pressed, modal) {
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
  if (modal) dialog.showModal();
  else dialog.show();
}
