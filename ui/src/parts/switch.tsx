/** On or off, for a thumb too. */

export function Switch({ on, label, busy, onChange }: { on: boolean; label: string; busy?: boolean; onChange: (on: boolean) => void }) {
  return (
    <button type="button" class="switch" role="switch" aria-checked={on} aria-label={label} aria-busy={busy}
            title={label} disabled={busy} onClick={() => onChange(!on)}>
      <span />
    </button>
  );
}
