/** Signed in, but nobody has let them in yet. */

import { useEffect, useState } from "preact/hooks";
import type { Me } from "../../api";
import { look, signOut } from "../../session";
import { Gate } from "./gate";

export function Pending({ who }: { who: Me }) {
  const [looked, setLooked] = useState(false);
  useEffect(() => {
    const seen = (): void => void (!document.hidden && look());
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, []);
  const blocked = who.status === "blocked";
  return (
    <Gate title={blocked ? "This account is blocked" : "Almost there"}>
      <p>
        You are signed in as <strong>{who.email}</strong>.{" "}
        {blocked ? "An administrator has blocked this account." : "An administrator has to let you in; this page opens by itself when you come back to it after that."}
      </p>
      {!blocked && (
        <>
          <p class="dim">For the administrator, on the machine where Weir runs:</p>
          <p><code class="line">weir call users.approve '{`{"id": ${who.id}}`}'</code></p>
        </>
      )}
      <p class="row">
        {!blocked && <button type="button" class="main" onClick={() => void look().then(() => setLooked(true))}>Look again</button>}
        <button type="button" onClick={() => void signOut()}>Sign out</button>
      </p>
      <p class="dim" role="status">{looked && !blocked ? "Not yet." : ""}</p>
    </Gate>
  );
}
