/** No campaign yet: how the first one is made. */

import { Copy } from "../../parts/copy";

export function NoCampaigns() {
  return (
    <section class="teach">
      <h2>No campaigns yet</h2>
      <p>A campaign has a tracked link; its streams decide where a click goes. Three lines in a shell make one that works:</p>
      <ol>
        <li><Copy label="the first line" text={`weir call destinations.create '{"name": "Offer", "url": "https://offer.example/?cid={click_id}"}'`} /></li>
        <li><Copy label="the second line" text={`weir call campaigns.create '{"name": "First", "slug": "first"}'`} /></li>
        <li><Copy label="the third line" text={`weir call streams.create '{"campaign_id": 1, "targets": [{"destination_id": 1}]}'`} /></li>
      </ol>
    </section>
  );
}
