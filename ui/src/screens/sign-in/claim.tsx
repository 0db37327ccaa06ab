/** The first start: whoever holds the printed link becomes the administrator. */

import { useState } from "preact/hooks";
import type { SignedIn } from "../../api";
import { Field } from "../../parts/field";
import { go } from "../../route";
import { rest, signedIn } from "../../session";
import { Gate, useSending } from "./gate";

export function Claim({ token }: { token: string }) {
  const [email, setEmail] = useState("");
  const { busy, fault, wrong, send } = useSending();
  const claim = (event: Event): void => {
    event.preventDefault();
    send(async () => {
      const answer = await rest<SignedIn>("session/claim", { token, email: email.trim() });
      go("/", true);
      await signedIn(answer);
    });
  };
  return (
    <Gate title="Make this Weir yours">
      <form onSubmit={claim}>
        <p class="dim">The link you opened works once. Your email becomes this appliance's administrator, and codes for signing in go there.</p>
        <Field label="Email" name="email" email fill="username" value={email} onText={setEmail} wrong={wrong("email")}
               placeholder="you@example.com" />
        <p class="wrong" role="alert">{fault || wrong("token")}</p>
        <button type="submit" class="main" disabled={busy}>{busy ? "A moment…" : "Claim and sign in"}</button>
      </form>
      <p class="dim">Already claimed? <a href="/">Sign in</a></p>
    </Gate>
  );
}
