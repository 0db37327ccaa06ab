/** Short notes at the bottom: what was done, with a way back; what was refused. */

import { signal } from "@preact/signals";

interface Note {
  id: number;
  text: string;
  wrong: boolean;
  undo?: (() => void) | undefined;
}

const notes = signal<readonly Note[]>([]);
let number = 0;
const STAYS = 8000;

export function note(text: string, undo?: () => void): void {
  put({ id: ++number, text, wrong: false, undo });
}

export function complain(text: string): void {
  put({ id: ++number, text, wrong: true });
}

function put(made: Note): void {
  notes.value = [...notes.value.slice(-2), made];
  setTimeout(() => drop(made.id), STAYS);
}

function drop(id: number): void {
  notes.value = notes.value.filter((each) => each.id !== id);
}

export function Notes() {
  return (
    <div class="notes" role="status">
      {notes.value.map((each) => (
        <p key={each.id} class={each.wrong ? "wrong" : undefined}>
          <span>{each.text}</span>
          {each.undo && (
            <button type="button" onClick={() => (drop(each.id), each.undo?.())}>Undo</button>
          )}
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => drop(each.id)}>×</button>
        </p>
      ))}
    </div>
  );
}
