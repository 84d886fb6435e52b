/** Copy buttons: hidden until there is a script to make them work. */
export function enableCopy(within: ParentNode): void {
  for (const button of within.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => void copy(button));
  }
}

async function copy(button: HTMLButtonElement): Promise<void> {
  const beside = button.previousElementSibling?.textContent ?? "";
  await navigator.clipboard.writeText(button.dataset["copy"] || beside);
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  said.textContent = "Copied";
  button.append(said);
  setTimeout(() => said.remove(), 1500);
}
