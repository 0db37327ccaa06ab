import { render } from "preact";
import { App } from "./app";
import { listen } from "./keys";
import { keepSocket } from "./live";
import { follow } from "./route";
import { look, me, renew, RENEW_EVERY } from "./session";
import * as theme from "./theme";

theme.follow();
follow();
listen();
keepSocket();
setInterval(() => me.value && !document.hidden && void renew(), RENEW_EVERY);
const root = document.getElementById("app");
if (root) render(<App />, root);
void look();
